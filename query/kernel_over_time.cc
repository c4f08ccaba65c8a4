#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "kahan.h"
#include "kernel.h"
#include "note.h"
#include "quantile.h"

namespace auspex::query {
namespace {

double Seconds(int64_t t_ms) { return static_cast<double>(t_ms) / 1000; }

double Sum(std::span<const double> values) {
  KahanSum sum;
  for (const double value : values) sum.Add(value);
  return std::isinf(sum.sum) ? sum.sum : sum.Total();
}

double Mean(std::span<const double> values) {
  KahanMean mean;
  for (const double value : values) mean.Add(value);
  return mean.Total();
}

// Welford's algorithm, both running values compensated.
double Variance(std::span<const double> values) {
  KahanSum mean;
  KahanSum squares;
  double count = 0;
  for (const double value : values) {
    count += 1;
    const double delta = value - mean.Total();
    mean.Add(delta / count);
    squares.Add(delta * (value - mean.Total()));
  }
  return squares.Total() / count;
}

double Deviation(std::span<const double> values) { return std::sqrt(Variance(values)); }

double MedianAbsoluteDeviation(std::span<const double> values) {
  std::vector<double> scratch(values.begin(), values.end());
  const double median = Quantile(0.5, scratch);
  for (size_t i = 0; i < values.size(); ++i) scratch[i] = std::abs(values[i] - median);
  return Quantile(0.5, scratch);
}

template <double (*reduce)(std::span<const double>)>
Status Reduced(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  ForEachWindow(input,
                [&](const Window& window) { out[window.step] = reduce(input.values.subspan(window.begin, window.size())); });
  return OkStatus();
}

template <double (*pick)(const RangeInput&, const Window&)>
Status Picked(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  ForEachWindow(input, [&](const Window& window) { out[window.step] = pick(input, window); });
  return OkStatus();
}

double CountOf(const RangeInput& /*input*/, const Window& window) { return static_cast<double>(window.size()); }
double One(const RangeInput& /*input*/, const Window& /*window*/) { return 1; }
double FirstOf(const RangeInput& input, const Window& window) { return input.values[window.begin]; }
double LastOf(const RangeInput& input, const Window& window) { return input.values[window.end - 1]; }
double TimeOfFirst(const RangeInput& input, const Window& window) { return Seconds(input.t_ms[window.begin]); }
double TimeOfLast(const RangeInput& input, const Window& window) { return Seconds(input.t_ms[window.end - 1]); }

// The extreme value of each window, and where the last sample with it lies: a queue of the samples that may still become
// the extreme one. NaN counts only where there is nothing else.
template <bool largest, bool time>
Status Extreme(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  const auto beats = [](double a, double b) { return largest ? a >= b : a <= b; };
  std::vector<size_t> queue(input.values.size());
  size_t head = 0;
  size_t tail = 0;
  size_t seen = 0;
  ForEachWindow(input, [&](const Window& window) {
    for (; seen < window.end; ++seen) {
      if (std::isnan(input.values[seen])) continue;
      while (tail > head && beats(input.values[seen], input.values[queue[tail - 1]])) --tail;
      queue[tail++] = seen;
    }
    while (head < tail && queue[head] < window.begin) ++head;
    const size_t at = head < tail ? queue[head] : window.end - 1;
    out[window.step] = time ? Seconds(input.t_ms[at]) : input.values[at];
  });
  return OkStatus();
}

Status QuantileOverTime(const RangeInput& input, std::span<double> out, Annotations& annotations) {
  std::vector<double> scratch;
  ForEachWindow(input, [&](const Window& window) {
    const double q = ScalarAt(input, 0, window.step);
    if (!(q >= 0 && q <= 1)) annotations.Warn(InvalidQuantileText(q));
    scratch.assign(input.values.begin() + static_cast<ptrdiff_t>(window.begin),
                   input.values.begin() + static_cast<ptrdiff_t>(window.end));
    out[window.step] = Quantile(q, scratch);
  });
  return OkStatus();
}

constexpr std::pair<std::string_view, Kernel> kKernels[] = {
    {"avg_over_time", Reduced<Mean>},
    {"sum_over_time", Reduced<Sum>},
    {"stddev_over_time", Reduced<Deviation>},
    {"stdvar_over_time", Reduced<Variance>},
    {"mad_over_time", Reduced<MedianAbsoluteDeviation>},
    {"min_over_time", Extreme<false, false>},
    {"max_over_time", Extreme<true, false>},
    {"ts_of_min_over_time", Extreme<false, true>},
    {"ts_of_max_over_time", Extreme<true, true>},
    {"count_over_time", Picked<CountOf>},
    {"present_over_time", Picked<One>},
    {"absent_over_time", Picked<One>},
    {"first_over_time", Picked<FirstOf>},
    {"last_over_time", Picked<LastOf>},
    {"ts_of_first_over_time", Picked<TimeOfFirst>},
    {"ts_of_last_over_time", Picked<TimeOfLast>},
    {"quantile_over_time", QuantileOverTime},
};

}  // namespace

Kernel FindOverTimeKernel(std::string_view name) {
  for (const auto& [known, kernel] : kKernels) {
    if (known == name) return kernel;
  }
  return nullptr;
}

}  // namespace auspex::query
