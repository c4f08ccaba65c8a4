#pragma once

#include "auspex/query/ast.h"
#include "operator.h"

namespace auspex::query {

/// An arithmetic or comparison operator between a vector and a scalar, which stands left when `scalar_left`.
/// Notes end in `place`, " (1:5)".
OperatorPtr MakeVectorScalar(BinaryOp op, bool return_bool, OperatorPtr vector, OperatorPtr scalar, bool scalar_left,
                             std::string place);
/// An arithmetic or comparison operator between two vectors, one-to-one or many-to-one.
OperatorPtr MakeVectorVector(BinaryOp op, bool return_bool, VectorMatching matching, OperatorPtr left, OperatorPtr right,
                             std::string place);
/// `and`, `or`, `unless`.
OperatorPtr MakeSetOperator(BinaryOp op, VectorMatching matching, OperatorPtr left, OperatorPtr right);
/// Whether the samples that an operator gives keep their metric's name: where it only chooses among them.
/// Prometheus 2 forgot to drop it from atan2's.
inline bool KeepsMetricName(BinaryOp op, bool return_bool, bool compat_2) {
  return (IsComparison(op) && !return_bool) || IsTrim(op) || (compat_2 && op == BinaryOp::kAtan2);
}
/// `-vector`.
OperatorPtr MakeNegation(OperatorPtr vector);

}  // namespace auspex::query
