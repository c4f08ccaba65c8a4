#pragma once

#include <memory>
#include <vector>

#include "auspex/analytics/detector.h"
#include "auspex/analytics/functions.h"
#include "auspex/analytics/forecaster_registry.h"
#include "auspex/query/function_registry.h"

namespace auspex::analytics {

/// The rows of the registry, by family.
std::vector<query::Function> AnomalyFunctions(std::shared_ptr<const DetectorRegistry> detectors, size_t cache_bytes,
                                              FindEvents events);
std::vector<query::Function> ForecastFunctions(const std::shared_ptr<const ForecasterRegistry>& forecasters);
std::vector<query::Function> ChangeFunctions();
std::vector<query::Function> SeasonFunctions();
std::vector<query::Function> OutlierFunctions();
std::vector<query::Function> CompareFunctions(std::shared_ptr<const DetectorRegistry> detectors);
std::vector<query::Function> ShareFunctions();

}  // namespace auspex::analytics
