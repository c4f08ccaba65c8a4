#pragma once

#include <string>

#include "op_range.h"

namespace auspex::query {

/// What the values of a window are counted by.
enum class ValueRows : uint8_t {
  kValue,    ///< each value by itself, as text
  kVmrange,  ///< buckets "1.136e+00...1.292e+00", 18 per power of ten from 1e-9 to 1e18; negative numbers and NaN in none
};

/// `count_values_over_time`, `histogram_over_time`: a series per value or bucket that the windows of a series have, told apart
/// by the label `label`.
OperatorPtr MakeValueRows(std::unique_ptr<const RangeSource> source, int64_t range_ms, TimeShift shift, std::string label,
                          ValueRows by);
/// `prometheus_buckets`: buckets by `vmrange` as cumulative ones by `le`; others stay as they are.
OperatorPtr MakePrometheusBuckets(OperatorPtr vector);

}  // namespace auspex::query
