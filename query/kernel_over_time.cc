#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "anchored_window.h"
#include "kahan.h"
#include "kernel.h"
#include "note.h"
#include "sorted_window.h"

namespace auspex::query {
namespace {

double Seconds(int64_t t_ms) { return static_cast<double>(t_ms) / 1000; }

// Neumaier's compensated sum of values that cannot overflow it. The rounding error of an addition is exact either way:
// here by Knuth's branchless TwoSum.
struct SumPart {
  double sum = 0;
  double lost = 0;
  double count = 0;

  void Add(int64_t /*t_ms*/, double value, int64_t /*anchor_ms*/) {
    AddTwo(value);
    count += 1;
  }
  void Merge(const SumPart& later) {
    AddTwo(later.sum);
    lost += later.lost;
    count += later.count;
  }
  double Total() const { return sum + lost; }
  double Mean() const { return sum / count + lost / count; }

 private:
  void AddTwo(double value) {
    const double next = sum + value;
    const double part = next - sum;
    lost += (sum - (next - part)) + (value - part);
    sum = next;
  }
};

// Sums of the distances from one of the values and of their squares: as the value is among them, the variance is at least
// its squared distance from the mean / count, so the difference of the two sums keeps its digits.
struct VariancePart {
  double count = 0;
  double origin = 0;
  SumPart distances;
  SumPart squares;

  void Add(int64_t t_ms, double value, int64_t anchor_ms) {
    if (count == 0) origin = value;
    count += 1;
    const double distance = value - origin;
    distances.Add(t_ms, distance, anchor_ms);
    squares.Add(t_ms, distance * distance, anchor_ms);
  }
  // Chan, Golub and LeVeque 1979. What this was is gone afterwards but for Variance().
  void Merge(const VariancePart& later) {
    if (later.count == 0) return;
    const double total = count + later.count;
    const double delta = (later.origin - origin) + (later.MeanDistance() - MeanDistance());
    merged_squares = SquaresFromMean() + later.SquaresFromMean() + delta * delta * (count * later.count / total);
    count = total;
    merged = true;
  }
  double Variance() const { return (merged ? merged_squares : SquaresFromMean()) / count; }

 private:
  double MeanDistance() const { return distances.Total() / count; }
  double SquaresFromMean() const {
    const double sum = distances.Total();
    return std::max(0.0, squares.Total() - sum * (sum / count));
  }
  bool merged = false;
  double merged_squares = 0;
};

// The definitions for windows with infinities or with values near the largest: what becomes of an overflow depends on the
// order of the samples.
double WildSum(std::span<const double> values) {
  KahanSum sum;
  for (const double value : values) sum.Add(value);
  return std::isinf(sum.sum) ? sum.sum : sum.Total();
}

double WildMean(std::span<const double> values) {
  KahanMean mean;
  for (const double value : values) mean.Add(value);
  return mean.Total();
}

// Welford's algorithm, both running values compensated.
double WildVariance(std::span<const double> values) {
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

// What a reduction of windows consists of: a part, what to take from it, and the plain form for wild windows.
// kTame: magnitudes below it cannot overflow, however many there are, nor can the rounding errors of sums that cancel out
// come near the values that are looked for: then parts may be summed in another order.
struct SumOf {
  using Part = SumPart;
  static constexpr double kTame = 0x1p500;
  static double Of(const Part& part) { return part.Total(); }
  static double OfWild(std::span<const double> values) { return WildSum(values); }
};
struct MeanOf {
  using Part = SumPart;
  static constexpr double kTame = 0x1p500;
  static double Of(const Part& part) { return part.Mean(); }
  static double OfWild(std::span<const double> values) { return WildMean(values); }
};
struct VarianceOf {
  using Part = VariancePart;
  static constexpr double kTame = 0x1p450;
  static double Of(const Part& part) { return part.Variance(); }
  static double OfWild(std::span<const double> values) { return WildVariance(values); }
};
struct DeviationOf : VarianceOf {
  static double Of(const Part& part) { return std::sqrt(part.Variance()); }
  static double OfWild(std::span<const double> values) { return std::sqrt(WildVariance(values)); }
};

template <typename Reduction>
Status Reduced(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  WildValues wild(input, Reduction::kTame);
  ForEachAnchoredWindow<typename Reduction::Part>(input, [&](const Window& window, const typename Reduction::Part& part) {
    wild.Advance(window);
    if (wild.HasNan(window)) {
      out[window.step] = std::numeric_limits<double>::quiet_NaN();
    } else if (wild.IsWild(window)) {
      out[window.step] = Reduction::OfWild(input.values.subspan(window.begin, window.size()));
    } else {
      out[window.step] = Reduction::Of(part);
    }
  });
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

// The extreme of values that belong to no other window. Of 0 and -0 the last counts, which the short way does not see.
template <bool largest>
double ExtremeOf(std::span<const double> values) {
  constexpr double kNone = largest ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  constexpr size_t kChains = 4;  // so that a comparison need not wait for the one before it
  double extreme[kChains] = {kNone, kNone, kNone, kNone};
  const auto better = [](double value, double than) { return (largest ? value > than : value < than) ? value : than; };
  size_t i = 0;
  for (; i + kChains <= values.size(); i += kChains) {
    for (size_t k = 0; k < kChains; ++k) extreme[k] = better(values[i + k], extreme[k]);
  }
  for (; i < values.size(); ++i) extreme[0] = better(values[i], extreme[0]);
  const double found = better(better(extreme[0], extreme[1]), better(extreme[2], extreme[3]));
  if (found != 0 && found != kNone) return found;
  double last = values.back();  // NaN where there is nothing else
  for (const double value : values) {
    if (value == found) last = value;
  }
  return last;
}

// The extreme value of each window, and where the last sample with it lies: a queue of the samples that may still become
// the extreme one. NaN counts only where there is nothing else.
template <bool largest, bool time>
Status Extreme(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  if (!time && (input.steps.count == 1 || input.range_ms <= input.steps.step_ms - (input.closed_left ? 1 : 0))) {
    ForEachWindow(input, [&](const Window& window) {
      out[window.step] = ExtremeOf<largest>(input.values.subspan(window.begin, window.size()));
    });
    return OkStatus();
  }
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
  // Selecting from a whole window costs about as much as moving this part of its values in and out of a sorted one.
  constexpr size_t kValuesPerMove = 8;
  SortedWindow sorted;
  std::vector<int64_t> scratch;
  Window before{0, 0, 0};
  ForEachWindow(input, [&](const Window& window) {
    const double q = ScalarAt(input, 0, window.step);
    if (!(q >= 0 && q <= 1)) annotations.Warn(InvalidQuantileText(q));
    const size_t moves = window.end - before.end + std::min(window.begin, before.end) - before.begin;
    before = window;
    if (moves * kValuesPerMove > window.size()) {
      out[window.step] = SelectQuantile(input.values.subspan(window.begin, window.size()), q, scratch);
      return;
    }
    sorted.Slide(input.values, window.begin, window.end);
    out[window.step] = sorted.Quantile(q);
  });
  return OkStatus();
}

Status MadOverTime(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  SortedWindow sorted;
  ForEachWindow(input, [&](const Window& window) {
    sorted.Slide(input.values, window.begin, window.end);
    out[window.step] = sorted.MedianAbsoluteDeviation();
  });
  return OkStatus();
}

constexpr std::pair<std::string_view, Kernel> kKernels[] = {
    {"avg_over_time", Reduced<MeanOf>},
    {"sum_over_time", Reduced<SumOf>},
    {"stddev_over_time", Reduced<DeviationOf>},
    {"stdvar_over_time", Reduced<VarianceOf>},
    {"mad_over_time", MadOverTime},
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
