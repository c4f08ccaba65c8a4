// The process dies at a file operation of a scripted run; every some-th one. crash_injection_soak_test.cc takes each.
#include <gtest/gtest.h>

#include "tests/storage/crash_script.h"
#include "tests/support/seed.h"

namespace auspex {
namespace {

void Sample(SyncMode sync, bool power) {
  constexpr int64_t kRuns = 40;
  CrashScript script(sync);
  const int64_t operations = script.RunWithCrashAt(-1);
  ASSERT_FALSE(script.crashed());
  ASSERT_GT(operations, 200);
  const int64_t stride = operations / kRuns;
  for (int64_t n = static_cast<int64_t>(testing::TestSeed() % static_cast<uint64_t>(stride)); n < operations; n += stride) {
    SCOPED_TRACE(::testing::Message() << "crash at operation " << n);
    script.RunWithCrashAt(n);
    script.Check(power);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(CrashInjection, ADeathLosesNothingAcknowledged) { Sample(SyncMode::kInterval, /*power=*/false); }
TEST(CrashInjection, APowerLossLosesNothingAcknowledgedWithSyncAlways) { Sample(SyncMode::kAlways, /*power=*/true); }

}  // namespace
}  // namespace auspex
