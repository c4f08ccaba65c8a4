#pragma once

#include "auspex/query/ast.h"

namespace auspex::query {

/// Whether the value does not depend on the query's step or range.
bool IsConstant(const DurationExpr& expr);
/// In seconds. Errors: InvalidArgument (division by zero), without position.
Result<double> EvaluateDuration(const DurationExpr& expr, double step_seconds, double range_seconds);
/// Seconds to milliseconds, as Prometheus rounds them: nanoseconds to nearest, then down.
/// Errors: InvalidArgument (out of the range of 63 bits of nanoseconds).
Result<int64_t> DurationMs(double seconds);

}  // namespace auspex::query
