#pragma once

#include <string_view>
#include <vector>

#include "operator.h"

namespace auspex::query {

/// A function of one value of a vector and of scalar arguments at the same step; Absent() leaves the sample out.
using ValueFunction = double (*)(double value, const double* scalars);

/// The function of one value that a name stands for (`abs`, `clamp`, `hour`, ...), or null.
ValueFunction FindValueFunction(std::string_view name);
/// Whether `name` is a function of dates, which takes time() where no vector is given.
bool IsDateFunction(std::string_view name);

/// Applies `function` to every value, without the metric names unless they are kept.
OperatorPtr MakeValueCall(ValueFunction function, OperatorPtr vector, std::vector<OperatorPtr> scalars,
                          bool keeps_metric_name = false);
/// `timestamp(expr)` of what is not a selector: the evaluation time where there is a sample.
OperatorPtr MakeTimestampCall(OperatorPtr vector);
/// `absent(expr)`: 1 with the given labels where no series has a sample.
OperatorPtr MakeAbsent(OperatorPtr vector, Labels labels);

}  // namespace auspex::query
