#include "analytics/forecast_panel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "tests/analytics/kernel_call.h"

namespace auspex::analytics {
namespace {

using testing::Samples;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kNow = 19'700 * kDay;

/// Every `step_ms` up to now: value(i), i = 0 the oldest.
Samples History(int count, int64_t step_ms, const std::function<double(int)>& value) {
  Samples samples;
  for (int i = 0; i < count; ++i) samples.Add(kNow - (count - 1 - i) * step_ms, value(i));
  return samples;
}

PanelForecast Ahead(const Samples& samples, int64_t ahead_ms, bool day = true, bool week = true) {
  const auto panel = ForecastPanel::Make(samples.t_ms, samples.values, kNow, static_cast<double>(ahead_ms), day, week);
  EXPECT_TRUE(panel.has_value());
  if (!panel) return {};
  const auto answer = panel->At(static_cast<double>(ahead_ms));
  EXPECT_TRUE(answer.has_value());
  return answer.value_or(PanelForecast{});
}

TEST(ForecastPanel, QuantilesOfErrorsByHand) {
  const PanelForecast answer{.value = 0, .errors = {1, 2, 3, 4}};
  EXPECT_DOUBLE_EQ(answer.ErrorAt(0.4), 2);  // rank 0.4 x 5
  EXPECT_DOUBLE_EQ(answer.ErrorAt(0.5), 2.5);
  EXPECT_DOUBLE_EQ(answer.ErrorAt(0.1), 0.5);  // below the least: in proportion
  EXPECT_DOUBLE_EQ(answer.ErrorAt(0.8), 4);
  // Beyond the largest as the normal distribution: z(0.975) / z(0.9) x 4.
  EXPECT_NEAR(answer.ErrorAt(0.95), 4 * 1.959964 / 1.281552, 1e-5);
}

TEST(ForecastPanel, AConstantStaysBitForBit) {
  const Samples samples = History(500, 5 * kMinute, [](int) { return 0.1; });
  for (const int64_t ahead_ms : {kMinute, kHour, kDay}) {
    const PanelForecast answer = Ahead(samples, ahead_ms);
    EXPECT_EQ(answer.value, 0.1) << ahead_ms;
    EXPECT_EQ(answer.ErrorAt(0.95), 0) << ahead_ms;
  }
}

TEST(ForecastPanel, ALineGoesOn) {
  const Samples samples = History(600, 5 * kMinute, [](int i) { return 3.0 * i; });
  for (const int64_t hours : {1, 6, 12}) {
    EXPECT_NEAR(Ahead(samples, hours * kHour).value, 3.0 * (599 + 12 * static_cast<double>(hours)), 1e-6) << hours;
  }
}

TEST(ForecastPanel, ADayComesAgain) {
  const Samples samples = History(6 * 288, 5 * kMinute, [](int i) { return i % 288 < 24 ? 900.0 + i % 7 : 100.0 + i % 5; });
  // The newest sample is the last of a day: the batch runs in the first two hours.
  EXPECT_NEAR(Ahead(samples, kHour).value, 903, 4);
  EXPECT_NEAR(Ahead(samples, 4 * kHour).value, 102, 3);
  EXPECT_NEAR(Ahead(samples, kDay + kHour).value, 903, 4);
}

TEST(ForecastPanel, TheDayIsTakenAtTodaysLevel) {
  const auto shape = [](int i) { return 10 * std::sin(2 * M_PI * i / 288.0); };
  const Samples samples = History(7 * 288, 5 * kMinute, [&](int i) { return shape(i) + (i < 6 * 288 ? 100 : 160); });
  EXPECT_NEAR(Ahead(samples, 2 * kHour).value, 160 + shape(24), 3);
}

TEST(ForecastPanel, AWeekendComesAgain) {
  // Weeks of 168 hours, the newest sample on hour 167; two of seven days are quiet.
  const Samples samples = History(
      5 * 168, kHour, [](int i) { return (i / 24 % 7 < 5 ? 100 : 20) + 10 * std::sin(2 * M_PI * i / 24.0) + 0.1 * (i % 3); });
  const Samples till_friday = [&] {
    Samples out;
    for (size_t i = 0; i < samples.t_ms.size(); ++i) out.Add(samples.t_ms[i] + 2 * kDay, samples.values[i]);
    while (out.t_ms.back() > kNow) {
      out.t_ms.pop_back();
      out.values.pop_back();
    }
    return out;
  }();
  EXPECT_NEAR(Ahead(till_friday, 12 * kHour).value, 20 + 10 * std::sin(2 * M_PI * 11 / 24.0), 6);
  EXPECT_GT(Ahead(till_friday, 12 * kHour, true, false).value, 60);
}

TEST(ForecastPanel, OneOutlierMovesNothing) {
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal(50, 1);
  Samples samples = History(600, 5 * kMinute, [&](int) { return normal(random); });
  const double before = Ahead(samples, kHour).value;
  samples.values.back() = 1e6;
  EXPECT_NEAR(Ahead(samples, kHour).value, before, 1);
}

TEST(ForecastPanel, ARandomWalkStaysWhereItIs) {
  std::mt19937_64 random(6);
  std::normal_distribution<double> normal(0, 1);
  double state = 0;
  const Samples samples = History(2000, 5 * kMinute, [&](int) { return state += normal(random); });
  EXPECT_NEAR(Ahead(samples, kHour).value, state, 4);
}

// Of a forecast an hour ahead in white noise, 95 of 100 intervals hold what comes.
TEST(ForecastPanel, TheIntervalHoldsWhatItSays) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal(0, 1);
  int held = 0;
  constexpr int kTrials = 200;
  for (int trial = 0; trial < kTrials; ++trial) {
    const Samples samples = History(400, 5 * kMinute, [&](int) { return normal(random); });
    const PanelForecast answer = Ahead(samples, kHour);
    held += std::abs(answer.value - normal(random)) <= answer.ErrorAt(0.9) ? 1 : 0;
  }
  EXPECT_GE(held, 0.83 * kTrials);
  EXPECT_LE(held, 0.96 * kTrials);
}

// Multiplied by a power of two, the answer is so too, bit for bit; moved by a week, it does not change.
TEST(ForecastPanel, DoesNotDependOnTheUnitOrTheWeek) {
  std::mt19937_64 random(8);
  std::normal_distribution<double> normal(0, 1);
  const Samples samples =
      History(1500, 5 * kMinute, [&](int i) { return normal(random) + 5 * std::sin(2 * M_PI * i / 288.0); });
  for (const int64_t ahead_ms : {kHour, kDay}) {
    const PanelForecast answer = Ahead(samples, ahead_ms);
    Samples scaled = samples;
    for (double& x : scaled.values) x *= -8;
    EXPECT_EQ(Ahead(scaled, ahead_ms).value, -8 * answer.value);
    Samples shifted = samples;
    for (double& x : shifted.values) x += 1024;
    EXPECT_NEAR(Ahead(shifted, ahead_ms).value, answer.value + 1024, 1e-6);
    Samples later = samples;
    for (int64_t& t : later.t_ms) t += 7 * kDay;
    const auto panel =
        ForecastPanel::Make(later.t_ms, later.values, kNow + 7 * kDay, static_cast<double>(ahead_ms), true, true);
    EXPECT_EQ(panel->At(static_cast<double>(ahead_ms))->value, answer.value);
  }
}

TEST(ForecastPanel, GapsAndUnevenSteps) {
  std::mt19937_64 random(9);
  std::normal_distribution<double> normal(0, 0.5);
  Samples samples;
  int64_t t_ms = kNow - 6 * kDay;
  while (t_ms < kNow) {
    const double phase = 2 * M_PI * static_cast<double>(t_ms % kDay) / static_cast<double>(kDay);
    samples.Add(t_ms, random() % 50 == 0 ? std::nan("") : 40 + 10 * std::sin(phase) + normal(random));
    t_ms += kMinute + static_cast<int64_t>(random() % (8 * kMinute)) + (random() % 200 == 0 ? 3 * kHour : 0);
  }
  for (const int64_t hours : {1, 6, 18, 24}) {
    const double phase = 2 * M_PI * static_cast<double>(hours) / 24;
    EXPECT_NEAR(Ahead(samples, hours * kHour).value, 40 + 10 * std::sin(phase), 2.5) << hours;
  }
}

TEST(ForecastPanel, HasNothingToSayOfTooLittle) {
  const Samples nine = History(9, kMinute, [](int i) { return i; });
  EXPECT_FALSE(ForecastPanel::Make(nine.t_ms, nine.values, kNow, kMinute, true, true).has_value());
  const Samples hour = History(60, kMinute, [](int i) { return i; });
  const auto panel = ForecastPanel::Make(hour.t_ms, hour.values, kNow, kMinute, true, true);
  ASSERT_TRUE(panel.has_value());
  EXPECT_TRUE(panel->At(30.0 * kMinute).has_value());
  EXPECT_FALSE(panel->At(2.0 * kHour).has_value());  // longer than the window
  EXPECT_FALSE(panel->At(0).has_value());
  EXPECT_FALSE(panel->At(-1.0 * kHour).has_value());
}

}  // namespace
}  // namespace auspex::analytics
