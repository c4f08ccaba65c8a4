#pragma once

#include <string>
#include <vector>

#include "operator.h"

namespace auspex::query {

/// `sort`, `sort_desc`: orders the series of an instant query by value, NaN last. Has no effect on a range query.
OperatorPtr MakeSort(OperatorPtr vector, bool descending);
/// `sort_by_label`, `sort_by_label_desc`: by the values of labels, numbers within them as numbers.
OperatorPtr MakeSortByLabel(OperatorPtr vector, std::vector<std::string> names, bool descending);

/// Whether `a` comes before `b` in natural order: digits within texts compare as numbers, "node2" before "node10".
bool NaturalLess(std::string_view a, std::string_view b);

}  // namespace auspex::query
