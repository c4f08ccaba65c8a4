#pragma once

#include "auspex/query/ast.h"
#include "operator.h"

namespace auspex::query {

/// An arithmetic or comparison operator between a vector and a scalar, which stands left when `scalar_left`.
OperatorPtr MakeVectorScalar(BinaryOp op, bool return_bool, OperatorPtr vector, OperatorPtr scalar, bool scalar_left);
/// An arithmetic or comparison operator between two vectors, one-to-one or many-to-one.
OperatorPtr MakeVectorVector(BinaryOp op, bool return_bool, VectorMatching matching, OperatorPtr left, OperatorPtr right);
/// `and`, `or`, `unless`.
OperatorPtr MakeSetOperator(BinaryOp op, VectorMatching matching, OperatorPtr left, OperatorPtr right);
/// `-vector`.
OperatorPtr MakeNegation(OperatorPtr vector);

}  // namespace auspex::query
