#include "rule_expression.h"

#include <algorithm>
#include <array>
#include <vector>

#include "auspex/query/ast.h"
#include "auspex/query/parser.h"

namespace auspex::analytics {
namespace {

using query::Expr;

/// A call whose answers are about one observed series, and how it was reached.
struct Observing {
  query::Call* call = nullptr;
  bool one_series = true;  ///< nothing on the way from the root changes which series an answer's labels name
};

RuleExpression::Family FamilyOf(std::string_view function) {
  constexpr std::array<std::string_view, 3> kAnomaly = {"anomaly", "anomaly_score", "anomaly_flag"};
  if (std::find(kAnomaly.begin(), kAnomaly.end(), function) != kAnomaly.end()) return RuleExpression::Family::kAnomaly;
  return function.starts_with("forecast_exhaustion") ? RuleExpression::Family::kExhaustion : RuleExpression::Family::kOther;
}

/// The first such call in writing order, or none.
Observing FindObserving(Expr& expr, bool one_series) {
  if (auto* call = std::get_if<query::Call>(&expr.node)) {
    if (FamilyOf(call->function) != RuleExpression::Family::kOther) return {call, one_series};
    for (auto& argument : call->arguments) {
      if (const Observing found = FindObserving(*argument, false); found.call != nullptr) return found;
    }
  } else if (auto* paren = std::get_if<query::Paren>(&expr.node)) {
    return FindObserving(*paren->expr, one_series);
  } else if (auto* unary = std::get_if<query::Unary>(&expr.node)) {
    return FindObserving(*unary->expr, one_series);
  } else if (auto* binary = std::get_if<query::Binary>(&expr.node)) {
    if (const Observing left = FindObserving(*binary->left, one_series && binary->matching.include.empty());
        left.call != nullptr) {
      return left;
    }
    return FindObserving(*binary->right, false);
  } else if (auto* aggregate = std::get_if<query::Aggregate>(&expr.node)) {
    return FindObserving(*aggregate->expr, false);
  } else if (auto* subquery = std::get_if<query::Subquery>(&expr.node)) {
    return FindObserving(*subquery->expr, false);
  }
  return {};
}

/// The argument that is a range, or null.
Expr* RangeArgument(query::Call& call) {
  for (auto& argument : call.arguments) {
    if (std::holds_alternative<query::MatrixSelector>(argument->node) ||
        std::holds_alternative<query::Subquery>(argument->node)) {
      return argument.get();
    }
  }
  return nullptr;
}

std::optional<double> NumberOf(const Expr& expr) {
  if (const auto* number = std::get_if<query::NumberLiteral>(&expr.node)) return number->value;
  if (const auto* paren = std::get_if<query::Paren>(&expr.node)) return NumberOf(*paren->expr);
  if (const auto* unary = std::get_if<query::Unary>(&expr.node)) {
    const auto inner = NumberOf(*unary->expr);
    return inner && unary->negative ? std::optional<double>(-*inner) : inner;
  }
  return std::nullopt;
}

void Narrow(query::VectorSelector& selector, const Labels& labels) {
  for (const LabelView pair : labels) {
    const Matcher equal = Matcher::Of(Matcher::Op::kEqual, std::string(pair.name), std::string(pair.value));
    selector.matchers.push_back(equal);
    for (std::vector<Matcher>& matchers : selector.alternatives) matchers.push_back(equal);
  }
}

/// Parses again, since a tree is not copied, and narrows the call; the caller prints what it wants of it.
struct Reparsed {
  query::ExprPtr tree;
  query::Call* call = nullptr;
};
Reparsed ParseNarrowed(const RuleExpression& expression, const Labels& labels) {
  auto tree = query::Parse(expression.text);
  if (!tree.ok()) return {};
  Reparsed out{std::move(tree).value(), nullptr};
  const Observing found = FindObserving(*out.tree, true);
  out.call = found.call;
  if (found.call == nullptr || !found.one_series) return out;
  if (Expr* range = RangeArgument(*found.call)) {
    if (auto* matrix = std::get_if<query::MatrixSelector>(&range->node)) Narrow(matrix->vector, labels);
  }
  return out;
}

}  // namespace

RuleExpression ReadRuleExpression(std::string_view text) {
  RuleExpression out;
  out.text = text;
  auto tree = query::Parse(text);
  if (!tree.ok()) return out;
  const Observing found = FindObserving(**tree, true);
  if (found.call == nullptr) return out;
  out.function = found.call->function;
  out.family = FamilyOf(out.function);
  out.one_series = found.one_series;
  if (Expr* range = RangeArgument(*found.call)) {
    if (const auto* matrix = std::get_if<query::MatrixSelector>(&range->node)) {
      out.subject = matrix->vector.metric;
      out.plain_metric = !out.subject.empty();
    } else if (const auto* subquery = std::get_if<query::Subquery>(&range->node)) {
      out.subject = query::Print(*subquery->expr);
    }
  }
  if (out.family == RuleExpression::Family::kExhaustion && found.call->arguments.size() > 1) {
    out.limit = NumberOf(*found.call->arguments[1]);
  }
  return out;
}

std::string RuleExpression::Sibling(std::string_view other_function, const Labels& labels) const {
  const Reparsed parsed = ParseNarrowed(*this, labels);
  if (parsed.call == nullptr) return "";
  std::string out(other_function);
  out += '(';
  for (size_t i = 0; i < parsed.call->arguments.size(); ++i) {
    if (i > 0) out += ", ";
    out += query::Print(*parsed.call->arguments[i]);
  }
  return out + ')';
}

std::optional<std::string> RuleExpression::WithSensitivity(double k) const {
  if (family != Family::kAnomaly) return std::nullopt;
  auto tree = query::Parse(text);
  if (!tree.ok()) return std::nullopt;
  query::Call* call = FindObserving(**tree, true).call;
  if (call == nullptr || call->arguments.empty()) return std::nullopt;
  auto number = std::make_unique<Expr>();
  number->node = query::NumberLiteral{k, fmt::format("{}", k), false};
  // (v [, k] [, opts]): whatever stands second and is no string is k.
  auto& arguments = call->arguments;
  if (arguments.size() > 1 && !std::holds_alternative<query::StringLiteral>(arguments[1]->node)) {
    arguments[1] = std::move(number);
  } else {
    arguments.insert(arguments.begin() + 1, std::move(number));
  }
  return query::Print(**tree);
}

std::string RuleExpression::Observed(const Labels& labels) const {
  const Reparsed parsed = ParseNarrowed(*this, labels);
  if (parsed.call == nullptr) return "";
  const Expr* range = RangeArgument(*parsed.call);
  return range == nullptr ? "" : "last_over_time(" + query::Print(*range) + ")";
}

}  // namespace auspex::analytics
