#pragma once

#include <cstdint>
#include <span>

namespace auspex::analytics {

enum class Component : uint8_t { kTrend, kSeasonal, kResidual, kBaseline };

/// The newest sample, taken apart: value = trend + seasonal + residual.
struct Parts {
  double trend = 0;
  double seasonal = 0;  ///< 0 where no period is found
  double residual = 0;
  double Part(Component component) const {
    switch (component) {
      case Component::kTrend:
        return trend;
      case Component::kSeasonal:
        return seasonal;
      case Component::kResidual:
        return residual;
      case Component::kBaseline:
        return trend + seasonal;
    }
    return 0;
  }
};

/// seasonal: the median of the same phase over the cycles of the dominant period (FindCycle), without the trend. trend: the end
/// of a line fitted to the rest, over the newest cycle, or the newest third where there is no period, with tricube weights by
/// age and five rounds of bisquare weights by residual: loess at its end point, which one sample far off does not move. t_ms:
/// strictly increasing; values: finite, at least two. Cost: that of FindCycle, then O(n). Source: R. Cleveland, W. Cleveland,
/// J. McRae, I. Terpenning 1990, STL (Journal of Official Statistics 6), with medians for its inner loop.
Parts Decompose(std::span<const int64_t> t_ms, std::span<const double> values);

}  // namespace auspex::analytics
