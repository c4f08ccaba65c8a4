// How often a period is seen where there is none, and found where there is one, over many seeds.

#include "analytics/cycle_finder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/support/seed.h"

namespace auspex::analytics {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kStart = 20'300 * int64_t{86'400'000};

template <typename Next>
std::optional<Cycle> FindIn(size_t count, int64_t step_ms, Next next) {
  std::vector<int64_t> t_ms;
  std::vector<double> values;
  for (size_t i = 0; i < count; ++i) {
    t_ms.push_back(kStart + static_cast<int64_t>(i) * step_ms);
    values.push_back(next(static_cast<double>(t_ms.back())));
  }
  return FindCycle(MakeEvenGrid(t_ms, values, kCycleCells));
}

TEST(CycleFinderSlow, NoneOnNoiseAndRandomWalk) {
  const uint64_t seed = testing::TestSeed();
  struct Window {
    size_t count;
    int64_t step_ms;
  };
  for (const Window window :
       {Window{60, kMinute}, {96, 60 * kMinute}, {300, 15 * kMinute}, {866, 5 * kMinute}, {840, 60 * kMinute}}) {
    for (const double phi : {0.0, 0.9, 0.99, 1.0}) {
      constexpr int kWindows = 150;
      int alarms = 0;
      for (int i = 0; i < kWindows; ++i) {
        std::mt19937_64 random(seed + static_cast<uint64_t>(i) * 7919 + window.count);
        std::normal_distribution<double> normal;
        double state = 0;
        alarms += FindIn(window.count, window.step_ms, [&](double) { return state = phi * state + normal(random); }) ? 1 : 0;
      }
      // At most one window in a hundred, and three standard errors.
      EXPECT_LE(alarms, 0.01 * kWindows + 3 * std::sqrt(0.01 * kWindows)) << window.count << " samples, phi " << phi;
      std::printf("phi %.2f, %4zu samples: %d of %d windows\n", phi, window.count, alarms, kWindows);
    }
  }
}

TEST(CycleFinderSlow, TheDayInNoise) {
  const uint64_t seed = testing::TestSeed();
  constexpr double kDay = 86'400'000;
  for (const auto& [days, amplitude, fewest] :
       {std::tuple<size_t, double, int>{4, 2.0, 99}, {7, 1.0, 99}, {14, 0.7, 99}, {7, 0.7, 85}}) {
    int found = 0;
    for (int i = 0; i < 100; ++i) {
      std::mt19937_64 random(seed + static_cast<uint64_t>(i));
      std::normal_distribution<double> normal;
      const auto cycle = FindIn(days * 288, 5 * kMinute,
                                [&, a = amplitude](double t) { return a * std::sin(2 * M_PI * t / kDay) + normal(random); });
      found += cycle && cycle->period_ms == kDay ? 1 : 0;
    }
    EXPECT_GE(found, fewest) << days << " days, amplitude " << amplitude;
  }
}

}  // namespace
}  // namespace auspex::analytics
