#pragma once

#include <string>
#include <vector>

#include "auspex/query/ast.h"
#include "operator.h"

namespace auspex::query {

/// An aggregation over groups of series.
struct AggregateSpec {
  AggregateOp op = AggregateOp::kSum;
  std::vector<std::string> grouping;
  bool without = false;
  OperatorPtr expr;
  OperatorPtr parameter;        ///< a scalar: topk's k, quantile's phi; else null
  std::string value_label;      ///< of count_values
  std::string parameter_place;  ///< " (1:5)", for notes
  std::string expr_place;
  std::string place;            ///< of the aggregation itself
};

/// Makes the operator that fits spec.op: one of those below.
OperatorPtr MakeAggregate(AggregateSpec spec);

/// sum, avg, count, min, max, group, stddev, stdvar: accumulates the series as they come.
OperatorPtr MakeReduce(AggregateSpec spec);
/// topk, bottomk, limitk, limit_ratio: some of the series of each group, as they are.
OperatorPtr MakePick(AggregateSpec spec);
/// quantile: needs all values of a group at once.
OperatorPtr MakeQuantile(AggregateSpec spec);
/// count_values: a group per value.
OperatorPtr MakeCountValues(AggregateSpec spec);

}  // namespace auspex::query
