#pragma once

#include <cstdint>
#include <optional>

#include "auspex/query/ast.h"
#include "auspex/query/function_registry.h"

namespace auspex::query {

/// Under which terms the values of an expression may be kept for later range queries.
struct CacheTerms {
  /// The value at t depends on samples of [t - reach_ms, t] only.
  int64_t reach_ms = 0;
};

/// None when a value may depend on anything but the samples up to its step: on start(), end() or the query's range, on `@`,
/// on samples of the future (a negative offset), on functions that look at a whole range query, or when a query over more
/// steps could fail where one over fewer does not (series of several metrics that lose their names).
/// Call after ResolveDurations.
std::optional<CacheTerms> CacheTermsOf(const Expr& expr, const FunctionRegistry& registry, int64_t lookback_ms);

}  // namespace auspex::query
