#pragma once

#include <memory>

#include "auspex/analytics/forecaster_registry.h"

namespace auspex::analytics {

/// A moment by the panel of simple forecasts where the window is long enough for it, everything else by trend and season.
std::unique_ptr<const FittedForecast> FitAuto(const ForecastWindow& window);

}  // namespace auspex::analytics
