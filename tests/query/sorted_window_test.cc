#include "query/sorted_window.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include <gtest/gtest.h>

#include "query/quantile.h"
#include "tests/support/seed.h"

namespace auspex::query {
namespace {

double PlainDeviation(std::vector<double> values) {
  std::vector<double> sorted = values;
  const double median = Quantile(0.5, sorted);
  for (double& value : values) value = std::abs(value - median);
  return Quantile(0.5, values);
}

void ExpectSame(double got, double want) {
  if (std::isnan(want)) {
    EXPECT_TRUE(std::isnan(got)) << got;
  } else {
    EXPECT_EQ(got, want);
  }
}

TEST(SortedWindowTest, AnswersAsIfItHadBeenSortedAnew) {
  std::mt19937_64 random(testing::TestSeed());
  for (const size_t longest : {3, 50, 5000}) {
    std::vector<double> values;
    for (int i = 0; i < 12'000; ++i) {
      switch (random() % 12) {
        case 0:
          values.push_back(random() % 3 == 0 ? std::nan("") : 0.0);
          break;
        case 1:
          values.push_back(random() % 2 == 0 ? -0.0 : HUGE_VAL);
          break;
        default:
          values.push_back(static_cast<double>(static_cast<int64_t>(random() % 1001) - 500) / 7);
      }
    }
    SortedWindow window;
    size_t begin = 0;
    size_t end = 0;
    while (end < values.size()) {
      end = std::min(values.size(), end + 1 + random() % (longest / 2));
      begin = std::max(begin, end > longest ? end - longest + random() % (longest / 2) : 0);
      window.Slide(values, begin, end);
      ASSERT_EQ(window.size(), end - begin);
      const std::vector<double> now(values.begin() + static_cast<ptrdiff_t>(begin),
                                    values.begin() + static_cast<ptrdiff_t>(end));
      for (const double q : {0.0, 0.5, 0.99, 1.0, -1.0, 2.0, std::nan("")}) {
        std::vector<double> sorted = now;
        ExpectSame(window.Quantile(q), Quantile(q, sorted));
      }
      ExpectSame(window.MedianAbsoluteDeviation(), PlainDeviation(now));
    }
  }
}

// A result must not depend on how the window came about, so not even the signs of zeros may.
TEST(SortedWindowTest, ZerosHaveAnOrder) {
  for (const std::vector<double>& values : {std::vector<double>{0.0, -0.0, 1}, {-0.0, 0.0, 1}}) {
    SortedWindow window;
    window.Slide(values, 0, 3);
    EXPECT_TRUE(std::signbit(window.At(0)));
    EXPECT_FALSE(std::signbit(window.At(1)));
  }
}

}  // namespace
}  // namespace auspex::query
