#include "name_dropper.h"

#include <algorithm>

#include "auspex/query/ast.h"
#include "auspex/query/function_registry.h"

namespace auspex::query {
namespace {

struct NameDropper {
  const FunctionRegistry& registry;
  bool Visit(const Expr& expr) const { return std::visit(*this, expr.node); }
  bool operator()(const NumberLiteral&) const { return false; }
  bool operator()(const StringLiteral&) const { return false; }
  bool operator()(const VectorSelector&) const { return false; }
  bool operator()(const MatrixSelector&) const { return false; }
  bool operator()(const Subquery& subquery) const { return Visit(*subquery.expr); }
  bool operator()(const Unary&) const { return true; }
  bool operator()(const Binary& binary) const {
    const bool keeps = IsSetOp(binary.op) || (IsComparison(binary.op) && !binary.return_bool);
    return !keeps || Visit(*binary.left) || Visit(*binary.right);
  }
  bool operator()(const Aggregate& aggregate) const {
    return (aggregate.parameter != nullptr && Visit(*aggregate.parameter)) || Visit(*aggregate.expr);
  }
  bool operator()(const Call& call) const {
    const Function* const function = registry.Find(call.function);
    if (function == nullptr || !function->keeps_metric_name || function->make_joint) return true;
    return std::any_of(call.arguments.begin(), call.arguments.end(), [&](const ExprPtr& argument) { return Visit(*argument); });
  }
  bool operator()(const Paren& paren) const { return Visit(*paren.expr); }
};

}  // namespace

bool MayDropNames(const Expr& expr, const FunctionRegistry& registry) { return NameDropper{registry}.Visit(expr); }

}  // namespace auspex::query
