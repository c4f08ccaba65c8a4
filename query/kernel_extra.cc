// Range functions beyond PromQL: one plain function of a window each. Names and meanings are MetricsQL's.

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "extra_functions.h"
#include "kahan.h"
#include "quantile.h"

namespace auspex::query {
namespace {

/// The samples of a window, and its second argument where there is one.
struct Samples {
  std::span<const double> values;
  std::span<const int64_t> t_ms;
  double argument;
  int64_t end_ms;
};

double Seconds(int64_t ms) { return static_cast<double>(ms) / 1000; }

double Sum(std::span<const double> values) {
  KahanSum sum;
  for (const double value : values) sum.Add(value);
  return sum.Total();
}

double Mean(std::span<const double> values) { return Sum(values) / static_cast<double>(values.size()); }

double Deviation(std::span<const double> values) {
  const double mean = Mean(values);
  KahanSum squares;
  for (const double value : values) squares.Add((value - mean) * (value - mean));
  return std::sqrt(squares.Total() / static_cast<double>(values.size()));
}

double Median(const Samples& s) {
  std::vector<double> scratch(s.values.begin(), s.values.end());
  return Quantile(0.5, scratch);
}

// The value that is there most often; of several, the smallest.
double Mode(const Samples& s) {
  std::vector<double> sorted(s.values.begin(), s.values.end());
  std::sort(sorted.begin(), sorted.end());
  double mode = sorted[0];
  size_t most = 0;
  for (size_t i = 0; i < sorted.size();) {
    size_t end = i + 1;
    while (end < sorted.size() && sorted[end] == sorted[i]) ++end;
    if (end - i > most) {
      most = end - i;
      mode = sorted[i];
    }
    i = end;
  }
  return mode;
}

double GeometricMean(const Samples& s) {
  KahanSum logs;
  for (const double value : s.values) logs.Add(std::log(value));
  return std::exp(logs.Total() / static_cast<double>(s.values.size()));
}

double ZScore(const Samples& s) { return (s.values.back() - Mean(s.values)) / Deviation(s.values); }

double Range(const Samples& s) {
  const auto [least, most] = std::minmax_element(s.values.begin(), s.values.end());
  return *most - *least;
}

double SumOfSquares(const Samples& s) {
  KahanSum sum;
  for (const double value : s.values) sum.Add(value * value);
  return sum.Total();
}

double Distinct(const Samples& s) {
  std::vector<double> sorted(s.values.begin(), s.values.end());
  std::sort(sorted.begin(), sorted.end());
  return static_cast<double>(std::unique(sorted.begin(), sorted.end()) - sorted.begin());
}

bool Greater(double a, double b) { return a > b; }
bool LessOrEqual(double a, double b) { return a <= b; }
bool Equal(double a, double b) { return a == b; }
bool NotEqual(double a, double b) { return a != b; }

template <bool (*fits)(double, double)>
double CountWhere(const Samples& s) {
  return static_cast<double>(
      std::count_if(s.values.begin(), s.values.end(), [&](double value) { return fits(value, s.argument); }));
}
template <bool (*fits)(double, double)>
double ShareWhere(const Samples& s) {
  return CountWhere<fits>(s) / static_cast<double>(s.values.size());
}
template <bool (*fits)(double, double)>
double SumWhere(const Samples& s) {
  KahanSum sum;
  for (const double value : s.values) {
    if (fits(value, s.argument)) sum.Add(value);
  }
  return sum.Total();
}

template <bool largest>
double TimeOfExtreme(const Samples& s) {
  size_t best = 0;
  for (size_t i = 1; i < s.values.size(); ++i) {
    if (largest ? s.values[i] >= s.values[best] : s.values[i] <= s.values[best]) best = i;
  }
  return Seconds(s.t_ms[best]);
}
double TimeOfFirst(const Samples& s) { return Seconds(s.t_ms.front()); }
double TimeOfLast(const Samples& s) { return Seconds(s.t_ms.back()); }
double TimeOfLastChange(const Samples& s) {
  size_t i = s.values.size() - 1;
  while (i > 0 && s.values[i - 1] == s.values[i]) --i;
  return i > 0 || s.values.size() == 1 ? Seconds(s.t_ms[i]) : Absent();
}

double Increases(const Samples& s) {
  double count = 0;
  for (size_t i = 1; i < s.values.size(); ++i) count += s.values[i] > s.values[i - 1] ? 1 : 0;
  return count;
}
double Decreases(const Samples& s) {
  double count = 0;
  for (size_t i = 1; i < s.values.size(); ++i) count += s.values[i] < s.values[i - 1] ? 1 : 0;
  return count;
}
double Ascent(const Samples& s) {
  KahanSum sum;
  for (size_t i = 1; i < s.values.size(); ++i) sum.Add(std::max(0.0, s.values[i] - s.values[i - 1]));
  return sum.Total();
}
double Descent(const Samples& s) {
  KahanSum sum;
  for (size_t i = 1; i < s.values.size(); ++i) sum.Add(std::max(0.0, s.values[i - 1] - s.values[i]));
  return sum.Total();
}

// Time covered by samples that are at most the argument, in seconds, apart.
double CoveredTime(const Samples& s) {
  double covered = 0;
  for (size_t i = 1; i < s.t_ms.size(); ++i) {
    const double gap = Seconds(s.t_ms[i] - s.t_ms[i - 1]);
    if (gap <= s.argument) covered += gap;
  }
  return covered;
}
double Lifetime(const Samples& s) { return Seconds(s.t_ms.back() - s.t_ms.front()); }
double Lag(const Samples& s) { return Seconds(s.end_ms - s.t_ms.back()); }
double ScrapeInterval(const Samples& s) {
  return s.t_ms.size() < 2 ? Absent() : Lifetime(s) / static_cast<double>(s.t_ms.size() - 1);
}

// The area under the line that holds each value until the next sample, and the last one until the window's end.
double Integral(const Samples& s) {
  KahanSum area;
  for (size_t i = 0; i < s.values.size(); ++i) {
    const int64_t until_ms = i + 1 < s.t_ms.size() ? s.t_ms[i + 1] : s.end_ms;
    area.Add(s.values[i] * Seconds(until_ms - s.t_ms[i]));
  }
  return area.Total();
}

double First(const Samples& s) { return s.values.front(); }
double Last(const Samples& s) { return s.values.back(); }

// Changes per second between neighbours.
template <double (*pick)(const std::vector<double>&), bool counter>
double OfAdjacentRates(const Samples& s) {
  if (s.values.size() < 2) return Absent();
  std::vector<double> rates;
  for (size_t i = 1; i < s.values.size(); ++i) {
    const bool reset = counter && s.values[i] < s.values[i - 1];
    const double difference = reset ? s.values[i] : s.values[i] - s.values[i - 1];
    rates.push_back(difference / Seconds(s.t_ms[i] - s.t_ms[i - 1]));
  }
  return pick(rates);
}
template <double (*pick)(const std::vector<double>&), bool counter>
double OfAdjacentDifferences(const Samples& s) {
  if (s.values.size() < 2) return Absent();
  std::vector<double> differences;
  for (size_t i = 1; i < s.values.size(); ++i) {
    const bool reset = counter && s.values[i] < s.values[i - 1];
    differences.push_back(reset ? s.values[i] : s.values[i] - s.values[i - 1]);
  }
  return pick(differences);
}
double Least(const std::vector<double>& values) { return *std::min_element(values.begin(), values.end()); }
double Most(const std::vector<double>& values) { return *std::max_element(values.begin(), values.end()); }
double Average(const std::vector<double>& values) { return Mean(values); }

// When a straight line through the window reaches zero, in seconds from its end; a year where it does not come down.
double TimeToFull(const Samples& s) {
  constexpr double kYearSeconds = 365.0 * 24 * 3600;
  if (s.values.size() < 2) return Absent();
  const double mean_t = Seconds(s.t_ms.front()) + Lifetime(s) / 2;
  const double mean = Mean(s.values);
  double covariance = 0;
  double variance = 0;
  for (size_t i = 0; i < s.values.size(); ++i) {
    const double t = Seconds(s.t_ms[i]) - mean_t;
    covariance += t * (s.values[i] - mean);
    variance += t * t;
  }
  const double slope = covariance / variance;
  if (!(slope < 0)) return kYearSeconds;
  return std::clamp(-s.values.back() / slope, 0.0, kYearSeconds);
}

template <double (*reduce)(const Samples&)>
Status PerWindow(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  ForEachWindow(input, [&](const Window& window) {
    const Samples samples{input.values.subspan(window.begin, window.size()), input.t_ms.subspan(window.begin, window.size()),
                          input.scalars.size() > 1 ? ScalarAt(input, 1, window.step) : 0, input.steps.At(window.step)};
    out[window.step] = reduce(samples);
  });
  return OkStatus();
}

Status RateOverSum(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  const double range_seconds = static_cast<double>(input.range_ms) / 1000;
  ForEachWindow(input, [&](const Window& window) {
    out[window.step] = Sum(input.values.subspan(window.begin, window.size())) / range_seconds;
  });
  return OkStatus();
}

constexpr std::pair<std::string_view, Kernel> kKernels[] = {
    {"median_over_time", PerWindow<Median>},
    {"mode_over_time", PerWindow<Mode>},
    {"geomean_over_time", PerWindow<GeometricMean>},
    {"zscore_over_time", PerWindow<ZScore>},
    {"range_over_time", PerWindow<Range>},
    {"sum2_over_time", PerWindow<SumOfSquares>},
    {"distinct_over_time", PerWindow<Distinct>},
    {"count_gt_over_time", PerWindow<CountWhere<Greater>>},
    {"count_le_over_time", PerWindow<CountWhere<LessOrEqual>>},
    {"count_eq_over_time", PerWindow<CountWhere<Equal>>},
    {"count_ne_over_time", PerWindow<CountWhere<NotEqual>>},
    {"share_gt_over_time", PerWindow<ShareWhere<Greater>>},
    {"share_le_over_time", PerWindow<ShareWhere<LessOrEqual>>},
    {"share_eq_over_time", PerWindow<ShareWhere<Equal>>},
    {"sum_gt_over_time", PerWindow<SumWhere<Greater>>},
    {"sum_le_over_time", PerWindow<SumWhere<LessOrEqual>>},
    {"sum_eq_over_time", PerWindow<SumWhere<Equal>>},
    {"tmin_over_time", PerWindow<TimeOfExtreme<false>>},
    {"tmax_over_time", PerWindow<TimeOfExtreme<true>>},
    {"tfirst_over_time", PerWindow<TimeOfFirst>},
    {"tlast_over_time", PerWindow<TimeOfLast>},
    {"tlast_change_over_time", PerWindow<TimeOfLastChange>},
    {"increases_over_time", PerWindow<Increases>},
    {"decreases_over_time", PerWindow<Decreases>},
    {"ascent_over_time", PerWindow<Ascent>},
    {"descent_over_time", PerWindow<Descent>},
    {"duration_over_time", PerWindow<CoveredTime>},
    {"lifetime", PerWindow<Lifetime>},
    {"lag", PerWindow<Lag>},
    {"scrape_interval", PerWindow<ScrapeInterval>},
    {"integrate", PerWindow<Integral>},
    {"rate_over_sum", RateOverSum},
    {"ttf", PerWindow<TimeToFull>},
    // The parts of rollups.
    {"rollup_first", PerWindow<First>},
    {"rollup_last", PerWindow<Last>},
    {"rollup_rate_min", PerWindow<OfAdjacentRates<Least, true>>},
    {"rollup_rate_max", PerWindow<OfAdjacentRates<Most, true>>},
    {"rollup_rate_avg", PerWindow<OfAdjacentRates<Average, true>>},
    {"rollup_deriv_min", PerWindow<OfAdjacentRates<Least, false>>},
    {"rollup_deriv_max", PerWindow<OfAdjacentRates<Most, false>>},
    {"rollup_deriv_avg", PerWindow<OfAdjacentRates<Average, false>>},
    {"rollup_increase_min", PerWindow<OfAdjacentDifferences<Least, true>>},
    {"rollup_increase_max", PerWindow<OfAdjacentDifferences<Most, true>>},
    {"rollup_increase_avg", PerWindow<OfAdjacentDifferences<Average, true>>},
    {"rollup_delta_min", PerWindow<OfAdjacentDifferences<Least, false>>},
    {"rollup_delta_max", PerWindow<OfAdjacentDifferences<Most, false>>},
    {"rollup_delta_avg", PerWindow<OfAdjacentDifferences<Average, false>>},
};

}  // namespace

Kernel FindExtraKernel(std::string_view name) {
  for (const auto& [known, kernel] : kKernels) {
    if (known == name) return kernel;
  }
  return nullptr;
}

}  // namespace auspex::query
