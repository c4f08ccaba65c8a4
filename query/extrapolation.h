#pragma once

#include <algorithm>
#include <cstdint>

#include "auspex/query/function_registry.h"

namespace auspex::query {

/// What rate(), increase() and delta() look at of a window's samples; count >= 2.
struct WindowEnds {
  size_t step;  ///< of RangeInput::steps
  int64_t first_ms;
  int64_t last_ms;
  uint64_t count;
  double first;  ///< value
};

/// How much of the range the slope is believed to hold for, in seconds. Samples near an edge of the window are taken to
/// go on to the edge; else the series is taken to start or end half an interval outside of its samples.
inline double CoveredSeconds(const RangeInput& input, const WindowEnds& ends, bool counter, double increase) {
  const int64_t end_ms = input.steps.At(ends.step);
  double to_start = static_cast<double>(ends.first_ms - (end_ms - input.range_ms)) / 1000;
  double to_end = static_cast<double>(end_ms - ends.last_ms) / 1000;
  const double sampled = static_cast<double>(ends.last_ms - ends.first_ms) / 1000;
  const double interval = sampled / static_cast<double>(ends.count - 1);
  const double threshold = interval * 1.1;
  // A counter is not extrapolated below zero. Prometheus 2 looks at this before the threshold, 3 after it.
  const auto cut_at_zero = [&] {
    if (counter && increase > 0 && ends.first >= 0) to_start = std::min(to_start, sampled * (ends.first / increase));
  };
  if (input.closed_left) cut_at_zero();
  if (to_start >= threshold) to_start = interval / 2;
  if (!input.closed_left) cut_at_zero();
  if (to_end >= threshold) to_end = interval / 2;
  return sampled + to_start + to_end;
}

enum class Extrapolate : uint8_t { kRate, kIncrease, kDelta };

/// The answer of a window whose samples increased by `increase`.
inline double Extrapolated(const RangeInput& input, const WindowEnds& ends, Extrapolate kind, double increase) {
  const double sampled = static_cast<double>(ends.last_ms - ends.first_ms) / 1000;
  double factor = CoveredSeconds(input, ends, kind != Extrapolate::kDelta, increase) / sampled;
  if (kind == Extrapolate::kRate) factor /= static_cast<double>(input.range_ms) / 1000;
  return increase * factor;
}

}  // namespace auspex::query
