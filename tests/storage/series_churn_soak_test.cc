// A month in which 10,000 of 11,000 series are new each day.
#include <malloc.h>

#include <gtest/gtest.h>

#include "tests/support/series_churn.h"

namespace auspex {
namespace {

TEST(SeriesChurnSoak, MemoryIsFlatAfterTheSecondDay) {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 2);  // as in auspexd: the holes of many arenas are not what is measured
#endif
  testing::CheckChurn(/*days=*/30, /*pods=*/1'000);
}

}  // namespace
}  // namespace auspex
