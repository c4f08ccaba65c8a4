#include "auspex/analytics/detector.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>
#include <random>

#include "analytics/detector_mixture.h"
#include "analytics/detector_novelty.h"
#include "analytics/detector_persistence.h"
#include "analytics/detector_rest.h"
#include "analytics/detector_spread.h"
#include "analytics/detector_tail.h"
#include "analytics/robust_statistics.h"
#include "analytics/season_profile.h"

namespace auspex::analytics {
namespace {

constexpr int64_t kHourMs = 3'600'000;

TEST(RobustStatistics, ByHand) {
  EXPECT_EQ(Median({}), 0);
  EXPECT_EQ(Median({5}), 5);
  EXPECT_EQ(Median({9, 1, 5}), 5);
  EXPECT_EQ(Median({9, 1, 5, 6}), 5.5);
  EXPECT_DOUBLE_EQ(MedianAbsoluteDeviation({1, 2, 3, 4, 100}), 1.4826);
}

TEST(SeasonProfile, ABinDoesNotPredictFromItsOwnVisit) {
  SeasonProfile day(24 * kHourMs, 24, 0.25);
  day.Feed(0, 10);
  day.Feed(kHourMs / 2, 20);
  EXPECT_FALSE(day.Read(kHourMs / 2).has_value());
  day.Feed(kHourMs, 40);                                         // the visit to hour 0 is over
  EXPECT_EQ(day.Read(kHourMs / 2), 15);                          // the middle of hour 0
  day.Feed(2 * kHourMs, 0);                                      // and that to hour 1
  EXPECT_DOUBLE_EQ(*day.Read(kHourMs * 3 / 4), 15 + 0.25 * 25);  // a quarter of the way to hour 1
  EXPECT_EQ(day.Slack(0), 25);
  EXPECT_EQ(day.Read(24 * kHourMs + kHourMs / 2), 15) << "a day later it is the same phase";
  EXPECT_EQ(day.Read(-24 * kHourMs + kHourMs / 2), 15) << "before 1970 too";
}

TEST(Mixture, BelievesWhoIsRight) {
  Mixture<2> mixture;
  for (int t = 1; t < 200; ++t) {
    const double x = t % 7;
    const std::array<double, 2> candidates = {x + 0.1, x + 0.4};
    mixture.Learn(t, x, x - mixture.Predict(candidates).value, candidates);
  }
  const auto guess = mixture.Predict({1, 2});
  EXPECT_NEAR(guess.weights[0] + guess.weights[1], 1, 1e-12);
  EXPECT_NEAR(guess.weights[1] / guess.weights[0], std::pow(0.25, 6), 1e-6);
}

TEST(TailBound, OfKnownDistributions) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  std::exponential_distribution<double> exponential;
  TailBound gaussian;
  TailBound light;
  for (int i = 0; i < 50'000; ++i) {
    gaussian.Add(std::abs(normal(random)));
    light.Add(exponential(random));
  }
  // q60 = 0.842 and q95 = 1.960 make a shape of 0.714: a fifth above the true quantile, 4.89.
  EXPECT_NEAR(gaussian.bound(), 1.960 * std::pow(std::log(1e6) / std::log(20.0), 0.714), 0.2);
  EXPECT_NEAR(light.bound(), std::log(1e6), 1.2);
}

TEST(TailBound, IsNotMovedByTwoPercentOfAnomalies) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  TailBound healthy;
  TailBound ill;
  for (int i = 0; i < 50'000; ++i) {
    const double z = std::abs(normal(random));
    healthy.Add(z);
    ill.Add(i % 50 == 0 ? 20 : z);
  }
  EXPECT_LT(ill.bound(), 1.5 * healthy.bound());
}

TEST(SeenValues, DistanceToTheNearest) {
  SeenValues seen;
  seen.Start(0);
  for (const double x : {10.0, 20.0, 1000.0}) seen.Add(x);
  EXPECT_EQ(seen.Distance(20), 0);
  EXPECT_EQ(seen.Distance(1250), 250);
  EXPECT_EQ(seen.Distance(-5), 5);
  EXPECT_NEAR(seen.Distance(500), 480, 3) << "480 from 20, 500 from 1000, to a cell's edge";
  EXPECT_NEAR(seen.Distance(15), 5, 2) << "the cells are up to two wide by now";
}

TEST(SeenValues, IsTheNaiveListWithinACell) {
  std::mt19937_64 random(9);
  std::normal_distribution<double> normal(0, 50);
  SeenValues seen;
  std::vector<double> all = {3};
  seen.Start(3);
  for (int i = 0; i < 500; ++i) {
    const double x = normal(random);
    double nearest = std::numeric_limits<double>::infinity();
    for (const double y : all) nearest = std::min(nearest, std::abs(x - y));
    const double cell = 4 * (seen.max() - seen.min()) / 1024 + 1e-9;
    EXPECT_LE(seen.Distance(x), nearest + 1e-9);
    EXPECT_GE(seen.Distance(x), nearest - cell);
    seen.Add(x);
    all.push_back(x);
  }
}

TEST(Novelty, ANewValueFarOutIsNew) {
  Novelty novelty(10, 60, 3);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(novelty.Push(i % 5), i < 10 ? 0 : 0) << i;
  EXPECT_EQ(novelty.Push(100), 1);
  EXPECT_EQ(novelty.Push(100), 0) << "seen now";
}

TEST(Novelty, DistanceOfTurnsItRound) {
  Novelty novelty(10, 60, 3);
  for (int i = 0; i < 100; ++i) novelty.Push(i % 5);
  for (const double wanted : {0.05, 0.3, 0.9}) EXPECT_NEAR(novelty.Of(novelty.DistanceOf(wanted)), wanted, 1e-12);
}

TEST(Rest, LetsOnlyMorePass) {
  Rest rest;
  EXPECT_EQ(rest.Pass(0, 2, 10), 2);
  EXPECT_EQ(rest.Pass(1, 1.5, 10), 0);
  EXPECT_EQ(rest.Pass(2, 3, 10), 3);
  EXPECT_EQ(rest.Pass(12, 1, 10), 1);
}

TEST(Persistence, HalvesInFiveMinutesAndEndsWithItsCause) {
  Persistence persistence;
  persistence.Remember(10, 200, 100);
  EXPECT_DOUBLE_EQ(persistence.Fade(190, 5), 2.5);
  EXPECT_DOUBLE_EQ(persistence.Fade(160, 10), 0.625);
  EXPECT_EQ(persistence.Fade(140, 1), 0) << "less than half as far out as when it began";
  EXPECT_EQ(persistence.Fade(200, 1), 0);
  persistence.Remember(3.5, 200, 100);
  EXPECT_EQ(persistence.Fade(200, 1), 0) << "weak scores are not kept";
  persistence.Remember(100, 200, 100);
  EXPECT_DOUBLE_EQ(persistence.Fade(200, 5), 4) << "from at most eight";
}

TEST(RollingSpread, IsTheStandardDeviation) {
  std::mt19937_64 random(2);
  std::normal_distribution<double> normal(1e6, 3);
  RollingSpread spread(12);
  std::vector<double> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(i == 50 ? 5e6 : normal(random));
    const double got = spread.Push(all.back());
    const size_t first = all.size() > 12 ? all.size() - 12 : 0;
    double mean = 0;
    for (size_t k = first; k < all.size(); ++k) mean += all[k] / static_cast<double>(all.size() - first);
    double squares = 0;
    for (size_t k = first; k < all.size(); ++k) squares += (all[k] - mean) * (all[k] - mean);
    // The outlier takes digits from what is kept beside it, until that has left as well.
    EXPECT_NEAR(got, std::sqrt(squares / static_cast<double>(all.size() - first)), i >= 50 && i < 86 ? 1 : 1e-3) << i;
  }
}

TEST(DetectorRegistry, TakesNewRows) {
  struct Silent final : Detector {
    Judgement Step(int64_t, double x) override { return {.ready = true, .expected = x, .lower = x, .upper = x}; }
    std::unique_ptr<Detector> Clone() const override { return std::make_unique<Silent>(*this); }
  };
  DetectorRegistry registry = DetectorRegistry::BuiltIn();
  const auto make = [](const DetectorOptions&) { return std::make_unique<Silent>(); };
  EXPECT_TRUE(registry.Add({"silent", "", make}).ok());
  EXPECT_EQ(registry.Add({"silent", "", make}).code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(registry.Add({"", "", make}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(registry.Add({"none", "", nullptr}).code(), StatusCode::kInvalidArgument);
  ASSERT_NE(registry.Find("silent"), nullptr);
  EXPECT_EQ(registry.Find("silent")->make({})->Step(0, 5).expected, 5);
}

TEST(Detector, SurvivesAnyNumber) {
  const auto registry = DetectorRegistry::BuiltIn();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const DetectorRow& row : registry.rows()) {
    const auto detector = row.make({});
    std::mt19937_64 random(4);
    for (int i = 0; i < 5000; ++i) {
      double x = std::bit_cast<double>(random());
      if (i % 3 == 0) x = i % 2 == 0 ? infinity : std::nan("");
      if (i % 7 == 0) x = 0;
      const Judgement judgement = detector->Step(int64_t{60'000} * i, x);
      ASSERT_GE(judgement.score, 0) << row.name << " " << i;
      ASSERT_FALSE(std::isnan(judgement.expected)) << row.name << " " << i;
      ASSERT_LE(judgement.lower, judgement.expected) << row.name << " " << i;
      ASSERT_LE(judgement.expected, judgement.upper) << row.name << " " << i;
    }
  }
}

TEST(Detector, ACloneGoesOnAlike) {
  const auto registry = DetectorRegistry::BuiltIn();
  for (const DetectorRow& row : registry.rows()) {
    const auto detector = row.make({});
    std::mt19937_64 random(4);
    std::normal_distribution<double> normal;
    for (int i = 0; i < 400; ++i) detector->Step(int64_t{60'000} * i, normal(random));
    const auto clone = detector->Clone();
    for (int i = 400; i < 800; ++i) {
      const double x = normal(random);
      const Judgement a = detector->Step(int64_t{60'000} * i, x);
      const Judgement b = clone->Step(int64_t{60'000} * i, x);
      ASSERT_EQ(std::bit_cast<uint64_t>(a.score), std::bit_cast<uint64_t>(b.score)) << row.name << " " << i;
    }
  }
}

// Weeks of nothing: alarms are counted in episodes, alarms within half an hour being one.
TEST(Detector, NoiseIsQuiet) {
  std::mt19937_64 random(17);
  std::normal_distribution<double> normal;
  std::poisson_distribution<int> poisson(20);
  double walk = 1000;
  const auto episodes = [](auto draw) {
    const auto detector = DetectorRegistry::BuiltIn().Find("auto")->make({});
    int count = 0;
    int last = -1000;
    for (int i = 0; i < 3 * 7 * 1440; ++i) {
      if (detector->Step(int64_t{60'000} * i, draw(i)).score <= 1) continue;
      if (i - last > 30) ++count;
      last = i;
    }
    return count;
  };
  EXPECT_LE(episodes([&](int) { return 100 + 5 * normal(random); }), 3) << "white noise, three weeks";
  EXPECT_LE(episodes([&](int) { return poisson(random); }), 3) << "Poisson, three weeks";
  EXPECT_LE(episodes([&](int) { return walk += normal(random); }), 4) << "random walk, three weeks";
  EXPECT_LE(episodes([&](int i) { return (150 - 100 * std::cos(2 * M_PI * (i % 1440) / 1440)) * (1 + 0.05 * normal(random)); }),
            4)
      << "a day with its noise, three weeks";
}

// Scores on a public series with two labelled windows: they change only with the algorithm.
TEST(Detector, PinnedOnAPublicSeries) {
  std::ifstream file(std::string(AUSPEX_SOURCE_DIR) + "/tests/data/nab/occupancy_t4013.csv");
  ASSERT_TRUE(file);
  std::string line;
  std::getline(file, line);
  const auto detector = DetectorRegistry::BuiltIn().Find("auto")->make({});
  std::vector<std::pair<std::string, double>> alarms;
  int64_t last_ms = -1;
  while (std::getline(file, line)) {
    int day = 0, hour = 0, minute = 0;
    double value = 0;
    ASSERT_EQ(std::sscanf(line.c_str(), "2015-09-%d %d:%d:00,%lf", &day, &hour, &minute, &value), 4) << line;
    const int64_t t_ms = (int64_t{1'441'065'600} + (day - 1) * 86'400 + hour * 3600 + minute * 60) * 1000;
    if (t_ms <= last_ms) continue;
    last_ms = t_ms;
    const double score = detector->Step(t_ms, value).score;
    if (score > 1) alarms.emplace_back(line.substr(0, 16), score);
  }
  ASSERT_EQ(alarms.size(), 4U);
  const std::pair<std::string, double> want[] = {
      {"2015-09-16 07:59", 6.54}, {"2015-09-16 08:04", 1.64}, {"2015-09-16 08:09", 13.99}, {"2015-09-17 07:55", 2.19}};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(alarms[i].first, want[i].first);
    EXPECT_NEAR(alarms[i].second, want[i].second, 0.006);
  }
}

}  // namespace
}  // namespace auspex::analytics
