// Ranges that look beyond their windows: `x[5m] anchored` and `x[5m] smoothed`. A counter's increase is then what it
// counted, without extrapolation. Source: Prometheus' proposal "Extended range selectors semantics" (PROM-52).

#include "range_extension.h"

#include <algorithm>
#include <cmath>

namespace auspex::query {
namespace {

// The samples that one window may use, and the window.
struct Reach {
  std::span<const int64_t> t_ms;
  std::span<const double> values;
  int64_t begin_ms;  // of the window, exclusive
  int64_t end_ms;    // inclusive
  size_t first = 0;  // the sample that stands for the left edge
  size_t last = 0;   // and the right one
};

bool FindEdges(Reach& reach, bool smoothed) {
  if (reach.t_ms.empty()) return false;
  const auto begin = reach.t_ms.begin();
  const auto newest = reach.t_ms.end() - 1;
  const auto behind_begin = std::upper_bound(begin, newest, reach.begin_ms) - begin;
  reach.first = static_cast<size_t>(std::max<ptrdiff_t>(behind_begin - 1, 0));
  reach.last = reach.t_ms.size() - 1;
  if (smoothed) reach.last = static_cast<size_t>(std::lower_bound(begin, newest, reach.end_ms) - begin);
  return reach.t_ms[reach.last] > reach.begin_ms;
}

// Between a counter's samples before and after a reset, it is taken to have risen from zero.
double InterpolateCounter(const Reach& reach, size_t before, int64_t t_ms, bool counter) {
  double v1 = reach.values[before];
  const double v2 = reach.values[before + 1];
  if (counter && v2 < v1) v1 = 0;
  return Interpolate(reach.t_ms[before], v1, reach.t_ms[before + 1], v2, t_ms);
}

double LeftValue(const Reach& reach, bool smoothed, bool counter) {
  const bool outside = reach.t_ms[reach.first] < reach.begin_ms;
  if (smoothed && outside) return InterpolateCounter(reach, reach.first, reach.begin_ms, counter);
  return reach.values[reach.first];
}

double RightValue(const Reach& reach, bool smoothed, bool counter) {
  const bool outside = reach.last > 0 && reach.t_ms[reach.last] > reach.end_ms;
  if (smoothed && outside) return InterpolateCounter(reach, reach.last - 1, reach.end_ms, counter);
  return reach.values[reach.last];
}

// The samples strictly inside of the window: [first, second).
std::pair<size_t, size_t> Inside(const Reach& reach) {
  const size_t first = reach.first + (reach.t_ms[reach.first] <= reach.begin_ms ? 1 : 0);
  const size_t end = reach.last + (reach.t_ms[reach.last] >= reach.end_ms ? 0 : 1);
  return {first, std::max(first, end)};
}

// What a counter lost by its resets.
double ResetCorrection(const Reach& reach, double left, double right) {
  const auto [first, end] = Inside(reach);
  double correction = 0;
  double before = left;
  for (size_t i = first; i < end; ++i) {
    if (reach.values[i] < before) correction += before;
    before = reach.values[i];
  }
  return right < before ? correction + before : correction;
}

/// Calls visit(step, Reach) for every window that has a sample to go by.
template <typename Visit>
void ForEachReach(const RangeInput& input, bool smoothed, Visit visit) {
  size_t begin = 0;
  size_t end = 0;
  for (size_t k = 0; k < input.steps.count; ++k) {
    const int64_t window_end_ms = input.steps.At(k);
    const int64_t window_begin_ms = window_end_ms - input.range_ms;
    const int64_t newest_ms = window_end_ms + (smoothed ? input.lookback_ms : 0);
    while (end < input.t_ms.size() && input.t_ms[end] <= newest_ms) ++end;
    while (begin < end && input.t_ms[begin] <= window_begin_ms - input.lookback_ms) ++begin;
    Reach reach{input.t_ms.subspan(begin, end - begin), input.values.subspan(begin, end - begin), window_begin_ms,
                window_end_ms};
    if (FindEdges(reach, smoothed)) visit(k, reach);
  }
}

enum class Measure : uint8_t { kRate, kIncrease, kDelta };

template <Measure measure, bool smoothed>
Status Difference(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  constexpr bool kCounter = measure != Measure::kDelta;
  ForEachReach(input, smoothed, [&](size_t step, const Reach& reach) {
    const double left = LeftValue(reach, smoothed, kCounter);
    const double right = RightValue(reach, smoothed, kCounter);
    double difference = right - left;
    if (kCounter) difference += ResetCorrection(reach, left, right);
    out[step] = measure == Measure::kRate ? difference / (static_cast<double>(input.range_ms) / 1000) : difference;
  });
  return OkStatus();
}

bool IsReset(double before, double now) { return now < before; }
bool IsChange(double before, double now) { return now != before && !(std::isnan(now) && std::isnan(before)); }

template <bool (*happened)(double, double)>
Status CountFromAnchor(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  ForEachReach(input, /*smoothed=*/false, [&](size_t step, const Reach& reach) {
    size_t count = 0;
    for (size_t i = reach.first + 1; i < reach.values.size(); ++i) {
      count += happened(reach.values[i - 1], reach.values[i]) ? 1 : 0;
    }
    out[step] = static_cast<double>(count);
  });
  return OkStatus();
}

template <bool smoothed>
Kernel FindDifference(std::string_view function) {
  if (function == "rate") return Difference<Measure::kRate, smoothed>;
  if (function == "increase") return Difference<Measure::kIncrease, smoothed>;
  if (function == "delta") return Difference<Measure::kDelta, smoothed>;
  return nullptr;
}

}  // namespace

double Interpolate(int64_t t1_ms, double v1, int64_t t2_ms, double v2, int64_t t_ms) {
  return v1 + (v2 - v1) * static_cast<double>(t_ms - t1_ms) / static_cast<double>(t2_ms - t1_ms);
}

Kernel FindExtendedKernel(RangeExtension extension, std::string_view function) {
  if (extension == RangeExtension::kSmoothed) return FindDifference<true>(function);
  if (extension == RangeExtension::kNone) return nullptr;
  if (function == "changes") return CountFromAnchor<IsChange>;
  if (function == "resets") return CountFromAnchor<IsReset>;
  return FindDifference<false>(function);
}

Status CheckExtension(RangeExtension extension, std::string_view function) {
  if (extension == RangeExtension::kNone || FindExtendedKernel(extension, function) != nullptr) return OkStatus();
  if (extension == RangeExtension::kAnchored) {
    return FailedPrecondition("anchored modifier can only be used with: changes, delta, increase, rate, resets - not with {}",
                              function);
  }
  return FailedPrecondition("smoothed modifier can only be used with: delta, increase, rate - not with {}", function);
}

void ExtendToWindow(RangeExtension extension, int64_t begin_ms, int64_t end_ms, int64_t lookback_ms, SampleColumns& columns) {
  if (extension == RangeExtension::kNone) return;
  columns.DropHistograms();
  const bool smoothed = extension == RangeExtension::kSmoothed;
  size_t oldest = 0;
  while (oldest < columns.t_ms.size() && columns.t_ms[oldest] <= begin_ms - lookback_ms) ++oldest;
  Reach reach{std::span<const int64_t>(columns.t_ms).subspan(oldest), std::span<const double>(columns.values).subspan(oldest),
              begin_ms, end_ms};
  SampleColumns extended;
  if (FindEdges(reach, smoothed)) {
    const auto [first, end] = Inside(reach);
    extended.t_ms.push_back(begin_ms);
    extended.values.push_back(LeftValue(reach, smoothed, /*counter=*/false));
    for (size_t i = first; i < end; ++i) {
      extended.t_ms.push_back(reach.t_ms[i]);
      extended.values.push_back(reach.values[i]);
    }
    extended.t_ms.push_back(end_ms);
    extended.values.push_back(RightValue(reach, smoothed, /*counter=*/false));
  }
  columns = std::move(extended);
}

}  // namespace auspex::query
