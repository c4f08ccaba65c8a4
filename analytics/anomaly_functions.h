#pragma once

#include <string_view>
#include <vector>

#include "anomaly_kernel.h"

namespace auspex::analytics {

/// The arguments of a call of an anomaly function, read and checked.
struct AnomalyCall {
  int k_position = -1;  ///< -1: the default
  AnomalyOptions options;
};
Result<AnomalyCall> ReadAnomalyCall(std::string_view name, const query::RangeCall& call, const DetectorRegistry& detectors);
/// (v [, k] [, opts])
std::vector<query::Argument> AnomalyArguments();

}  // namespace auspex::analytics
