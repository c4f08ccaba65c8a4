#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "auspex/analytics/detector.h"
#include "auspex/analytics/forecaster_registry.h"
#include "auspex/analytics/insight.h"
#include "auspex/query/function_registry.h"

namespace auspex::analytics {

/// At least the events of [begin_ms, end_ms], oldest first. Thread-safe.
using FindEvents = std::function<Result<std::shared_ptr<const std::vector<Event>>>(int64_t begin_ms, int64_t end_ms)>;

/// Adds the functions of docs/ANALYTICS.md to the language: anomaly_*, forecast*, changepoint*, seasonality*, decompose,
/// outliers_*, window_diff, correlate, contributors and new_series. `detectors` are what `algo=` of the anomaly functions can
/// name, `forecasters` what that of the forecast functions can; null: the built-in ones.
/// cache_bytes: for states of detectors between two evaluations, 10 KB a series; too little costs time, never an answer.
/// events: where `exclude=` finds events; null: that option is an error.
/// Errors: AlreadyExists.
Status RegisterAnalyticsFunctions(query::FunctionRegistry& registry,
                                  std::shared_ptr<const DetectorRegistry> detectors = nullptr,
                                  std::shared_ptr<const ForecasterRegistry> forecasters = nullptr,
                                  size_t cache_bytes = size_t{6} << 20, FindEvents events = nullptr);

}  // namespace auspex::analytics
