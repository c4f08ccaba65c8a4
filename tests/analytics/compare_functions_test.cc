#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "analytics/comparison.h"
#include "tests/analytics/asked.h"

namespace auspex {
namespace {

using testing::Asked;
using Values = std::map<std::string, double>;

constexpr int64_t kMinute = Asked::kMinute;
constexpr int64_t kHour = Asked::kHour;
constexpr int64_t kNow = Asked::kNow;

TEST(KolmogorovSmirnov, ByHand) {
  const std::vector<double> a = {1, 2, 3, 4, 5, 6, 7, 8};
  const std::vector<double> b = {5, 6, 7, 8, 9, 10, 11, 12};
  const auto test = analytics::KolmogorovSmirnov(a, b);
  ASSERT_TRUE(test);
  EXPECT_DOUBLE_EQ(test->distance, 0.5);  // up to 4: half of a, none of b
  // x = (2 + 0.12 + 0.055) / 2 = 1.0875: 2 (exp(-2.36531) - exp(-9.46125) + ...)
  EXPECT_NEAR(test->p, 2 * (std::exp(-2 * 1.0875 * 1.0875) - std::exp(-8 * 1.0875 * 1.0875)), 1e-6);
  const auto same = analytics::KolmogorovSmirnov(a, a);
  EXPECT_EQ(same->distance, 0);
  EXPECT_EQ(same->p, 1);
  // Ties are one step.
  const std::vector<double> zeros(10, 0);
  EXPECT_EQ(analytics::KolmogorovSmirnov(zeros, zeros)->distance, 0);
  EXPECT_FALSE(analytics::KolmogorovSmirnov({a.data(), 7}, b));
}

// p is a probability: on equal distributions it is spread evenly.
TEST(KolmogorovSmirnov, PIsEvenlySpread) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  int below_tenth = 0;
  for (int i = 0; i < 400; ++i) {
    std::vector<double> a(60), b(90);
    for (double& x : a) x = normal(random);
    for (double& x : b) x = normal(random);
    below_tenth += analytics::KolmogorovSmirnov(a, b)->p < 0.1 ? 1 : 0;
  }
  EXPECT_GT(below_tenth, 15);
  EXPECT_LT(below_tenth, 60);
}

TEST(WindowDiff, ByHand) {
  Asked asked;
  // The same ten values an hour ago, then ten times as high.
  asked.Load(Labels::Of({{"__name__", "x"}, {"id", "same"}}), 121, kMinute,
             [](size_t i) { return static_cast<double>(i % 10); });
  asked.Load(Labels::Of({{"__name__", "x"}, {"id", "up"}}), 121, kMinute,
             [](size_t i) { return static_cast<double>(i % 10) + (i > 100 ? 90 : 0); });
  EXPECT_EQ(asked.Values("window_diff(x[20m], 1h)")["{id=\"same\"}"], 0);
  EXPECT_NEAR(asked.Values("window_diff(x[20m], 1h)")["{id=\"up\"}"], 1, 1e-6);
  EXPECT_EQ(asked.Values("window_diff(x[20m], 1h, \"volume\")")["{id=\"same\"}"], 0);
  EXPECT_DOUBLE_EQ(asked.Values("window_diff(x[20m], 1h, \"volume\")")["{id=\"up\"}"], 90 / 94.5);
  EXPECT_EQ(asked.Values("topk(1, window_diff(x[20m], 1h))").size(), 1U);
}

TEST(WindowDiff, AnomalyRate) {
  Asked asked;
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal(0, 1);
  // Quiet for hours; five wild ones among the last twenty.
  asked.Load(Labels::Of({{"__name__", "x"}}), 6 * 60, kMinute,
             [&](size_t i) { return 100 + normal(random) + (i >= 340 && i % 4 == 0 ? 60 : 0); });
  EXPECT_GT(asked.Value("window_diff(x[20m], 1h, \"anomaly_rate\")"), 0);
  EXPECT_EQ(asked.Value("window_diff(x[20m], 1h, \"anomaly_rate\")", kNow - 30 * kMinute), 0);
}

TEST(WindowDiff, ErrorsAndTooLittleHistory) {
  Asked asked;
  asked.Load(Labels::Of({{"__name__", "x"}}), 30, kMinute, [](size_t i) { return static_cast<double>(i); });
  const auto answer = asked.Answer("window_diff(x[20m], 1d)");
  EXPECT_TRUE(answer.series.empty());
  ASSERT_EQ(answer.annotations.warnings.size(), 1U);
  EXPECT_EQ(answer.annotations.warnings[0], "window_diff: too little history for x (1:13)");
  EXPECT_EQ(asked.Error("window_diff(x[20m], 1h, \"ks\")").message(),
            "window_diff: measure: found \"ks\", expected one of ks2, volume, anomaly_rate");
  EXPECT_EQ(asked.Error("window_diff(x[20m], 0)").message(),
            "window_diff: baseline_offset: expected a duration greater than 0 such as 1d, known before the query runs");
}

TEST(Correlate, ByHand) {
  const std::vector<double> target = {0, 0, 1, 2, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 2, 1, 0};
  std::vector<double> ahead(target.begin() + 2, target.end());  // shows everything two cells earlier
  ahead.insert(ahead.end(), {0, 0});
  const auto found = analytics::Correlate(target, ahead, 4);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->lag, 2);
  EXPECT_NEAR(found->r, 1, 1e-12);
  std::vector<double> mirrored = target;
  for (double& x : mirrored) x = 5 - 2 * x;
  EXPECT_EQ(analytics::Correlate(target, mirrored, 4)->lag, 0);
  EXPECT_NEAR(analytics::Correlate(target, mirrored, 4)->r, -1, 1e-12);
  EXPECT_FALSE(analytics::Correlate(target, std::vector<double>(20, 3), 4));
}

class Correlated : public ::testing::Test {
 protected:
  Correlated() {
    std::mt19937_64 random(2);
    std::normal_distribution<double> normal(0, 1);
    std::vector<double> load(600);
    double state = 0;
    for (double& x : load) x = state = 0.8 * state + normal(random);
    const auto put = [&](const char* id, const char* name, const std::function<double(size_t)>& value) {
      asked_.Load(Labels::Of({{"__name__", name}, {"id", id}}), 500, kMinute, value);
    };
    put("t", "latency", [&](size_t i) { return 50 + 3 * load[i + 20]; });
    put("early", "cause", [&](size_t i) { return 7 * load[i + 25]; });  // five minutes before
    put("late", "cause", [&](size_t i) { return -load[i + 12]; });      // eight minutes after, the other way
    put("noise", "cause", [&](size_t) { return normal(random); });
  }
  Asked asked_;
};

TEST_F(Correlated, WhoIsAheadAndWhichWay) {
  const auto found = asked_.Values("correlate(latency[6h], cause[6h], 20m)");
  ASSERT_EQ(found.size(), 3U);
  EXPECT_NEAR(found.at("{id=\"early\", lag=\"300\"}"), 1, 1e-9);
  EXPECT_NEAR(found.at("{id=\"late\", lag=\"-480\"}"), -1, 1e-9);
  for (const auto& [labels, r] : found) {
    if (labels.find("noise") != std::string::npos) {
      EXPECT_LT(std::abs(r), 0.3);
    }
  }
  EXPECT_EQ(asked_.Values("topk(1, abs(correlate(latency[6h], cause{id!=\"late\"}[6h])))").size(), 1U);
  EXPECT_EQ(asked_.Values("correlate(latency[6h], sum by (id) (cause{id=\"early\"})[6h:1m], 20m)").begin()->first,
            "{id=\"early\", lag=\"300\"}");
}

TEST_F(Correlated, ScaleAndShiftChangeNothing) {
  const auto plain = asked_.Values("correlate(latency[6h], cause[6h], 20m)");
  const auto other = asked_.Values("correlate((latency * 8 + 1000)[6h:1m], (cause / 4 - 30)[6h:1m], 20m)");
  ASSERT_EQ(plain.size(), other.size());
  for (const auto& [labels, r] : plain) {
    ASSERT_TRUE(other.contains(labels)) << labels;
    EXPECT_NEAR(other.at(labels), r, 1e-9);
  }
}

TEST_F(Correlated, InstantAndRangeGiveTheSameBits) {
  for (const char* text : {"correlate(latency[2h], cause[2h])", "correlate(latency[2h], cause{id=\"early\"}[2h], 10m)",
                           "window_diff(cause[30m], 1h)", "window_diff(cause[30m], 1h, \"volume\")",
                           "window_diff(cause[30m], 1h, \"anomaly_rate\")"}) {
    asked_.ExpectSameBits(text, kNow - 2 * kHour, kNow, 11 * kMinute);
  }
}

TEST_F(Correlated, ErrorsAndTooLittleHistory) {
  EXPECT_EQ(asked_.Error("correlate(cause[1h], latency[1h])").message(),
            "correlate: target: found 3 series, expected one: narrow it, or aggregate with sum or avg");
  EXPECT_TRUE(asked_.Values("correlate(nothing[1h], latency[1h])").empty());
  const auto answer = asked_.Answer("correlate(latency[5m], cause{id=\"early\"}[5m])");
  EXPECT_TRUE(answer.series.empty());
  EXPECT_EQ(answer.annotations.warnings, std::vector<std::string>{"correlate: too little history for cause (1:11)"});
}

}  // namespace
}  // namespace auspex
