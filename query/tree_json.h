#pragma once

#include <string>
#include <string_view>

#include "auspex/query/ast.h"
#include "auspex/query/function_registry.h"

namespace auspex::query {

/// A syntax tree as JSON, member by member what Prometheus 3 answers to /api/v1/parse_query; its own kinds of nodes have
/// names of their own. Call after CheckTypes.
std::string TreeJson(const Expr& expr, const FunctionRegistry& registry);

/// `text` as a JSON string with its quotes. The text is UTF-8.
std::string JsonString(std::string_view text);

}  // namespace auspex::query
