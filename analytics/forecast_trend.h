#pragma once

#include <cstddef>
#include <span>

#include "auspex/analytics/forecaster.h"

namespace auspex::analytics {

/// origin + slope u + bend u^2; u in windows after now, -1 to 0 within the window.
struct Trend {
  double origin = 0, slope = 0, bend = 0;
  double At(double u) const { return origin + u * (slope + u * bend); }
};

/// Fits one shape to points (u ascending) so that single outliers hardly count (Huber's weights, 1.345 sigma).
Trend FitTrend(TrendShape shape, std::span<const double> u, std::span<const double> y);

/// The shape that served best in the past, and its error then.
struct TrendChoice {
  TrendShape shape = TrendShape::kLevel;
  double drift = 0;  ///< root mean square error of past forecasts per unit of lead
};
/// Forecasts the later points from the earlier ones at five origins, with each shape; later origins count more. A shape
/// with more freedom has to be clearly better.
TrendChoice ChooseTrend(std::span<const double> u, std::span<const double> y);

}  // namespace auspex::analytics
