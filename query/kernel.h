#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string_view>

#include "auspex/query/function_registry.h"

namespace auspex::query {

/// The samples [begin, end) of the window that ends at step k.
struct Window {
  size_t step;
  size_t begin;
  size_t end;
  size_t size() const { return end - begin; }
};

/// The first index from `from` on whose time is at least `bound_ms`. The search begins where it is when as many samples are
/// passed as the last time, and goes on one by one: samples mostly come at fixed distances. `passed`: how many that was.
inline size_t AdvanceTo(std::span<const int64_t> t_ms, size_t from, int64_t bound_ms, size_t& passed) {
  size_t at = std::min(from + passed, t_ms.size());
  while (at > from && t_ms[at - 1] >= bound_ms) --at;
  while (at < t_ms.size() && t_ms[at] < bound_ms) ++at;
  passed = at - from;
  return at;
}

/// Calls visit(Window) for every step whose window is not empty. Two indices that only move forward: O(samples + steps).
template <typename Visit>
void ForEachWindow(const RangeInput& input, Visit visit) {
  size_t begin = 0;
  size_t end = 0;
  size_t begin_passed = 0;
  size_t end_passed = 0;
  for (size_t k = 0; k < input.steps.count; ++k) {
    const int64_t last_ms = input.steps.At(k);
    // The first millisecond that belongs to the window.
    const int64_t first_ms = last_ms - input.range_ms + (input.closed_left ? 0 : 1);
    end = AdvanceTo(input.t_ms, end, last_ms + 1, end_passed);
    begin = AdvanceTo(input.t_ms.first(end), begin, first_ms, begin_passed);
    if (begin < end) visit(Window{k, begin, end});
  }
}

/// The scalar argument at `position` for step k.
inline double ScalarAt(const RangeInput& input, size_t position, size_t k) {
  const std::span<const double> values = input.scalars[position];
  return values.size() == 1 ? values[0] : values[k];
}

/// A range function that is a plain function of its input.
using Kernel = Status (*)(const RangeInput& input, std::span<double> out, Annotations& annotations);

/// The kernel of a built-in range function, or null.
Kernel FindKernel(std::string_view name);

// By file. Null for other names.
Kernel FindRateKernel(std::string_view name);        // rate, increase, delta, irate, idelta, changes, resets
Kernel FindOverTimeKernel(std::string_view name);    // *_over_time
Kernel FindExtraKernel(std::string_view name);       // beyond PromQL
Kernel FindRegressionKernel(std::string_view name);  // deriv, predict_linear, double exponential smoothing

}  // namespace auspex::query
