#include "auspex/query/selectors.h"

namespace auspex::query {
namespace {

/// Walks over every alternative of a node; one that is added has to be added here, or this does not compile.
struct Collect {
  std::vector<const VectorSelector*>& out;

  void Visit(const ExprPtr& expr) const {
    if (expr != nullptr) std::visit(*this, expr->node);
  }
  void operator()(const NumberLiteral& /*number*/) const {}
  void operator()(const StringLiteral& /*text*/) const {}
  void operator()(const VectorSelector& selector) const { out.push_back(&selector); }
  void operator()(const MatrixSelector& selector) const { out.push_back(&selector.vector); }
  void operator()(const Subquery& subquery) const { Visit(subquery.expr); }
  void operator()(const Unary& unary) const { Visit(unary.expr); }
  void operator()(const Binary& binary) const {
    Visit(binary.left);
    Visit(binary.right);
  }
  void operator()(const Aggregate& aggregate) const {
    Visit(aggregate.parameter);
    Visit(aggregate.expr);
  }
  void operator()(const Call& call) const {
    for (const ExprPtr& argument : call.arguments) Visit(argument);
  }
  void operator()(const Paren& paren) const { Visit(paren.expr); }
};

}  // namespace

std::vector<const VectorSelector*> SelectorsOf(const Expr& expr) {
  std::vector<const VectorSelector*> selectors;
  std::visit(Collect{selectors}, expr.node);
  return selectors;
}

}  // namespace auspex::query
