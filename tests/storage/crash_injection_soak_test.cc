// The process dies at every file operation of a scripted run.
#include <gtest/gtest.h>

#include "tests/storage/crash_script.h"

namespace auspex {
namespace {

void Each(SyncMode sync, bool power) {
  CrashScript script(sync);
  int64_t n = 0;
  do {
    SCOPED_TRACE(::testing::Message() << "crash at operation " << n);
    script.RunWithCrashAt(n);
    script.Check(power);
    ++n;
  } while (script.crashed() && !::testing::Test::HasFailure());
  std::cout << n << " crashes\n";
}

TEST(CrashInjectionSoak, ADeathLosesNothingAcknowledged) { Each(SyncMode::kInterval, /*power=*/false); }
TEST(CrashInjectionSoak, APowerLossLosesNothingAcknowledgedWithSyncAlways) { Each(SyncMode::kAlways, /*power=*/true); }

}  // namespace
}  // namespace auspex
