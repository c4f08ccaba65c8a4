// A month in which 10,000 of 11,000 series are new each day.
#include <gtest/gtest.h>

#include "tests/support/series_churn.h"

namespace auspex {
namespace {

TEST(SeriesChurnSoak, MemoryIsFlatAfterTheSecondDay) { testing::CheckChurn(/*days=*/30, /*pods=*/1'000); }

}  // namespace
}  // namespace auspex
