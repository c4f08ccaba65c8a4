#include "auspex/storage/histogram.h"

#include <cmath>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/seed.h"

namespace auspex {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

HistogramBuckets From(int32_t first, std::vector<double> counts) {
  HistogramBuckets buckets;
  for (const double count : counts) buckets.Push(first++, count);
  return buckets;
}

Histogram Exponential(int32_t schema, double count, double sum, std::vector<double> counts) {
  Histogram histogram;
  histogram.schema = schema;
  histogram.count = count;
  histogram.sum = sum;
  histogram.positive = From(0, std::move(counts));
  return histogram;
}

Histogram Custom(std::vector<double> bounds, double count, double sum, std::vector<double> counts) {
  Histogram histogram = Exponential(kCustomBucketsSchema, count, sum, std::move(counts));
  histogram.custom_values = std::move(bounds);
  return histogram;
}

TEST(HistogramTest, BoundsArePowersOfTwo) {
  const auto bound = [](int32_t schema, int32_t index) { return HistogramBound(Exponential(schema, 0, 0, {}), index); };
  EXPECT_EQ(bound(0, 0), 1);
  EXPECT_EQ(bound(0, 3), 8);
  EXPECT_EQ(bound(0, -2), 0.25);
  EXPECT_EQ(bound(-1, 1), 4);
  EXPECT_EQ(bound(-4, 1), 65536);
  EXPECT_EQ(bound(1, 1), std::sqrt(2.0));
  EXPECT_EQ(bound(1, 2), 2);
  EXPECT_EQ(bound(2, -1), 0.8408964152537145);
  EXPECT_EQ(bound(8, 256), 2);
  EXPECT_EQ(bound(0, 1024), std::numeric_limits<double>::max());
  EXPECT_EQ(bound(0, 1025), kInfinity);
  EXPECT_EQ(bound(0, -2000), 0);
}

TEST(HistogramTest, CustomBoundsEndAtInfinity) {
  const Histogram histogram = Custom({5, 10}, 4, 5, {1, 2, 1});
  const std::vector<HistogramBucket> buckets = AllBuckets(histogram);
  ASSERT_EQ(buckets.size(), 3u);
  EXPECT_EQ(buckets[0].lower, -kInfinity);
  EXPECT_TRUE(buckets[0].lower_inclusive);
  EXPECT_EQ(buckets[0].upper, 5);
  EXPECT_EQ(buckets[1].lower, 5);
  EXPECT_FALSE(buckets[1].lower_inclusive);
  EXPECT_EQ(buckets[2].upper, kInfinity);
}

TEST(HistogramTest, BucketsNextToZeroAreCut) {
  Histogram histogram = Exponential(0, 6, 0, {1, 1});
  histogram.negative = From(0, {1, 1});
  histogram.zero_threshold = 0.75;
  histogram.zero_count = 2;
  const std::vector<HistogramBucket> buckets = AllBuckets(histogram);
  ASSERT_EQ(buckets.size(), 5u);
  EXPECT_EQ(buckets[0].lower, -2);
  EXPECT_EQ(buckets[1].upper, -0.75);
  EXPECT_EQ(buckets[2].lower, -0.75);
  EXPECT_EQ(buckets[2].count, 2);
  EXPECT_EQ(buckets[3].lower, 0.75);
  EXPECT_EQ(buckets[4].upper, 2);
}

TEST(HistogramTest, AdditionTakesTheCoarserResolution) {
  Histogram low = Exponential(-1, 1, 4, {});
  low.positive = From(1, {1});
  Histogram high = Exponential(0, 4, 4, {});
  high.positive = From(1, {2, 2});
  Histogram sum = high;
  EXPECT_FALSE(AddTo(sum, low).incompatible);
  EXPECT_EQ(sum.schema, -1);
  EXPECT_THAT(sum.positive.index, ElementsAre(1));
  EXPECT_THAT(sum.positive.count, ElementsAre(5));
  Histogram other = low;
  EXPECT_FALSE(AddTo(other, high).incompatible);
  EXPECT_TRUE(SameHistogram(sum, other));
}

TEST(HistogramTest, AdditionWidensTheZeroBucketOverPopulatedBuckets) {
  Histogram narrow = Exponential(0, 10, 1, {});
  narrow.positive = From(-2, {1, 2, 3});  // (1/8,1/4], (1/4,1/2], (1/2,1]
  narrow.zero_threshold = 0.01;
  narrow.zero_count = 4;
  Histogram wide = Exponential(0, 1, 0, {});
  wide.zero_threshold = 0.3;  // falls into (1/4, 1/2]
  wide.zero_count = 1;
  for (const bool swapped : {false, true}) {
    Histogram sum = swapped ? wide : narrow;
    AddTo(sum, swapped ? narrow : wide);
    EXPECT_EQ(sum.zero_threshold, 0.5);
    EXPECT_EQ(sum.zero_count, 8);
    EXPECT_THAT(sum.positive.index, ElementsAre(0));
    EXPECT_THAT(sum.positive.count, ElementsAre(3));
    EXPECT_EQ(sum.count, 11);
  }
}

TEST(HistogramTest, CustomBoundsThatDifferAreReconciled) {
  Histogram sum = Custom({2, 4, 6}, 15, 55, {1, 2, 5, 7});
  const HistogramNotes notes = AddTo(sum, Custom({1, 2, 3, 4, 5, 6, 7, 8}, 450, 555, {10, 20, 30, 40, 50, 60, 70, 80, 90}));
  EXPECT_TRUE(notes.reconciled);
  EXPECT_THAT(sum.custom_values, ElementsAre(2, 4, 6));
  EXPECT_THAT(sum.positive.count, ElementsAre(31, 72, 115, 247));
  Histogram none = Custom({5}, 1, 1, {1});
  EXPECT_TRUE(SubtractFrom(none, Custom({5, 10}, 1, 1, {1})).reconciled);
  EXPECT_TRUE(none.positive.empty());
  EXPECT_TRUE(AddTo(none, Exponential(0, 1, 1, {1})).incompatible);
}

TEST(HistogramTest, HintsCombine) {
  using enum CounterReset;
  const auto combined = [](CounterReset a, CounterReset b, bool& collision) {
    Histogram sum = Exponential(0, 1, 1, {1});
    Histogram other = sum;
    sum.hint = a;
    other.hint = b;
    collision = AddTo(sum, other).reset_collision;
    return sum.hint;
  };
  bool collision = false;
  EXPECT_EQ(combined(kNotReset, kNotReset, collision), kNotReset);
  EXPECT_EQ(combined(kUnknown, kNotReset, collision), kUnknown);
  EXPECT_EQ(combined(kReset, kGauge, collision), kGauge);
  EXPECT_EQ(combined(kGauge, kNotReset, collision), kGauge);
  EXPECT_FALSE(collision);
  EXPECT_EQ(combined(kReset, kNotReset, collision), kUnknown);
  EXPECT_TRUE(collision);
}

TEST(HistogramTest, DivisionByZeroDropsBuckets) {
  Histogram histogram = Exponential(0, 3, 4, {1, 2});
  histogram.zero_count = 1;
  Divide(histogram, 0);
  EXPECT_EQ(histogram.count, kInfinity);
  EXPECT_EQ(histogram.zero_count, kInfinity);
  EXPECT_TRUE(histogram.positive.empty());
  Multiply(histogram, -1);
  EXPECT_EQ(histogram.hint, CounterReset::kGauge);
}

TEST(HistogramTest, ResetsAreFound) {
  const Histogram before = Exponential(0, 4, 5, {1, 2, 1});
  const auto reset = [&](auto change) {
    Histogram now = Exponential(0, 9, 5, {3, 3, 3});
    change(now);
    return DetectReset(now, before);
  };
  EXPECT_FALSE(reset([](Histogram&) {}));
  EXPECT_TRUE(reset([](Histogram& h) { h.count = 3; }));
  EXPECT_TRUE(reset([](Histogram& h) { h.positive.count[1] = 1; }));
  EXPECT_TRUE(reset([](Histogram& h) { h.positive = From(1, {9, 9, 9}); }));
  EXPECT_FALSE(reset([](Histogram& h) { h.positive = From(0, {9, 9, 9, 9}); }));
  EXPECT_TRUE(reset([](Histogram& h) { h.schema = 1; }));
  EXPECT_FALSE(reset([](Histogram& h) { h.sum = -100; }));
  EXPECT_TRUE(reset([](Histogram& h) { h.hint = CounterReset::kReset; }));
  EXPECT_FALSE(reset([](Histogram& h) {
    h.count = 0;
    h.hint = CounterReset::kNotReset;
  }));
  // A wider zero bucket takes over what its buckets held; one that cuts a populated bucket is a reset.
  EXPECT_FALSE(reset([](Histogram& h) {
    h.zero_threshold = 1;
    h.zero_count = 1;
    h.positive = From(1, {2, 1});
  }));
  EXPECT_TRUE(reset([](Histogram& h) { h.zero_threshold = 0.75; }));
  // Coarser buckets hold what the finer ones held.
  EXPECT_FALSE(reset([](Histogram& h) {
    h.schema = -1;
    h.positive = From(0, {1, 3});
  }));
  EXPECT_TRUE(reset([](Histogram& h) {
    h.schema = -1;
    h.positive = From(0, {1, 2});
  }));
}

TEST(HistogramTest, ResetsBetweenCustomBounds) {
  const Histogram before = Custom({2, 4, 6}, 15, 55, {1, 2, 5, 7});
  EXPECT_TRUE(DetectReset(Custom({2, 3, 4, 6}, 15, 56, {1, 0, 1, 5, 8}), before));
  EXPECT_FALSE(DetectReset(Custom({2, 3, 4, 6}, 15, 56, {1, 1, 1, 5, 7}), before));
  EXPECT_FALSE(DetectReset(Custom({4}, 15, 56, {3, 12}), before));
  EXPECT_TRUE(DetectReset(Custom({4}, 15, 56, {2, 13}), before));
  EXPECT_TRUE(DetectReset(before, Exponential(0, 1, 1, {1})));
}

TEST(HistogramTest, Quantiles) {
  const Histogram simple = Exponential(0, 4, 5, {1, 2, 1});
  EXPECT_DOUBLE_EQ(HistogramQuantile(0.5, simple), std::sqrt(2.0));
  EXPECT_EQ(HistogramQuantile(-0.1, simple), -kInfinity);
  EXPECT_EQ(HistogramQuantile(1.1, simple), kInfinity);
  EXPECT_TRUE(std::isnan(HistogramQuantile(0.5, Histogram())));
  Histogram zero = Exponential(0, 12, 100, {2, 3, 0, 1, 4});
  zero.zero_threshold = 0.001;
  zero.zero_count = 2;
  EXPECT_THAT(HistogramQuantile(0.1, zero), DoubleNear(0.0006, 1e-12));
  EXPECT_THAT(HistogramQuantile(0.9, zero), DoubleNear(12.99603834169977, 1e-9));
  EXPECT_EQ(HistogramQuantile(1, zero), 16);
  std::swap(zero.positive, zero.negative);
  EXPECT_THAT(HistogramQuantile(0.9, zero), DoubleNear(-0.0006, 1e-12));
  EXPECT_THAT(HistogramQuantile(0.1, zero), DoubleNear(-12.99603834169977, 1e-9));
  EXPECT_EQ(HistogramQuantile(0.5, Custom({5, 10}, 4, 5, {1, 2, 1})), 7.5);
  EXPECT_EQ(HistogramQuantile(1, Custom({5, 10}, 4, 5, {1, 2, 1})), 10);
}

TEST(HistogramTest, QuantilesAmongNanObservations) {
  Histogram histogram = Exponential(0, 15, std::nan(""), {12});
  EXPECT_TRUE(std::isnan(HistogramQuantile(0.81, histogram)));
  EXPECT_EQ(HistogramQuantile(0.8, histogram), 1);
  EXPECT_DOUBLE_EQ(HistogramQuantile(0.4, histogram), std::sqrt(0.5));
  EXPECT_DOUBLE_EQ(HistogramFraction(-kInfinity, std::sqrt(0.5), histogram), 0.4);
  EXPECT_DOUBLE_EQ(HistogramFraction(-kInfinity, kInfinity, histogram), 0.8);
}

TEST(HistogramTest, FractionInvertsQuantile) {
  const uint64_t seed = testing::TestSeed();
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<int> population(1, 20);
  std::uniform_real_distribution<double> part(0.01, 0.99);
  for (int round = 0; round < 500; ++round) {
    Histogram histogram = Exponential(static_cast<int32_t>(random() % 13) - 4, 0, 1, {});
    if (round % 3 == 0) histogram = Custom({0.5, 1, 7, 100}, 0, 1, {});
    for (int32_t i = 0; i < 4; ++i) histogram.positive.Push(i, population(random));
    if (!histogram.custom() && round % 2 == 0) {
      histogram.negative = From(2, {static_cast<double>(population(random))});
      histogram.zero_threshold = 1e-3;
      histogram.zero_count = population(random);
    }
    histogram.count = 0;
    for (const HistogramBucket& bucket : AllBuckets(histogram)) histogram.count += bucket.count;
    const double q = part(random);
    const double value = HistogramQuantile(q, histogram);
    EXPECT_THAT(HistogramFraction(-kInfinity, value, histogram), DoubleNear(q, 1e-9)) << "seed " << seed << " round " << round;
  }
}

TEST(HistogramTest, Variance) {
  EXPECT_THAT(HistogramVariance(Exponential(2, 4, 10, {1, 0, 0, 0, 1, 0, 0, 1, 1})), DoubleNear(1.163807968526718, 1e-12));
  Histogram negative = Exponential(0, 10, -100, {});
  negative.negative = From(4, {10});
  EXPECT_THAT(HistogramVariance(negative), DoubleNear(1.725830020304794, 1e-9));
  EXPECT_EQ(HistogramVariance(Custom({0, 4}, 2, 4, {0, 2})), 0);
}

TEST(HistogramTest, SumKeepsWhatRoundingLoses) {
  const Histogram tiny = Exponential(0, 1, 1, {1});
  Histogram huge = Exponential(0, 1e20, 1e20, {1e20});
  HistogramSum sum(huge);
  for (int i = 0; i < 10; ++i) sum.Add(tiny);
  Multiply(huge, -1);
  sum.Add(huge);
  const Histogram total = sum.Total();
  EXPECT_EQ(total.count, 10);
  EXPECT_EQ(total.sum, 10);
  EXPECT_THAT(total.positive.count, ElementsAre(10));
}

TEST(HistogramTest, MeanDoesNotOverflow) {
  const Histogram huge = Exponential(0, 1e308, 1e308, {1e308});
  HistogramMean mean(huge);
  for (int i = 0; i < 3; ++i) mean.Add(huge);
  EXPECT_THAT(mean.Total().count / 1e308, DoubleNear(1, 1e-12));
  HistogramMean simple(Exponential(0, 1, 2, {1}));
  HistogramMean other(Exponential(0, 4, 1, {4}));
  other.Add(Exponential(0, 1, 6, {0, 1}));
  simple.Merge(other);
  EXPECT_EQ(simple.Total().count, 2);
  EXPECT_EQ(simple.Total().sum, 3);
  EXPECT_THAT(simple.Total().positive.count, ElementsAre(5.0 / 3, 1.0 / 3));
}

// Whatever the order in which random histograms are added, the sum is the same.
TEST(HistogramTest, AdditionIsCommutative) {
  const uint64_t seed = testing::TestSeed();
  std::mt19937_64 random(seed);
  const auto make = [&] {
    Histogram histogram = Exponential(static_cast<int32_t>(random() % 13) - 4, 0, 0, {});
    histogram.zero_threshold = random() % 2 == 0 ? 0 : std::ldexp(1.0, static_cast<int>(random() % 8) - 6);
    for (HistogramBuckets* side : {&histogram.positive, &histogram.negative}) {
      int32_t index = static_cast<int32_t>(random() % 40) - 20;
      for (size_t i = random() % 6; i > 0; --i) {
        index += 1 + static_cast<int32_t>(random() % 5);
        if (HistogramBound(histogram, index - 1) >= histogram.zero_threshold) side->Push(index, random() % 9);
      }
    }
    histogram.zero_count = random() % 5;
    histogram.count = histogram.zero_count;
    for (const double count : histogram.positive.count) histogram.count += count;
    for (const double count : histogram.negative.count) histogram.count += count;
    return histogram;
  };
  for (int round = 0; round < 1000; ++round) {
    const Histogram a = make();
    const Histogram b = make();
    Histogram ab = a;
    Histogram ba = b;
    AddTo(ab, b);
    AddTo(ba, a);
    Compact(ab);
    Compact(ba);
    ASSERT_TRUE(SameHistogram(ab, ba)) << "seed " << seed << ": " << HistogramText(ab) << " and " << HistogramText(ba);
    double held = ab.zero_count;
    for (const double count : ab.positive.count) held += count;
    for (const double count : ab.negative.count) held += count;
    ASSERT_EQ(held, ab.count) << "seed " << seed << ": observations were lost: " << HistogramText(a) << " + "
                              << HistogramText(b);
    ASSERT_FALSE(DetectReset(ab, a)) << "seed " << seed << ": " << HistogramText(a) << " then " << HistogramText(ab);
  }
}

TEST(HistogramTest, TrimKeepsOneSide) {
  const Histogram histogram = Exponential(0, 4, 5, {1, 2, 1});
  const Histogram below = Trimmed(histogram, 2, TrimSide::kKeepBelow);
  EXPECT_THAT(below.positive.count, ElementsAre(1, 2));
  EXPECT_EQ(below.count, 3);
  EXPECT_DOUBLE_EQ(below.sum, std::sqrt(0.5) + 2 * std::sqrt(2.0));
  const Histogram above = Trimmed(histogram, std::sqrt(2.0), TrimSide::kKeepAbove);
  EXPECT_THAT(above.positive.index, ElementsAre(1, 2));
  EXPECT_THAT(above.positive.count, ElementsAre(DoubleNear(1, 1e-12), 1));
  EXPECT_TRUE(SameHistogram(Trimmed(histogram, 100, TrimSide::kKeepBelow), histogram));
  const Histogram custom = Trimmed(Custom({5, 10}, 4, 5, {1, 2, 1}), 7.5, TrimSide::kKeepBelow);
  EXPECT_THAT(custom.positive.count, ElementsAre(1, 1));
  EXPECT_EQ(custom.sum, 2.5 + 6.25);
}

TEST(HistogramTest, TextListsBuckets) {
  Histogram histogram = Exponential(0, 7, 4.5, {0, 3});
  histogram.negative = From(0, {2});
  histogram.zero_threshold = 1e-5;
  histogram.zero_count = 2;
  EXPECT_EQ(HistogramText(histogram), "{count:7, sum:4.5, [-1,-0.5):2, [-1e-05,1e-05]:2, (1,2]:3}");
}

TEST(HistogramTest, Validation) {
  const auto message = [](const Histogram& histogram) { return Validate(histogram).message(); };
  EXPECT_TRUE(Validate(Exponential(8, 3, 1, {1, 2})).ok());
  EXPECT_TRUE(Validate(Custom({1, 2}, 3, 1, {1, 2, 3})).ok());
  EXPECT_THAT(message(Exponential(9, 1, 1, {1})), ::testing::HasSubstr("schema 9"));
  EXPECT_THAT(message(Exponential(0, 1, 1, {-1})), ::testing::HasSubstr("negative"));
  EXPECT_THAT(message(Exponential(0, -1, 1, {1})), ::testing::HasSubstr("observation count is -1"));
  EXPECT_THAT(message(Custom({2, 1}, 1, 1, {1})), ::testing::HasSubstr("strictly increasing"));
  EXPECT_THAT(message(Custom({1, kInfinity}, 1, 1, {1})), ::testing::HasSubstr("finite"));
  EXPECT_THAT(message(Custom({1}, 1, 1, {1, 1, 1})), ::testing::HasSubstr("too few"));
  Histogram unordered = Exponential(0, 1, 1, {1, 2});
  unordered.positive.index = {3, 3};
  EXPECT_FALSE(Validate(unordered).ok());
  Histogram mixed = Custom({1}, 1, 1, {1});
  mixed.zero_count = 1;
  EXPECT_FALSE(Validate(mixed).ok());
  Histogram nan = Exponential(0, 1, 1, {1});
  nan.zero_threshold = std::nan("");
  EXPECT_FALSE(Validate(nan).ok());
}

}  // namespace
}  // namespace auspex
