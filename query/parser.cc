#include "auspex/query/parser.h"

#include "grammar.h"
#include "parse_error.h"
#include "with_template.h"

namespace auspex::query {

namespace {

/// Sets every place to the text's beginning: those of an expanded text mean nothing in the one given.
struct PlaceEraser {
  void Visit(Expr& expr) {
    expr.span = {};
    std::visit([this](auto& node) { (*this)(node); }, expr.node);
  }
  template <typename Leaf>
  void operator()(Leaf&) {}
  void operator()(Subquery& subquery) { Visit(*subquery.expr); }
  void operator()(Unary& unary) { Visit(*unary.expr); }
  void operator()(Paren& paren) { Visit(*paren.expr); }
  void operator()(Binary& binary) {
    Visit(*binary.left);
    Visit(*binary.right);
  }
  void operator()(Aggregate& aggregate) {
    if (aggregate.parameter != nullptr) Visit(*aggregate.parameter);
    Visit(*aggregate.expr);
  }
  void operator()(Call& call) {
    for (const ExprPtr& argument : call.arguments) Visit(*argument);
  }
};

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
    PlaceEraser().Visit(**expr);
    return expr;
  }
  TreeBuilder builder(text);
  ReadExpression(text, builder);
  return builder.Finish();
}

}  // namespace auspex::query
