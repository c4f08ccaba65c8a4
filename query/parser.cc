#include "auspex/query/parser.h"

#include "children.h"
#include "grammar.h"
#include "parse_error.h"
#include "with_template.h"

namespace auspex::query {

namespace {

/// Sets every place to the text's beginning: those of an expanded text mean nothing in the one given.
void ErasePlaces(Expr& expr) {
  expr.span = {};
  ForEachChild(expr, ErasePlaces);
}

}  // namespace

Result<ExprPtr> Parse(std::string_view text) {
  constexpr size_t kMaxTextBytes = 1 << 20;
  if (text.size() > kMaxTextBytes) {
    return ParseError("", 0, fmt::format("query text of {} bytes, at most {} are read", text.size(), kMaxTextBytes));
  }
  if (HasTemplates(text)) {
    AUSPEX_ASSIGN_OR_RETURN(const std::string expanded, ExpandTemplates(text));
    TreeBuilder builder(expanded);
    ReadExpression(expanded, builder);
    auto expr = builder.Finish();
    if (!expr.ok()) return InvalidArgument("{} (in the expanded query: {})", expr.status().message(), expanded.substr(0, 200));
    ErasePlaces(**expr);
    return expr;
  }
  TreeBuilder builder(text);
  ReadExpression(text, builder);
  return builder.Finish();
}

}  // namespace auspex::query
