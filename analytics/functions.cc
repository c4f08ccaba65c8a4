#include "auspex/analytics/functions.h"

#include "function_rows.h"

namespace auspex::analytics {

Status RegisterAnalyticsFunctions(query::FunctionRegistry& registry, std::shared_ptr<const DetectorRegistry> detectors,
                                  std::shared_ptr<const ForecasterRegistry> forecasters, size_t cache_bytes,
                                  FindEvents events) {
  if (forecasters == nullptr) forecasters = std::make_shared<const ForecasterRegistry>(ForecasterRegistry::BuiltIn());
  if (detectors == nullptr) detectors = std::make_shared<const DetectorRegistry>(DetectorRegistry::BuiltIn());
  for (auto rows : {AnomalyFunctions(detectors, cache_bytes, std::move(events)), ForecastFunctions(forecasters),
                    ChangeFunctions(), SeasonFunctions(), OutlierFunctions(), CompareFunctions(detectors), ShareFunctions()}) {
    for (query::Function& function : rows) AUSPEX_RETURN_IF_ERROR(registry.Add(std::move(function)));
  }
  return OkStatus();
}

}  // namespace auspex::analytics
