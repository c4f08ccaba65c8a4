#pragma once

#include <memory>
#include <vector>

#include "auspex/analytics/detector.h"
#include "auspex/query/function_registry.h"

namespace auspex::analytics {

/// The rows of the registry, by family.
std::vector<query::Function> AnomalyFunctions(std::shared_ptr<const DetectorRegistry> detectors);
std::vector<query::Function> ForecastFunctions();

}  // namespace auspex::analytics
