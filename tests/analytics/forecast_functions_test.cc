#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/analytics/kernel_call.h"

namespace auspex {
namespace {

using testing::Answer;
using testing::Call;
using testing::Samples;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kNow = 19'700 * kDay;

/// shape(u), u from 0 to 1 over the days before now, every five minutes, plus noise.
template <typename Shape>
Samples History(double days, double sigma, Shape shape) {
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal(0, sigma > 0 ? sigma : 1);
  Samples samples;
  const auto count = static_cast<int>(days * 288);
  for (int i = 0; i <= count; ++i) {
    const int64_t t_ms = kNow - (count - i) * 5 * kMinute;
    samples.Add(t_ms, shape(static_cast<double>(i) / count) + (sigma > 0 ? normal(random) : 0));
  }
  return samples;
}

double At(const std::string& function, double days, const std::vector<testing::Argument>& arguments, const Samples& samples) {
  const auto range_ms = static_cast<int64_t>((days + 0.01) * static_cast<double>(kDay));
  const Answer answer = Call(function, range_ms, arguments, samples, {.start_ms = kNow, .step_ms = 1, .count = 1});
  EXPECT_TRUE(answer.status.ok()) << answer.status.ToString();
  return answer.front();
}

TEST(Forecast, GoesOnALine) {
  const Samples samples = History(2, 0.5, [](double u) { return 10 + 20 * u; });
  EXPECT_NEAR(At("forecast", 2, {86'400.0}, samples), 40, 0.5);
  const double lower = At("forecast_lower", 2, {86'400.0}, samples);
  const double upper = At("forecast_upper", 2, {86'400.0}, samples);
  EXPECT_LT(lower, 40);
  EXPECT_GT(upper, 40);
  EXPECT_LT(upper - lower, 6);
  EXPECT_LT(At("forecast_upper", 2, {86'400.0, 0.5}, samples), upper);
}

TEST(Forecast, KnowsTheDay) {
  const Samples samples = History(6, 1, [](double u) { return 100 + 30 * std::sin(2 * M_PI * 6 * u); });
  for (const double hours : {3.0, 6.0, 12.0, 18.0}) {
    const double want = 100 + 30 * std::sin(2 * M_PI * hours / 24);
    EXPECT_NEAR(At("forecast", 6, {hours * 3600}, samples), want, 4) << hours;
  }
}

TEST(Forecast, SaysNothingOfATinyHistory) {
  Samples samples;
  for (int i = 0; i < 5; ++i) samples.Add(kNow - i * kMinute, i);
  std::reverse(samples.t_ms.begin(), samples.t_ms.end());
  const Answer answer = Call("forecast", kDay, {60.0}, samples, {.start_ms = kNow, .step_ms = 1, .count = 1});
  EXPECT_TRUE(query::IsAbsent(answer.front()));
  ASSERT_EQ(answer.annotations.warnings.size(), 1U);
}

// A disk fills from 40 to 60 % in two days: 90 % three days from now.
TEST(Exhaustion, OfALinearFill) {
  const Samples samples = History(2, 0.2, [](double u) { return 40 + 20 * u; });
  const double seconds = At("forecast_exhaustion", 2, {90.0}, samples);
  EXPECT_NEAR(seconds, 3 * 86'400, 0.05 * 3 * 86'400);
  EXPECT_LT(At("forecast_exhaustion_earliest", 2, {90.0}, samples), seconds);
  EXPECT_GT(At("forecast_exhaustion_latest", 2, {90.0}, samples), seconds);
}

TEST(Exhaustion, DownToNothing) {
  const Samples samples = History(2, 0.2, [](double u) { return 60 - 20 * u; });
  const double seconds = At("forecast_exhaustion", 2, {0.0}, samples);
  EXPECT_NEAR(seconds, 4 * 86'400, 0.05 * 4 * 86'400);
  EXPECT_LE(At("forecast_exhaustion_earliest", 2, {0.0}, samples), seconds);
  EXPECT_GE(At("forecast_exhaustion_latest", 2, {0.0}, samples), seconds);
}

TEST(Exhaustion, IsZeroOnTheFarSide) {
  const Samples samples = History(2, 0, [](double u) { return u < 0.9 ? 50 : 95; });
  EXPECT_EQ(At("forecast_exhaustion", 2, {90.0}, samples), 0);
}

TEST(Exhaustion, OfAPlateauNeverComes) {
  const Samples samples = History(2, 0.2, [](double u) { return u < 0.6 ? 20 + 50 * u : 50; });
  EXPECT_EQ(At("forecast_exhaustion", 2, {90.0}, samples), INFINITY);
}

TEST(Exhaustion, OfASawToothNeverComes) {
  for (const double teeth : {4.3, 6.7, 7.9}) {
    const Samples samples = History(7, 0.2, [&](double u) { return 20 + 40 * std::fmod(u * teeth, 1.0); });
    EXPECT_EQ(At("forecast_exhaustion", 7, {90.0}, samples), INFINITY) << teeth;
  }
}

TEST(Exhaustion, OfASeasonThatGrows) {
  const Samples samples = History(6, 0.5, [](double u) { return 40 + 24 * u + 5 * std::sin(2 * M_PI * 6 * u); });
  // The trend is at 64 and gains 4 a day; the day's peak is 5 above it: 90 is reached after between five and seven days.
  const double seconds = At("forecast_exhaustion", 6, {90.0}, samples);
  EXPECT_GT(seconds, 5.0 * 86'400);
  EXPECT_LT(seconds, 7.0 * 86'400);
}

TEST(Exhaustion, OfSteps) {
  // A batch every night adds two; ten of them so far, thirteen to go.
  const Samples samples = History(10, 0, [](double u) { return 44 + 2 * std::floor(u * 10); });
  const double seconds = At("forecast_exhaustion", 10, {90.0}, samples);
  EXPECT_NEAR(seconds, 13 * 86'400, 3 * 86'400);
}

TEST(Exhaustion, OfGrowthThatAccelerates) {
  // 10 + 60 u^2: 90 at u = 1.155, 0.31 days from now; the straight line of the whole window would say 0.9 days.
  const Samples samples = History(2, 0.1, [](double u) { return 10 + 60 * u * u; });
  EXPECT_NEAR(At("forecast_exhaustion", 2, {90.0}, samples), 0.31 * 86'400, 0.1 * 86'400);
}

TEST(Exhaustion, HorizonAndDirection) {
  const Samples samples = History(2, 0.2, [](double u) { return 40 + 20 * u; });
  EXPECT_EQ(At("forecast_exhaustion", 2, {90.0, "horizon=2d"}, samples), INFINITY);
  EXPECT_EQ(At("forecast_exhaustion", 2, {90.0, "dir=down"}, samples), 0);
  const Answer answer =
      Call("forecast_exhaustion", kDay, {90.0, "horizn=2d"}, samples, {.start_ms = kNow, .step_ms = 1, .count = 1});
  EXPECT_EQ(answer.status.message(), "forecast_exhaustion: options: unknown key \"horizn\", did you mean horizon?");
}

TEST(Exhaustion, OfQuietNoiseNeverComes) {
  const Samples samples = History(7, 2, [](double) { return 50; });
  EXPECT_EQ(At("forecast_exhaustion", 7, {90.0}, samples), INFINITY);
  EXPECT_EQ(At("forecast_exhaustion_earliest", 7, {90.0}, samples), INFINITY);
}

}  // namespace
}  // namespace auspex
