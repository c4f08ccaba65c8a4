// How often a change point is seen where there is none, over many seeds.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "analytics/change_point.h"
#include "tests/support/seed.h"

namespace auspex::analytics {
namespace {

using Series = std::vector<double>;
using Make = std::function<Series(size_t, std::mt19937_64&)>;

Make Autoregressive(double phi) {
  return [phi](size_t n, std::mt19937_64& random) {
    std::normal_distribution<double> normal;
    Series out(n);
    double state = phi < 1 ? normal(random) / std::sqrt(1 - phi * phi) : 0;
    for (double& x : out) x = state = phi * state + normal(random);
    return out;
  };
}

/// shape(u), u from 0 to 1, in white noise.
Make Shaped(std::function<double(double u, double phase)> shape) {
  return [shape](size_t n, std::mt19937_64& random) {
    std::normal_distribution<double> normal;
    const double phase = std::uniform_real_distribution<double>(0, 6.28)(random);
    Series out(n);
    for (size_t i = 0; i < n; ++i) out[i] = normal(random) + shape(static_cast<double>(i) / static_cast<double>(n), phase);
    return out;
  };
}

template <typename Distribution>
Make Drawn(Distribution distribution) {
  return [distribution](size_t n, std::mt19937_64& random) mutable {
    Series out(n);
    for (double& x : out) x = static_cast<double>(distribution(random));
    return out;
  };
}

TEST(ChangePointSlow, NoneOnNoiseTrendAndSeason) {
  const uint64_t seed = testing::TestSeed();
  struct Kind {
    const char* name;
    Make make;
    double most;  // of windows
  };
  const Kind kinds[] = {
      {"white noise", Autoregressive(0), 0.004},
      {"autocorrelated 0.5", Autoregressive(0.5), 0.012},
      {"autocorrelated 0.9", Autoregressive(0.9), 0.02},
      {"random walk", Autoregressive(1), 0.03},
      {"trend", Shaped([](double u, double) { return 20 * u; }), 0.004},
      {"season", Shaped([](double u, double phase) { return 10 * std::sin(3 * 6.2832 * u + phase); }), 0.004},
      {"one slow wave", Shaped([](double u, double phase) { return 3 * std::sin(6.2832 * u + phase); }), 0.02},
      {"heavy tails", Drawn(std::student_t_distribution<double>(3)), 0.02},
      {"counts", Drawn(std::poisson_distribution<int>(3)), 0.012},
      {"rare counts", Drawn(std::poisson_distribution<int>(0.3)), 0.02},
      {"rare events", Drawn(std::bernoulli_distribution(0.05)), 0.02},
      {"exponential", Drawn(std::exponential_distribution<double>(1)), 0.02},
      {"log-normal", Drawn(std::lognormal_distribution<double>(0, 1)), 0.05},
  };
  for (const Kind& kind : kinds) {
    for (const auto& [n, windows] : {std::pair<size_t, int>{60, 500}, {300, 300}, {1000, 120}}) {
      int alarms = 0;
      for (int window = 0; window < windows; ++window) {
        std::mt19937_64 random(seed + static_cast<uint64_t>(window) * 7919 + n);
        alarms += ChangePoints::Find(kind.make(n, random)).changes.empty() ? 0 : 1;
      }
      const double rate = static_cast<double>(alarms) / windows;
      // Three standard errors of a rate as high as allowed.
      EXPECT_LE(rate, kind.most + 3 * std::sqrt(kind.most / windows)) << kind.name << ", " << n << " samples";
      std::printf("%-20s %5zu samples: %d of %d windows\n", kind.name, n, alarms, windows);
    }
  }
}

TEST(ChangePointSlow, CleanStepsWithinTwoSamples) {
  const uint64_t seed = testing::TestSeed();
  for (const size_t n : {size_t{120}, size_t{360}, size_t{1440}}) {
    int near = 0;
    int more = 0;
    constexpr int kWindows = 100;
    for (int window = 0; window < kWindows; ++window) {
      std::mt19937_64 random(seed + static_cast<uint64_t>(window));
      const size_t at = 10 + random() % (n - 20);
      std::normal_distribution<double> normal;
      Series x(n);
      for (size_t i = 0; i < n; ++i) x[i] = normal(random) + (i < at ? 0 : 8);
      const auto found = ChangePoints::Find(x).changes;
      more += found.size() > 1 ? 1 : 0;
      near += std::any_of(found.begin(), found.end(), [&](const LevelChange& c) { return c.at + 2 >= at && c.at <= at + 2; });
    }
    EXPECT_GE(near, 98) << n;
    EXPECT_LE(more, 1) << n;
  }
}

}  // namespace
}  // namespace auspex::analytics
