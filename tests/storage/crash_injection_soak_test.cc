// The process dies at every file operation of a scripted run. In slices, so that each ends in minutes and several run at once.
#include <gtest/gtest.h>

#include "tests/storage/crash_script.h"

namespace auspex {
namespace {

constexpr int64_t kSlices = 8;

class CrashInjectionSoak : public ::testing::TestWithParam<int64_t> {
 protected:
  // Every kSlices-th operation, from the slice's number on.
  static void Each(SyncMode sync, bool power) {
    CrashScript script(sync);
    int64_t crashes = 0;
    for (int64_t n = GetParam();; n += kSlices) {
      SCOPED_TRACE(::testing::Message() << "crash at operation " << n);
      script.RunWithCrashAt(n);
      script.Check(power);
      if (::testing::Test::HasFailure() || !script.crashed()) break;
      ++crashes;
    }
    std::cout << crashes << " crashes\n";
  }
};

TEST_P(CrashInjectionSoak, ADeathLosesNothingAcknowledged) { Each(SyncMode::kInterval, /*power=*/false); }
TEST_P(CrashInjectionSoak, APowerLossLosesNothingAcknowledgedWithSyncAlways) { Each(SyncMode::kAlways, /*power=*/true); }

INSTANTIATE_TEST_SUITE_P(Slice, CrashInjectionSoak, ::testing::Range(int64_t{0}, kSlices));

}  // namespace
}  // namespace auspex
