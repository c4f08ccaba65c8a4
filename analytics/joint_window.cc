#include "joint_window.h"

#include <algorithm>
#include <cmath>

namespace auspex::analytics {

SampleSpan SpanOf(std::span<const int64_t> t_ms, int64_t end_ms, int64_t range_ms, bool closed_left) {
  const int64_t first_ms = end_ms - range_ms + (closed_left ? 0 : 1);
  const auto first = std::lower_bound(t_ms.begin(), t_ms.end(), first_ms);
  const auto last = std::upper_bound(first, t_ms.end(), end_ms);
  return {static_cast<size_t>(first - t_ms.begin()), static_cast<size_t>(last - t_ms.begin())};
}

double MedianIntervalMs(std::span<const int64_t> t_ms) {
  if (t_ms.size() < 2) return 0;
  std::vector<int64_t> distances(t_ms.size() - 1);
  for (size_t i = 0; i + 1 < t_ms.size(); ++i) distances[i] = t_ms[i + 1] - t_ms[i];
  const auto middle = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
  std::nth_element(distances.begin(), middle, distances.end());
  return static_cast<double>(*middle);
}

std::vector<double> MeansByAge(std::span<const int64_t> t_ms, std::span<const double> values, int64_t end_ms, double width_ms,
                               size_t cells_count) {
  std::vector<double> sums(cells_count, 0);
  std::vector<double> counts(cells_count, 0);
  for (size_t i = static_cast<size_t>(std::upper_bound(t_ms.begin(), t_ms.end(), end_ms) - t_ms.begin()); i-- > 0;) {
    const auto age = static_cast<size_t>(static_cast<double>(end_ms - t_ms[i]) / width_ms);
    if (age >= cells_count) break;
    if (!std::isfinite(values[i])) continue;
    sums[cells_count - 1 - age] += values[i];
    counts[cells_count - 1 - age] += 1;
  }
  for (size_t c = 0; c < cells_count; ++c) sums[c] /= counts[c];  // NaN where nothing was seen
  return sums;
}

}  // namespace auspex::analytics
