// The detectors beside algo=auto: hand-computed, and what all of them have in common.

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "auspex/analytics/detector.h"

namespace auspex::analytics {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kDay = 1440 * kMinute;
constexpr int64_t kStart = 20'300 * kDay;

std::unique_ptr<Detector> Make(const std::string& name, Season season = Season::kAuto) {
  static const DetectorRegistry registry = DetectorRegistry::BuiltIn();
  const DetectorRow* row = registry.Find(name);
  return row == nullptr ? nullptr : row->make({.season = season});
}

TEST(Detectors, ZscoreByHand) {
  // 1 2 3 4 5 four times: mean 3, sum of squares 40.
  const auto detector = Make("zscore");
  for (int i = 0; i < 20; ++i) detector->Step(kStart + i * kMinute, 1 + i % 5);
  const Judgement judgement = detector->Step(kStart + 20 * kMinute, 11);
  EXPECT_TRUE(judgement.ready);
  EXPECT_DOUBLE_EQ(judgement.expected, 3);
  EXPECT_NEAR(judgement.score, 8 / (3 * std::sqrt(40.0 / 19)), 1e-12);
  EXPECT_EQ(judgement.direction, 1);
}

TEST(Detectors, IqrByHand) {
  // Quartiles 2 and 4: fences at -1 and 7.
  const auto detector = Make("iqr");
  for (int i = 0; i < 25; ++i) detector->Step(kStart + i * kMinute, 1 + i % 5);
  Judgement judgement = detector->Clone()->Step(kStart + 25 * kMinute, 11);
  EXPECT_NEAR(judgement.upper, 7, 1e-6);
  EXPECT_NEAR(judgement.lower, -1, 1e-6);
  EXPECT_NEAR(judgement.score, 2, 1e-6);
  judgement = detector->Step(kStart + 25 * kMinute, -1);
  EXPECT_NEAR(judgement.score, 1, 1e-6);
  EXPECT_EQ(judgement.direction, -1);
}

TEST(Detectors, EwmaByHand) {
  // Until there are 60, the plain mean and variance: of 1 3 1 3 ... they are 2 and 1.
  const auto detector = Make("ewma");
  for (int i = 0; i < 30; ++i) detector->Step(kStart + i * kMinute, i % 2 == 0 ? 1 : 3);
  const Judgement judgement = detector->Step(kStart + 30 * kMinute, 8);
  EXPECT_NEAR(judgement.expected, 2, 1e-12);
  EXPECT_NEAR(judgement.score, 2, 1e-12);
}

// Every one: quiet in noise, loud at a spike of ten deviations, not ready at first, unmoved by NaN, equal after Clone.
TEST(Detectors, CommonSense) {
  for (const char* name : {"mad", "zscore", "iqr", "ewma", "stl", "hw"}) {
    SCOPED_TRACE(name);
    const auto detector = Make(name);
    std::mt19937_64 random(7);
    std::normal_distribution<double> normal(50, 2);
    int alarms = 0;
    constexpr int kCount = 4 * 288;
    for (int i = 0; i < kCount; ++i) {
      const Judgement judgement = detector->Step(kStart + i * 5 * kMinute, normal(random));
      if (i < 10 || i > 600) {
        EXPECT_EQ(judgement.ready, i > 600) << i;
      }
      alarms += judgement.score > 1 ? 1 : 0;
      EXPECT_LE(judgement.lower, judgement.expected);
      EXPECT_LE(judgement.expected, judgement.upper);
    }
    EXPECT_LT(alarms, kCount / 50);
    const int64_t next_ms = kStart + kCount * 5 * kMinute;
    EXPECT_FALSE(detector->Step(next_ms, std::nan("")).ready);
    const Judgement high = detector->Clone()->Step(next_ms + 1, 70);
    EXPECT_GT(high.score, 1.5);
    EXPECT_EQ(high.direction, 1);
    const Judgement low = detector->Clone()->Step(next_ms + 1, 30);
    EXPECT_GT(low.score, 1.5);
    EXPECT_EQ(low.direction, -1);
  }
}

// With a zone a detector does what it does in UTC on samples whose times are local, as long as the offset stays.
TEST(Detectors, AZoneIsUtcOnLocalClocks) {
  const auto tokyo = query::TimeZone::Load("Asia/Tokyo");
  ASSERT_TRUE(tokyo.ok()) << tokyo.status().ToString();
  const auto zone = std::make_shared<const query::TimeZone>(*tokyo);
  const DetectorRegistry registry = DetectorRegistry::BuiltIn();
  for (const DetectorRow& row : registry.rows()) {
    const DetectorOptions in_zone{.season = Season::kAuto, .zone = zone};
    const auto local = row.make(in_zone);
    const auto utc = row.make({});
    std::mt19937_64 random(2);
    std::normal_distribution<double> normal(0, 2);
    for (int i = 0; i < 5 * 288; ++i) {
      const int64_t t_ms = kStart + i * 5 * kMinute;
      const double x = (i % 288 < 100 ? 100 : 20) + normal(random);
      const Judgement judgement = local->Step(t_ms, x);
      const Judgement same = utc->Step(in_zone.LocalMs(t_ms), x);
      ASSERT_EQ(judgement.score, same.score) << row.name << " " << i;
      ASSERT_EQ(judgement.expected, same.expected) << row.name << " " << i;
    }
  }
}

// Normal by day, absent by night: those that know the season see it.
TEST(Detectors, SeasonalOnesKnowTheHour) {
  for (const char* name : {"stl", "hw"}) {
    SCOPED_TRACE(name);
    const auto detector = Make(name);
    std::mt19937_64 random(3);
    std::normal_distribution<double> normal(0, 2);
    const auto usual = [&](int64_t i) {
      return 100 - 80 * std::cos(2 * M_PI * static_cast<double>(i % 288) / 288) + normal(random);
    };
    for (int64_t i = 0; i < 7 * 288; ++i) detector->Step(kStart + i * 5 * kMinute, usual(i));
    // Midnight: about 20 is usual, 160 is what noon has.
    EXPECT_LT(detector->Clone()->Step(kStart + 7 * kDay, 20).score, 1);
    EXPECT_GT(detector->Clone()->Step(kStart + 7 * kDay, 160).score, 2);
  }
}

}  // namespace
}  // namespace auspex::analytics
