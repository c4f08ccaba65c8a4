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
constexpr double kTurn = 2 * M_PI;

template <typename Value>
Samples Every(int64_t step_ms, size_t count, Value value) {
  Samples samples;
  for (size_t i = 0; i < count; ++i) {
    const int64_t t_ms = kStart + static_cast<int64_t>(i) * step_ms;
    samples.Add(t_ms, value(static_cast<double>(t_ms)));
  }
  return samples;
}

double Last(const std::string& function, const Samples& samples, const std::vector<testing::Argument>& arguments = {}) {
  const int64_t range_ms = samples.t_ms.back() - samples.t_ms.front() + 1;
  const Answer answer =
      Call(function, range_ms, arguments, samples, {.start_ms = samples.t_ms.back(), .step_ms = 1, .count = 1});
  EXPECT_TRUE(answer.status.ok()) << answer.status.ToString();
  return answer.front();
}

double Wave(double t_ms, double period_ms) { return std::sin(kTurn * t_ms / period_ms); }

TEST(Seasonality, ByHand) {
  // 1 2 3 4 1 2 3 4 ...: every cycle is foretold by the others to the last bit.
  const Samples saw = Every(kMinute, 40, [](double t) { return 1 + std::fmod(t / kMinute, 4.0); });
  EXPECT_NEAR(Last("seasonality", saw), 240, 1);
  EXPECT_NEAR(Last("seasonality_strength", saw), 1, 1e-6);
  EXPECT_EQ(Last("period_detect", saw), Last("seasonality", saw));
}

TEST(Seasonality, FindsDayAndWeekAndOthers) {
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal(0, 1);
  const auto noise = [&] { return normal(random); };
  const struct {
    const char* name;
    Samples samples;
    double want_seconds;
  } cases[] = {
      {"three days", Every(5 * kMinute, 3 * 288 + 1, [&](double t) { return 3 * Wave(t, kDay) + noise(); }), 86'400},
      {"a week of minutes", Every(kMinute, 7 * 1440, [&](double t) { return 2 * Wave(t, kDay) + noise(); }), 86'400},
      {"a nightly batch",
       Every(5 * kMinute, 5 * 288, [&](double t) { return noise() + (std::fmod(t, kDay) < kHour ? 12 : 0); }), 86'400},
      {"a day on a slope",
       Every(5 * kMinute, 5 * 288, [&](double t) { return (t - kStart) / kHour + 5 * Wave(t, kDay) + noise(); }), 86'400},
      {"weekends", Every(kHour, 4 * 168, [&](double t) { return noise() + (std::fmod(t, 7 * kDay) < 2 * kDay ? 5 : 0); }),
       604'800},
      {"an hour", Every(kMinute, 8 * 60, [&](double t) { return 2 * Wave(t, kHour) + noise(); }), 3'600},
      {"17 minutes", Every(kMinute, 600, [&](double t) { return 2 * Wave(t, 17 * kMinute) + noise(); }), 1'020},
  };
  for (const auto& [name, samples, want_seconds] : cases) {
    EXPECT_NEAR(Last("seasonality", samples), want_seconds, 0.01 * want_seconds) << name;
    EXPECT_GT(Last("seasonality_strength", samples), 0.4) << name;
  }
}

TEST(Seasonality, NoneOnNoiseWalkTrendAndConstants) {
  for (const uint64_t seed : {1u, 2u, 3u, 4u, 5u}) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal(0, 1);
    double walk = 0;
    const Samples cases[] = {
        Every(5 * kMinute, 4 * 288, [&](double) { return normal(random); }),
        Every(5 * kMinute, 4 * 288, [&](double) { return walk += normal(random); }),
        Every(5 * kMinute, 4 * 288, [&](double t) { return t / kHour + normal(random); }),
        Every(5 * kMinute, 4 * 288, [&](double) { return 7.0; }),
    };
    for (size_t i = 0; i < std::size(cases); ++i) {
      EXPECT_TRUE(query::IsAbsent(Last("seasonality", cases[i]))) << i << " seed " << seed;
      EXPECT_EQ(Last("seasonality_strength", cases[i]), 0) << i << " seed " << seed;
    }
  }
}

TEST(Seasonality, SurvivesGapsOutliersAndTheUnit) {
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal(0, 1);
  Samples samples;
  for (int i = 0; i < 5 * 288; ++i) {
    if (i > 400 && i < 460) continue;
    const int64_t t_ms = kStart + i * 5 * kMinute + static_cast<int64_t>(random() % 20'000);
    samples.Add(t_ms, i % 97 == 0 ? std::nan("") : 4 * Wave(static_cast<double>(t_ms), kDay) + normal(random));
  }
  samples.values[700] = 1e6;
  EXPECT_EQ(Last("seasonality", samples), 86'400);
  const double strength = Last("seasonality_strength", samples);
  for (const auto& [scale, shift] :
       {std::pair(1024.0, 0.0), std::pair(0.125, 0.0), std::pair(-1.0, 0.0), std::pair(1.0, 4096.0)}) {
    Samples other = samples;
    for (double& x : other.values) x = x * scale + shift;
    EXPECT_EQ(Last("seasonality", other), 86'400) << scale << " " << shift;
    EXPECT_NEAR(Last("seasonality_strength", other), strength, 1e-6) << scale << " " << shift;
  }
  Samples later = samples;
  for (int64_t& t : later.t_ms) t += 7 * kDay;
  EXPECT_EQ(Last("seasonality_strength", later), strength);
}

TEST(Decompose, ByHand) {
  // A line and a day, without noise: every part is known.
  const auto trend = [](double t) { return 10 + (t - kStart) / kDay; };
  const Samples samples = Every(15 * kMinute, 6 * 96, [&](double t) { return trend(t) + 5 * Wave(t, kDay); });
  const auto now = static_cast<double>(samples.t_ms.back());
  EXPECT_NEAR(Last("decompose", samples, {"trend"}), trend(now), 0.15);
  EXPECT_NEAR(Last("decompose", samples, {"seasonal"}), 5 * Wave(now, kDay), 0.15);
  EXPECT_NEAR(Last("decompose", samples, {"residual"}), 0, 0.2);
  EXPECT_NEAR(Last("decompose", samples, {"baseline"}), samples.values.back(), 0.2);
  // A constant is all trend.
  const Samples constant = Every(kMinute, 100, [](double) { return 42.0; });
  EXPECT_DOUBLE_EQ(Last("decompose", constant, {"trend"}), 42);
  EXPECT_EQ(Last("decompose", constant, {"seasonal"}), 0);
  EXPECT_EQ(Last("decompose", constant, {"residual"}), 0);
}

TEST(Decompose, AnIncidentIsResidual) {
  std::mt19937_64 random(6);
  std::normal_distribution<double> normal(0, 1);
  Samples samples = Every(5 * kMinute, 5 * 288, [&](double t) { return 100 + 20 * Wave(t, kDay) + normal(random); });
  const double before = Last("decompose", samples, {"baseline"});
  samples.values.back() += 60;
  EXPECT_NEAR(Last("decompose", samples, {"residual"}), 60, 5);
  EXPECT_NEAR(Last("decompose", samples, {"baseline"}), before, 1);
  // The parts add up.
  EXPECT_NEAR(Last("decompose", samples, {"baseline"}) + Last("decompose", samples, {"residual"}), samples.values.back(), 1e-9);
  EXPECT_NEAR(Last("decompose", samples, {"trend"}) + Last("decompose", samples, {"seasonal"}),
              Last("decompose", samples, {"baseline"}), 1e-9);
}

TEST(Decompose, WantsAPart) {
  const Samples samples = Every(kMinute, 100, [](double) { return 42.0; });
  const Answer answer = Call("decompose", kHour, {"tred"}, samples, testing::EverySample(samples));
  EXPECT_EQ(answer.status.message(), "decompose: part: found \"tred\", expected one of trend, seasonal, residual, baseline");
}

TEST(Season, TooLittleHistoryIsSaid) {
  const Samples samples = Every(kMinute, 23, [](double t) { return Wave(t, 5 * kMinute); });
  for (const auto& [function, arguments] : {std::pair<std::string, std::vector<testing::Argument>>{"seasonality", {}},
                                            {"seasonality_strength", {}},
                                            {"decompose", {"trend"}}}) {
    const Answer answer = Call(function, kDay, arguments, samples, {.start_ms = samples.t_ms.back(), .step_ms = 1, .count = 1});
    EXPECT_TRUE(query::IsAbsent(answer.front())) << function;
    EXPECT_EQ(answer.annotations.warnings, std::vector<std::string>{function + ": too little history for x"});
  }
}

TEST(Season, InTheLanguage) {
  Asked asked;
  std::mt19937_64 random(8);
  std::normal_distribution<double> normal(0, 1);
  for (const char* job : {"api", "db"}) {
    const double amplitude = *job == 'a' ? 30 : 0;
    asked.Load(Labels::Of({{"__name__", "views"}, {"job", job}}), 6 * 288, 5 * kMinute,
               [&](size_t i) { return 100 + amplitude * std::sin(kTurn * static_cast<double>(i) / 288) + normal(random); });
  }
  EXPECT_EQ(asked.Values("seasonality(views[5d])"), (std::map<std::string, double>{{"{job=\"api\"}", 86'400}}));
  EXPECT_EQ(asked.Value("seasonality(views[5d:15m]) / 3600"), 24);
  EXPECT_EQ(asked.Values("decompose(views[4d], \"residual\") > bool -1000").size(), 2U);
  EXPECT_EQ(asked.Value("count(seasonality_strength(views[5d]) > 0.5)"), 1);
  for (const char* text : {"seasonality(views[4d])", "seasonality_strength(views[4d])", "decompose(views[4d], \"trend\")",
                           "decompose(views[4d:10m], \"seasonal\")"}) {
    asked.ExpectSameBits(text, Asked::kNow - kDay, Asked::kNow, 3 * kHour + 7 * kMinute, 3);
  }
}

}  // namespace
}  // namespace auspex
