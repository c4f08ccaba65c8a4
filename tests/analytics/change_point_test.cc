#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/analytics/asked.h"
#include "tests/analytics/kernel_call.h"

namespace auspex {
namespace {

using testing::Answer;
using testing::Asked;
using testing::Call;
using testing::Samples;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kStart = 20'300 * kDay;

template <typename Value>
Samples Minutes(size_t count, Value value) {
  Samples samples;
  for (size_t i = 0; i < count; ++i) samples.Add(kStart + static_cast<int64_t>(i) * kMinute, value(i));
  return samples;
}

/// At the newest sample, over all of them.
double Last(const std::string& function, const Samples& samples, const std::vector<testing::Argument>& arguments = {}) {
  const int64_t range_ms = samples.t_ms.back() - samples.t_ms.front() + 1;
  const Answer answer =
      Call(function, range_ms, arguments, samples, {.start_ms = samples.t_ms.back(), .step_ms = 1, .count = 1});
  EXPECT_TRUE(answer.status.ok()) << answer.status.ToString();
  return answer.front();
}

TEST(ChangePoint, AStepOfAConstantByHand) {
  const Samples samples = Minutes(60, [](size_t i) { return i < 40 ? 10.0 : 25.0; });
  EXPECT_GT(Last("changepoint", samples), 1);
  EXPECT_EQ(Last("changepoint_time", samples), static_cast<double>(samples.t_ms[40]) / 1000);
  EXPECT_DOUBLE_EQ(Last("changepoint_shift", samples), 15);
  // A jump of 15 in a line that rises by 2 a sample, without noise.
  const Samples line = Minutes(60, [](size_t i) { return 2.0 * static_cast<double>(i) + (i < 40 ? 0 : 15); });
  EXPECT_EQ(Last("changepoint_time", line), static_cast<double>(line.t_ms[40]) / 1000);
  EXPECT_NEAR(Last("changepoint_shift", line), 15, 1e-6);
}

TEST(ChangePoint, NothingChanges) {
  for (const double slope : {0.0, 1.0, -0.001}) {
    const Samples samples = Minutes(200, [&](size_t i) { return 5 + slope * static_cast<double>(i); });
    EXPECT_LT(Last("changepoint", samples), 1) << slope;
    EXPECT_TRUE(query::IsAbsent(Last("changepoint_time", samples))) << slope;
    EXPECT_TRUE(query::IsAbsent(Last("changepoint_shift", samples))) << slope;
  }
  // One sample far off is no change of level, nor are two.
  const Samples spike = Minutes(200, [](size_t i) { return i == 100 || i == 101 ? 1000.0 : 5 + static_cast<double>(i % 3); });
  EXPECT_LT(Last("changepoint", spike), 1);
}

// Within two samples of the truth, in noise, for shifts of four to twenty deviations, anywhere but within the first and last
// six samples.
TEST(ChangePoint, IsFoundWhereItIs) {
  for (const uint64_t seed : {1u, 2u, 3u}) {
    for (const size_t count : {size_t{120}, size_t{360}, size_t{2000}}) {
      for (const size_t at : {count / 3, count / 2, count - 12}) {
        for (const double shift : {6.0, -10.0, 20.0}) {
          std::mt19937_64 random(seed);
          std::normal_distribution<double> normal(100, 1);
          const Samples samples = Minutes(count, [&](size_t i) { return normal(random) + (i < at ? 0 : shift); });
          SCOPED_TRACE(fmt::format("seed {} count {} at {} shift {}", seed, count, at, shift));
          EXPECT_GT(Last("changepoint", samples), 1);
          EXPECT_NEAR(Last("changepoint_time", samples), static_cast<double>(samples.t_ms[at]) / 1000, 2 * 60);
          EXPECT_NEAR(Last("changepoint_shift", samples), shift, 1.2);
        }
      }
    }
  }
}

TEST(ChangePoint, TheLatestOfSeveralIsTold) {
  std::mt19937_64 random(4);
  std::normal_distribution<double> normal(0, 1);
  const Samples samples = Minutes(600, [&](size_t i) { return normal(random) + (i < 200 ? 0 : i < 400 ? 30 : 12); });
  EXPECT_NEAR(Last("changepoint_time", samples), static_cast<double>(samples.t_ms[400]) / 1000, 120);
  EXPECT_NEAR(Last("changepoint_shift", samples), -18, 1);
  EXPECT_NEAR(Last("changepoint_shift", samples, {"dir=above"}), 30, 1);
}

TEST(ChangePoint, GuardsDecide) {
  const Samples samples = Minutes(60, [](size_t i) { return i < 40 ? 100.0 : 104.0; });
  EXPECT_GT(Last("changepoint", samples, {"min_abs=3"}), 1);
  EXPECT_LT(Last("changepoint", samples, {"min_abs=5"}), 1);
  EXPECT_GT(Last("changepoint", samples, {"min_rel=0.03"}), 1);
  EXPECT_LT(Last("changepoint", samples, {"min_rel=0.05"}), 1);
  EXPECT_LT(Last("changepoint", samples, {"dir=below"}), 1);
  EXPECT_TRUE(query::IsAbsent(Last("changepoint_time", samples, {"dir=below"})));
  const Answer wrong = Call("changepoint", kHour, {"min_abs=x"}, samples, testing::EverySample(samples));
  EXPECT_EQ(wrong.status.message(), "changepoint: option min_abs: found \"x\", expected a number");
}

// Scale, shift and a later start do not change what is found.
TEST(ChangePoint, VerdictsDoNotDependOnTheUnitOrTheWeek) {
  std::mt19937_64 random(9);
  std::normal_distribution<double> normal(0, 1);
  const Samples samples = Minutes(500, [&](size_t i) { return normal(random) + (i < 300 ? 0 : 8); });
  const double time = Last("changepoint_time", samples);
  const double score = Last("changepoint", samples);
  for (const auto& [scale, shift] :
       {std::pair(1024.0, 0.0), std::pair(-1.0, 0.0), std::pair(0.125, 0.0), std::pair(1.0, 4096.0)}) {
    Samples other = samples;
    for (double& x : other.values) x = x * scale + shift;
    EXPECT_EQ(Last("changepoint_time", other), time) << scale << " " << shift;
    EXPECT_NEAR(Last("changepoint", other), score, 1e-6 * score) << scale << " " << shift;
  }
  Samples later = samples;
  for (int64_t& t : later.t_ms) t += 7 * kDay;
  EXPECT_EQ(Last("changepoint_time", later), time + 7 * 86'400);
  EXPECT_EQ(Last("changepoint", later), score);
}

TEST(ChangePoint, ADailySeasonIsNone) {
  std::mt19937_64 random(2);
  std::normal_distribution<double> normal(0, 1);
  // A batch job every night: up and down, and still no news on the fourth day.
  Samples samples;
  for (int i = 0; i < 5 * 288; ++i) samples.Add(kStart + i * 5 * kMinute, normal(random) + (i % 288 < 24 ? 40 : 0));
  EXPECT_LT(Last("changepoint", samples), 1);
  EXPECT_GT(Last("changepoint", samples, {"season=none"}), 1);
  for (size_t i = 1000; i < samples.values.size(); ++i) samples.values[i] += 25;
  EXPECT_NEAR(Last("changepoint_time", samples), static_cast<double>(samples.t_ms[1000]) / 1000, 2 * 300);
}

TEST(ChangePoint, GapsIrregularStepsAndValuesThatAreNone) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal(0, 1);
  Samples samples;
  int64_t t_ms = kStart;
  for (int i = 0; i < 400; ++i) {
    t_ms += kMinute / 2 + static_cast<int64_t>(random() % 60'000) + (i == 150 ? 3 * kHour : 0);
    const double value = i % 31 == 0 ? std::nan("") : i == 77 ? HUGE_VAL : normal(random) + (i < 250 ? 0 : 9);
    samples.Add(t_ms, value);
  }
  EXPECT_NEAR(Last("changepoint_time", samples), static_cast<double>(samples.t_ms[250]) / 1000, 200);
}

TEST(ChangePoint, TooLittleHistoryIsSaid) {
  const Samples samples = Minutes(23, [](size_t i) { return i < 12 ? 0.0 : 100.0; });
  const Answer answer = Call("changepoint", kDay, {}, samples, {.start_ms = samples.t_ms.back(), .step_ms = 1, .count = 1});
  EXPECT_TRUE(query::IsAbsent(answer.front()));
  EXPECT_EQ(answer.annotations.warnings, std::vector<std::string>{"changepoint: too little history for x"});
}

TEST(ChangePoint, InTheLanguage) {
  Asked asked;
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal(0, 1);
  double total = 0;
  asked.Load(Labels::Of({{"__name__", "requests_total"}, {"job", "api"}}), 600, 15'000, [&](size_t i) {
    total += 100 + 5 * normal(random) + (i < 400 ? 0 : 150);
    return i < 300 ? total : total - 20'000;  // a reset on the way
  });
  asked.Load(Labels::Of({{"__name__", "level"}, {"job", "api"}}), 600, 15'000,
             [&](size_t i) { return normal(random) + (i < 500 ? 0 : 9); });
  const double changed = static_cast<double>(Asked::kNow) / 1000 - 199 * 15;
  EXPECT_NEAR(asked.Value("changepoint_time(rate(requests_total[1m])[2h:15s])"), changed, 75);
  EXPECT_NEAR(asked.Value("changepoint_shift(rate(requests_total[1m])[2h:15s])"), 10, 1);
  EXPECT_EQ(asked.Values("count(changepoint({__name__=~\"level|requests_total\"}[2h]) > 1) by (job)").size(), 1U);
  EXPECT_EQ(asked.Value("time() - changepoint_time(level[2h]) < bool 1600"), 1);
  for (const char* text : {"changepoint(level[1h])", "changepoint_time(level[1h])", "changepoint_shift(level[1h] offset 5m)",
                           "changepoint(rate(requests_total[1m])[1h:30s])"}) {
    asked.ExpectSameBits(text, Asked::kNow - kHour, Asked::kNow, 70'000, 3);
  }
  asked.ExpectSameBits("changepoint(level[1h])", Asked::kNow - 10 * kMinute, Asked::kNow, 5'000, 4);
}

// Pinned: a change in how scores are made shows here first.
TEST(ChangePoint, PinnedScores) {
  const Samples samples = Minutes(200, [](size_t i) {
    return std::sin(static_cast<double>(i) * 1.7) + std::cos(static_cast<double>(i * i) * 0.3) + (i < 120 ? 0 : 5);
  });
  EXPECT_NEAR(Last("changepoint", samples), 1.422143069, 1e-8);
  EXPECT_NEAR(Last("changepoint_shift", samples), 5.137142255, 1e-8);
  EXPECT_EQ(Last("changepoint_time", samples), static_cast<double>(samples.t_ms[120]) / 1000);
}

}  // namespace
}  // namespace auspex
