// Every kernel against a slow twin that looks at one window at a time.
#include "query/kernel.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "tests/support/seed.h"

namespace auspex::query {
namespace {

struct Sample {
  int64_t t_ms;
  double value;
};
using Samples = std::vector<Sample>;

constexpr double kNothing = -12345.678;  // what a twin answers for "no sample"

long double Mean(const Samples& w) {
  long double sum = 0;
  for (const Sample& s : w) sum += s.value;
  return sum / static_cast<long double>(w.size());
}

double Variance(const Samples& w) {
  long double squares = 0;
  for (const Sample& s : w) squares += (s.value - Mean(w)) * (s.value - Mean(w));
  return static_cast<double>(squares / static_cast<long double>(w.size()));
}

double QuantileOf(std::vector<double> values, double q) {
  if (q < 0) return -HUGE_VAL;
  if (q > 1) return HUGE_VAL;
  std::sort(values.begin(), values.end());
  const double rank = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(rank);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (values[above] - values[below]) * (rank - static_cast<double>(below));
}

std::vector<double> ValuesOf(const Samples& w) {
  std::vector<double> out;
  for (const Sample& s : w) out.push_back(s.value);
  return out;
}

// The window's length is 60 s.
double Extrapolated(const Samples& w, int64_t end_ms, bool counter, bool rate) {
  if (w.size() < 2) return kNothing;
  double increase = w.back().value - w.front().value;
  for (size_t i = 1; counter && i < w.size(); ++i) increase += w[i].value < w[i - 1].value ? w[i - 1].value : 0;
  const double sampled = static_cast<double>(w.back().t_ms - w.front().t_ms) / 1e3;
  const double interval = sampled / static_cast<double>(w.size() - 1);
  double before = static_cast<double>(w.front().t_ms - (end_ms - 60'000)) / 1e3;
  double after = static_cast<double>(end_ms - w.back().t_ms) / 1e3;
  if (before >= 1.1 * interval) before = interval / 2;
  if (after >= 1.1 * interval) after = interval / 2;
  if (counter && increase > 0 && w.front().value >= 0) before = std::min(before, sampled * w.front().value / increase);
  return increase * (sampled + before + after) / sampled / (rate ? 60 : 1);
}

// Least squares around the mean of the times; `value` is the line's at at_ms.
double Slope(const Samples& w, int64_t at_ms, double* value) {
  long double mean_s = 0;
  for (const Sample& s : w) mean_s += static_cast<long double>(s.t_ms - at_ms) / 1e3L / static_cast<long double>(w.size());
  long double covariance = 0;
  long double variance = 0;
  for (const Sample& s : w) {
    const long double x = static_cast<long double>(s.t_ms - at_ms) / 1e3L - mean_s;
    covariance += x * (s.value - Mean(w));
    variance += x * x;
  }
  *value = static_cast<double>(Mean(w) - covariance / variance * mean_s);
  return static_cast<double>(covariance / variance);
}

// What the function answers for one window that ends at end_ms; `p` and `q` are its scalar arguments.
double Twin(const std::string& name, const Samples& w, int64_t end_ms, double p, double q) {
  if (w.empty()) return kNothing;
  const std::vector<double> v = ValuesOf(w);
  const auto by_value = [](const Sample& a, const Sample& b) { return a.value < b.value; };
  double value = 0;
  if (name == "rate") return Extrapolated(w, end_ms, true, true);
  if (name == "increase") return Extrapolated(w, end_ms, true, false);
  if (name == "delta") return Extrapolated(w, end_ms, false, false);
  if (name == "count_over_time") return static_cast<double>(w.size());
  if (name == "sum_over_time") return static_cast<double>(Mean(w) * static_cast<long double>(w.size()));
  if (name == "avg_over_time") return static_cast<double>(Mean(w));
  if (name == "stdvar_over_time") return Variance(w);
  if (name == "stddev_over_time") return std::sqrt(Variance(w));
  if (name == "min_over_time") return *std::min_element(v.begin(), v.end());
  if (name == "max_over_time") return *std::max_element(v.begin(), v.end());
  if (name == "first_over_time") return v.front();
  if (name == "last_over_time") return v.back();
  if (name == "present_over_time") return 1;
  if (name == "ts_of_first_over_time") return static_cast<double>(w.front().t_ms) / 1e3;
  if (name == "ts_of_last_over_time") return static_cast<double>(w.back().t_ms) / 1e3;
  if (name == "ts_of_max_over_time") {
    return static_cast<double>(std::max_element(w.rbegin(), w.rend(), by_value)->t_ms) / 1e3;
  }
  if (name == "ts_of_min_over_time") {
    return static_cast<double>(std::min_element(w.rbegin(), w.rend(), by_value)->t_ms) / 1e3;
  }
  if (name == "quantile_over_time") return QuantileOf(v, p);
  if (name == "mad_over_time") {
    std::vector<double> away;
    for (const double x : v) away.push_back(std::abs(x - QuantileOf(v, 0.5)));
    return QuantileOf(away, 0.5);
  }
  if (name == "resets" || name == "changes") {
    int count = 0;
    for (size_t i = 1; i < v.size(); ++i) count += name == "resets" ? v[i] < v[i - 1] : v[i] != v[i - 1];
    return count;
  }
  if (w.size() < 2) return kNothing;
  const double last_s = static_cast<double>(w.back().t_ms - w[w.size() - 2].t_ms) / 1e3;
  if (name == "irate") return (v.back() < v[v.size() - 2] ? v.back() : v.back() - v[v.size() - 2]) / last_s;
  if (name == "idelta") return v.back() - v[v.size() - 2];
  if (name == "deriv") return Slope(w, w.front().t_ms, &value);
  if (name == "predict_linear") {
    const double slope = Slope(w, end_ms, &value);
    return value + slope * p;
  }
  if (name == "double_exponential_smoothing") {
    double level = v[0];
    double trend = v[1] - v[0];
    for (size_t i = 1; i < v.size(); ++i) {
      const double next = p * v[i] + (1 - p) * (level + trend);
      trend = i + 1 < v.size() ? q * (next - level) + (1 - q) * trend : trend;
      level = next;
    }
    return level;
  }
  ADD_FAILURE() << "no twin of " << name;
  return kNothing;
}

struct Fixture {
  std::vector<int64_t> t_ms;
  std::vector<double> values;
  RangeInput input;

  Fixture(std::mt19937_64& random, bool counter, bool closed_left) {
    int64_t t = 1'700'000'000'000;
    double value = 5;
    for (int i = 0; i < 400; ++i) {
      // Some samples lie exactly on the edges of windows; now and then there is a gap of minutes.
      t += random() % 3 == 0 ? 10'000 : static_cast<int64_t>(1 + random() % 12'000);
      if (random() % 40 == 0) t += 150'000;
      t -= random() % 4 == 0 ? t % 5'000 : 0;
      if (!t_ms.empty() && t <= t_ms.back()) t = t_ms.back() + 1'000;
      value = counter ? (random() % 25 == 0 ? 0 : value + static_cast<double>(random() % 50))
                      : static_cast<double>(static_cast<int64_t>(random() % 2001) - 1000) / 8;
      t_ms.push_back(t);
      values.push_back(value);
    }
    input.t_ms = t_ms;
    input.values = values;
    input.range_ms = 60'000;
    input.closed_left = closed_left;
    input.steps = {1'700'000'000'000 - 30'000, 5'000, 600};
    input.evaluation = input.steps;
  }
};

constexpr const char* kNames[] = {
    "rate",
    "increase",
    "delta",
    "irate",
    "idelta",
    "resets",
    "changes",
    "avg_over_time",
    "sum_over_time",
    "count_over_time",
    "min_over_time",
    "max_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "quantile_over_time",
    "mad_over_time",
    "first_over_time",
    "last_over_time",
    "present_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
    "deriv",
    "predict_linear",
    "double_exponential_smoothing",
};

TEST(KernelTest, AgreesWithItsTwinOnEveryWindow) {
  std::mt19937_64 random(testing::TestSeed());
  const std::vector<double> p = {0.375};
  const std::vector<double> q = {0.25};
  for (const std::string name : kNames) {
    SCOPED_TRACE(name);
    const Kernel kernel = FindKernel(name);
    ASSERT_NE(kernel, nullptr);
    for (const bool closed_left : {false, true}) {
      // The twin knows only Prometheus 3's extrapolation.
      if (closed_left && (name == "rate" || name == "increase")) continue;
      Fixture fixture(random, /*counter=*/name == "rate" || name == "increase" || name == "irate", closed_left);
      RangeInput& input = fixture.input;
      input.scalars = {p, p, q};
      std::vector<double> out(input.steps.count, Absent());
      Annotations notes;
      ASSERT_TRUE(kernel(input, out, notes).ok());
      for (size_t k = 0; k < out.size(); ++k) {
        const int64_t end_ms = input.steps.At(k);
        Samples window;
        for (size_t i = 0; i < input.t_ms.size(); ++i) {
          const int64_t age = end_ms - input.t_ms[i];
          if (age >= 0 && (closed_left ? age <= 60'000 : age < 60'000)) window.push_back({input.t_ms[i], input.values[i]});
        }
        const double want = Twin(name, window, end_ms, p[0], q[0]);
        if (want == kNothing) {
          EXPECT_TRUE(IsAbsent(out[k])) << "step " << k << ": found " << out[k];
        } else {
          EXPECT_NEAR(out[k], want, 1e-9 * std::max(1.0, std::abs(want)))
              << "step " << k << ", " << window.size() << " samples";
        }
      }
    }
  }
}

// What a range query answers at a step is what an instant query answers there, to the last bit: however far the samples
// reach that were read, and whatever came before in the same pass.
TEST(KernelTest, AStepHasTheSameBitsAlone) {
  std::mt19937_64 random(testing::TestSeed());
  const std::vector<double> p = {0.375};
  const std::vector<double> q = {0.25};
  for (const std::string name : kNames) {
    SCOPED_TRACE(name);
    const Kernel kernel = FindKernel(name);
    for (const int64_t range_ms : {7'000, 60'000, 600'000, 3'000'000}) {
      Fixture fixture(random, /*counter=*/random() % 2 == 0, /*closed_left=*/random() % 2 == 0);
      for (double& value : fixture.values) {
        value = std::ldexp(value, static_cast<int>(random() % 60) - 30) / 3;
        if (random() % 150 == 0) value = random() % 2 == 0 ? HUGE_VAL : std::nan("");
        if (random() % 150 == 0) value = random() % 2 == 0 ? 1.7e308 : -0.0;
      }
      RangeInput& input = fixture.input;
      input.range_ms = range_ms;
      input.scalars = {p, p, q};
      std::vector<double> out(input.steps.count, Absent());
      Annotations notes;
      ASSERT_TRUE(kernel(input, out, notes).ok());
      for (size_t k = 0; k < out.size(); k += 1 + random() % 20) {
        RangeInput alone = input;
        alone.steps = alone.evaluation = {input.steps.At(k), 1, 1};
        const int64_t first_ms = alone.steps.start_ms - range_ms + (input.closed_left ? 0 : 1);
        const auto begin = std::lower_bound(input.t_ms.begin(), input.t_ms.end(), first_ms) - input.t_ms.begin();
        const auto end = std::upper_bound(input.t_ms.begin(), input.t_ms.end(), alone.steps.start_ms) - input.t_ms.begin();
        alone.t_ms = input.t_ms.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
        alone.values = input.values.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
        double want = Absent();
        ASSERT_TRUE(kernel(alone, std::span<double>(&want, 1), notes).ok());
        EXPECT_EQ(std::bit_cast<uint64_t>(out[k]), std::bit_cast<uint64_t>(want))
            << "step " << k << " of range " << range_ms << ": " << out[k] << " is alone " << want;
      }
    }
  }
}

// Sums lose nothing to cancellation, and infinities and overflows end as adding one by one would have them.
TEST(KernelTest, SumsOfAwkwardValues) {
  const double inf = HUGE_VAL;
  const auto answer = [](const char* name, const std::vector<double>& values) {
    std::vector<int64_t> t_ms(values.size());
    for (size_t i = 0; i < values.size(); ++i) t_ms[i] = static_cast<int64_t>(i) * 1000 + 500;
    RangeInput input;
    input.t_ms = t_ms;
    input.values = values;
    input.range_ms = 10'000;
    input.steps = input.evaluation = {9'000, 1, 1};
    double out = Absent();
    Annotations notes;
    EXPECT_TRUE(FindKernel(name)(input, std::span<double>(&out, 1), notes).ok());
    return out;
  };
  EXPECT_EQ(answer("sum_over_time", {1, 1e100, 1, -1e100}), 2);
  EXPECT_EQ(answer("avg_over_time", {1, 1e100, 1, -1e100}), 0.5);
  EXPECT_EQ(answer("sum_over_time", {1, inf, 2}), inf);
  EXPECT_TRUE(std::isnan(answer("sum_over_time", {1, inf, -inf})));
  EXPECT_EQ(answer("sum_over_time", {1.5e308, 1.5e308, -1.5e308}), inf);
  EXPECT_NEAR(answer("avg_over_time", {1.5e308, 1.5e308, 1.5e308}), 1.5e308, 1e293);
  EXPECT_EQ(answer("stddev_over_time", {1.5990505637277868, 1.5990505637277868, 1.5990505637277868}), 0);
  EXPECT_NEAR(answer("stdvar_over_time", {1e9, 1e9 + 1, 1e9 + 2}), 2.0 / 3, 1e-15);
  EXPECT_TRUE(std::isnan(answer("stdvar_over_time", {1, inf})));
  EXPECT_TRUE(std::isnan(answer("sum_over_time", {1, std::nan(""), 2})));
  EXPECT_FALSE(IsAbsent(answer("sum_over_time", {1, std::nan(""), 2})));
}

// The anchors lie between the samples here: {1, 1e100} before, {1, -1e100} after.
TEST(KernelTest, SumsOverAnAnchor) {
  const std::vector<int64_t> t_ms = {8'000, 9'000, 11'000, 12'000};
  const std::vector<double> values = {1, 1e100, 1, -1e100};
  RangeInput input;
  input.t_ms = t_ms;
  input.values = values;
  input.range_ms = 10'000;
  input.steps = input.evaluation = {12'000, 1, 1};
  double out = Absent();
  Annotations notes;
  ASSERT_TRUE(FindKernel("sum_over_time")(input, std::span<double>(&out, 1), notes).ok());
  EXPECT_EQ(out, 2);
  ASSERT_TRUE(FindKernel("avg_over_time")(input, std::span<double>(&out, 1), notes).ok());
  EXPECT_EQ(out, 0.5);
}

TEST(KernelTest, ZeroOfACounterIsLookedForBeforeOrAfterTheThreshold) {
  // Ten seconds between samples; the window starts 45 s before the first one; at zero 8 s before it.
  const std::vector<int64_t> t_ms = {100'000, 110'000, 120'000};
  const std::vector<double> values = {8, 18, 28};
  RangeInput input;
  input.t_ms = t_ms;
  input.values = values;
  input.range_ms = 65'000;
  input.steps = {120'000, 1, 1};
  input.evaluation = input.steps;
  std::vector<double> out(1, Absent());
  Annotations notes;
  ASSERT_TRUE(FindKernel("increase")(input, out, notes).ok());
  EXPECT_DOUBLE_EQ(out[0], 25);  // half an interval: 5 s
  input.closed_left = true;
  ASSERT_TRUE(FindKernel("increase")(input, out, notes).ok());
  EXPECT_DOUBLE_EQ(out[0], 28);  // down to zero: 8 s
}

TEST(KernelTest, NanIsTheExtremeOnlyOfNothingElse) {
  const double nan = std::nan("");
  const std::vector<int64_t> t_ms = {1, 2, 3, 4};
  const std::vector<double> values = {nan, 5, nan, nan};
  RangeInput input;
  input.t_ms = t_ms;
  input.values = values;
  input.range_ms = 2;
  input.steps = {1, 1, 4};
  std::vector<double> out(4, Absent());
  Annotations notes;
  ASSERT_TRUE(FindKernel("max_over_time")(input, out, notes).ok());
  EXPECT_TRUE(std::isnan(out[0]));
  EXPECT_EQ(out[1], 5);
  EXPECT_EQ(out[2], 5);
  EXPECT_TRUE(std::isnan(out[3]));
  EXPECT_FALSE(IsAbsent(out[3]));
}

TEST(KernelTest, UnknownNamesHaveNone) { EXPECT_EQ(FindKernel("anomaly_score"), nullptr); }

}  // namespace
}  // namespace auspex::query
