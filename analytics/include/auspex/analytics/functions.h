#pragma once

#include <memory>

#include "auspex/analytics/detector.h"
#include "auspex/query/function_registry.h"

namespace auspex::analytics {

/// Adds anomaly_score, anomaly, anomaly_flag, anomaly_rate, anomaly_expected, anomaly_lower, anomaly_upper, forecast,
/// forecast_lower, forecast_upper, forecast_exhaustion, forecast_exhaustion_earliest and forecast_exhaustion_latest to the
/// language (docs/ANALYTICS.md has their formulas). `detectors` are what `algo=` can name; null: the built-in ones.
/// Errors: AlreadyExists.
Status RegisterAnalyticsFunctions(query::FunctionRegistry& registry,
                                  std::shared_ptr<const DetectorRegistry> detectors = nullptr);

}  // namespace auspex::analytics
