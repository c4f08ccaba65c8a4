#pragma once

#include <vector>

#include "auspex/query/function_registry.h"

namespace auspex::query {

/// The functions of PromQL without / with a range vector, as Prometheus 3 has them.
std::vector<Function> InstantFunctionRows();
std::vector<Function> RangeFunctionRows();

}  // namespace auspex::query
