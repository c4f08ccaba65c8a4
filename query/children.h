#pragma once

#include <type_traits>
#include <variant>

#include "auspex/query/ast.h"

namespace auspex::query {

/// Calls `visit` with each expression directly below `expr` (an Expr or a const Expr), in the text's order.
///
/// Every alternative of a node is named: one that is added has to be added here, or this does not compile.
template <typename AnyExpr, typename Visit>
void ForEachChild(AnyExpr& expr, Visit visit) {
  const auto call = [&](auto& node) {
    using Node = std::remove_const_t<std::remove_reference_t<decltype(node)>>;
    const auto below = [&](const ExprPtr& child) {
      if (child != nullptr) visit(static_cast<AnyExpr&>(*child));
    };
    if constexpr (std::is_same_v<Node, Binary>) {
      below(node.left);
      below(node.right);
    } else if constexpr (std::is_same_v<Node, Aggregate>) {
      below(node.parameter);
      below(node.expr);
    } else if constexpr (std::is_same_v<Node, Call>) {
      for (const ExprPtr& argument : node.arguments) below(argument);
    } else if constexpr (std::is_same_v<Node, Subquery> || std::is_same_v<Node, Unary> || std::is_same_v<Node, Paren>) {
      below(node.expr);
    } else {
      static_assert(std::is_same_v<Node, NumberLiteral> || std::is_same_v<Node, StringLiteral> ||
                    std::is_same_v<Node, VectorSelector> || std::is_same_v<Node, MatrixSelector>);
    }
  };
  std::visit(call, expr.node);
}

}  // namespace auspex::query
