#include "auspex/analytics/functions.h"

#include "function_rows.h"

namespace auspex::analytics {

Status RegisterAnalyticsFunctions(query::FunctionRegistry& registry, std::shared_ptr<const DetectorRegistry> detectors) {
  if (detectors == nullptr) detectors = std::make_shared<const DetectorRegistry>(DetectorRegistry::BuiltIn());
  for (query::Function& function : AnomalyFunctions(std::move(detectors)))
    AUSPEX_RETURN_IF_ERROR(registry.Add(std::move(function)));
  for (query::Function& function : ForecastFunctions()) AUSPEX_RETURN_IF_ERROR(registry.Add(std::move(function)));
  return OkStatus();
}

}  // namespace auspex::analytics
