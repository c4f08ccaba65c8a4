#pragma once

#include <memory>

#include "auspex/analytics/detector.h"
#include "auspex/analytics/forecaster_registry.h"
#include "auspex/query/function_registry.h"

namespace auspex::analytics {

/// Adds the functions of docs/ANALYTICS.md to the language: anomaly_*, forecast*, changepoint*, seasonality*, decompose,
/// outliers_*, window_diff, correlate, contributors and new_series. `detectors` are what `algo=` of the anomaly functions can
/// name, `forecasters` what that of the forecast functions can; null: the built-in ones.
/// Errors: AlreadyExists.
Status RegisterAnalyticsFunctions(query::FunctionRegistry& registry,
                                  std::shared_ptr<const DetectorRegistry> detectors = nullptr,
                                  std::shared_ptr<const ForecasterRegistry> forecasters = nullptr);

}  // namespace auspex::analytics
