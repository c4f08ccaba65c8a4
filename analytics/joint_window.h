#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace auspex::analytics {

/// Samples [begin, end) of a series.
struct SampleSpan {
  size_t begin = 0;
  size_t end = 0;
  size_t size() const { return end - begin; }
};

/// The samples in (end_ms - range_ms, end_ms], or with closed_left in [end_ms - range_ms, end_ms]. O(log n).
SampleSpan SpanOf(std::span<const int64_t> t_ms, int64_t end_ms, int64_t range_ms, bool closed_left);

/// The usual distance between neighbouring samples; 0 for fewer than two. O(n).
double MedianIntervalMs(std::span<const int64_t> t_ms);

/// Means of the finite values by age before end_ms, in cells of width_ms; newest last, NaN where there is none.
std::vector<double> MeansByAge(std::span<const int64_t> t_ms, std::span<const double> values, int64_t end_ms, double width_ms,
                               size_t cells_count);

}  // namespace auspex::analytics
