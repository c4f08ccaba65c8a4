#pragma once

namespace auspex::query {

struct Expr;
class FunctionRegistry;

/// Whether an expression may drop metric names, other than by an aggregation that leaves them out. Where none is dropped,
/// nobody can tell when that happens (metric_identity.h).
bool MayDropNames(const Expr& expr, const FunctionRegistry& registry);

}  // namespace auspex::query
