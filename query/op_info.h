#pragma once

#include "auspex/storage/matcher.h"
#include "operator.h"

namespace auspex::query {

/// `info(v, {...})`: each series of v with the labels of the info series that have the same `instance` and `job`. Matchers on
/// the metric name choose the info metrics (target_info when there are none), the others choose labels.
OperatorPtr MakeInfo(OperatorPtr base, std::vector<Matcher> matchers);

}  // namespace auspex::query
