#pragma once

#include <string>

#include "auspex/query/ast.h"
#include "operator.h"

namespace auspex::query {

/// The same number at every step.
OperatorPtr MakeNumber(double value);
/// `time()`: the evaluation time in seconds.
OperatorPtr MakeTime();
/// `scalar(v)`: the value of the only series, NaN where there is none or more than one.
OperatorPtr MakeScalar(OperatorPtr vector);
/// `vector(s)`: one series without labels. A scalar's batch is that already.
OperatorPtr MakeVector(OperatorPtr scalar);
/// What does not depend on the evaluation time (`@`), evaluated once and repeated at every step.
OperatorPtr MakeStepInvariant(OperatorPtr invariant);
/// An operator between two scalars; comparisons give 0 or 1.
OperatorPtr MakeScalarBinary(BinaryOp op, OperatorPtr left, OperatorPtr right);

/// `max_of(a, b)` or `min_of(a, b)`: NaN when one of them is, but for the infinity that no number passes.
OperatorPtr MakeScalarExtreme(bool max, OperatorPtr left, OperatorPtr right);

/// left op right for numbers; comparisons give 0 or 1.
double ApplyScalar(BinaryOp op, double left, double right);

}  // namespace auspex::query
