#pragma once

#include <memory>

#include "auspex/analytics/forecaster_registry.h"

namespace auspex::analytics {

/// The straight line of least squares through the whole window, as predict_linear has it, with an interval:
///   deviation(h)^2 = s^2 (1 + 1/n + (now + h - mean t)^2 / sum (t - mean t)^2)     s^2: residual sum of squares / (n - 2)
/// Null for fewer than 10 finite samples. Knows no season. Cost: O(n).
/// Source: N. Draper, H. Smith, Applied Regression Analysis, 1966 (prediction interval of a line).
std::unique_ptr<const FittedForecast> FitLinear(const ForecastWindow& window);

}  // namespace auspex::analytics
