#pragma once

#include <string_view>

#include "auspex/query/ast.h"
#include "auspex/query/function_registry.h"
#include "auspex/storage/base/result.h"

namespace auspex::query {

/// Text to a syntax tree, types not yet checked. Nesting is bounded, so that no text can exhaust the stack.
/// Errors: InvalidArgument, "1:7: parse error: unexpected ...", the column counted in characters from 1.
Result<ExprPtr> Parse(std::string_view text);

/// Sets the type of every node and refuses what has none: unknown functions (with the nearest name), wrong argument
/// counts and types, set operators on scalars. `text` is what was parsed, for line:column in messages.
Status CheckTypes(Expr& expr, std::string_view text, const FunctionRegistry& registry);

/// "5m", "1h30m", "250ms" to milliseconds. Errors: InvalidArgument.
Result<int64_t> ParseDurationMs(std::string_view text);
/// 5400000 -> "1h30m".
std::string PrintDurationMs(int64_t ms);

}  // namespace auspex::query
