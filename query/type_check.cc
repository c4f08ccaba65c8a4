#include <algorithm>

#include "auspex/query/parser.h"
#include "literal.h"
#include "parse_error.h"

namespace auspex::query {
namespace {

/// Prometheus says "matrix" here and "range vector" everywhere else.
std::string_view ShortName(ValueType type) { return type == ValueType::kMatrix ? "matrix" : ValueTypeName(type); }

bool IsScalarOrVector(ValueType type) { return type == ValueType::kScalar || type == ValueType::kVector; }

/// Sets the types from the leaves up. The texts of errors are Prometheus'.
class TypeChecker {
 public:
  TypeChecker(std::string_view text, const FunctionRegistry& registry) : text_(text), registry_(registry) {}

  Status Visit(Expr& expr) {
    return std::visit([&](auto& node) { return Check(expr, node); }, expr.node);
  }

 private:
  Status Check(Expr& expr, NumberLiteral&) { return Set(expr, ValueType::kScalar); }
  Status Check(Expr& expr, StringLiteral&) { return Set(expr, ValueType::kString); }

  Status Check(Expr& expr, VectorSelector& selector) {
    AUSPEX_RETURN_IF_ERROR(CheckSelector(expr, selector));
    return Set(expr, ValueType::kVector);
  }

  Status Check(Expr& expr, MatrixSelector& matrix) {
    AUSPEX_RETURN_IF_ERROR(CheckSelector(expr, matrix.vector));
    return Set(expr, ValueType::kMatrix);
  }

  Status Check(Expr& expr, Subquery& subquery) {
    AUSPEX_RETURN_IF_ERROR(Visit(*subquery.expr));
    if (subquery.expr->type != ValueType::kVector) {
      return At(expr,
                fmt::format("subquery is only allowed on instant vector, got {} instead", ShortName(subquery.expr->type)));
    }
    return Set(expr, ValueType::kMatrix);
  }

  Status Check(Expr& expr, Unary& unary) {
    AUSPEX_RETURN_IF_ERROR(Visit(*unary.expr));
    if (!IsScalarOrVector(unary.expr->type)) {
      return At(expr, fmt::format("unary expression only allowed on expressions of type scalar or instant vector, got \"{}\"",
                                  ValueTypeName(unary.expr->type)));
    }
    return Set(expr, unary.expr->type);
  }

  Status Check(Expr& expr, Paren& paren) {
    AUSPEX_RETURN_IF_ERROR(Visit(*paren.expr));
    return Set(expr, paren.expr->type);
  }

  Status Check(Expr& expr, Aggregate& aggregate) {
    AUSPEX_RETURN_IF_ERROR(Expect(*aggregate.expr, ValueType::kVector, "aggregation expression"));
    if (aggregate.parameter != nullptr) {
      const auto wanted = aggregate.op == AggregateOp::kCountValues ? ValueType::kString : ValueType::kScalar;
      AUSPEX_RETURN_IF_ERROR(Expect(*aggregate.parameter, wanted, "aggregation parameter"));
    }
    return Set(expr, ValueType::kVector);
  }

  Status Check(Expr& expr, Binary& binary) {
    AUSPEX_RETURN_IF_ERROR(Visit(*binary.left));
    if (IsNumberList(*binary.right) && (binary.op == BinaryOp::kEqual || binary.op == BinaryOp::kNotEqual)) {
      if (binary.left->type != ValueType::kVector)
        return At(*binary.left, "only an instant vector can be compared with a list");
      binary.right->type = ValueType::kVector;
      return Set(expr, ValueType::kVector);
    }
    AUSPEX_RETURN_IF_ERROR(Visit(*binary.right));
    const ValueType left = binary.left->type;
    const ValueType right = binary.right->type;
    const size_t op_begin = SkipBlanks(text_, binary.left->span.end);
    if (binary.return_bool && !IsComparison(binary.op)) {
      return ParseError(text_, op_begin, "bool modifier can only be used on comparison operators");
    }
    const bool scalars = left == ValueType::kScalar && right == ValueType::kScalar;
    if (IsTrim(binary.op) && scalars) {
      return ParseError(text_, op_begin,
                        fmt::format("operator \"{}\" not allowed for Scalar operations", BinaryOpSymbol(binary.op)));
    }
    if (IsComparison(binary.op) && !binary.return_bool && scalars) {
      return ParseError(text_, op_begin, "comparisons between scalars must use BOOL modifier");
    }
    AUSPEX_RETURN_IF_ERROR(CheckIncluded(binary.matching, op_begin));
    for (const Expr* side : {binary.left.get(), binary.right.get()}) {
      if (!IsScalarOrVector(side->type))
        return At(*side, "binary expression must contain only scalar and instant vector types");
    }
    AUSPEX_RETURN_IF_ERROR(CheckMatching(expr, binary));
    return Set(expr, scalars ? ValueType::kScalar : ValueType::kVector);
  }

  Status CheckIncluded(const VectorMatching& matching, size_t op_begin) {
    if (!matching.on) return OkStatus();
    for (const std::string& label : matching.labels) {
      if (matching.prefix.empty() &&
          std::find(matching.include.begin(), matching.include.end(), label) != matching.include.end()) {
        return ParseError(text_, op_begin, fmt::format("label {} must not occur in ON and GROUP clause at once", Quote(label)));
      }
    }
    return OkStatus();
  }

  Status CheckMatching(const Expr& expr, const Binary& binary) {
    const VectorMatching& matching = binary.matching;
    const bool vectors = binary.left->type == ValueType::kVector && binary.right->type == ValueType::kVector;
    const bool filled = matching.fill_left.has_value() || matching.fill_right.has_value();
    if (!vectors) {
      if (!matching.labels.empty()) return At(expr, "vector matching only allowed between instant vectors");
      if (filled) return At(expr, "filling in missing series only allowed between instant vectors");
      // Beyond PromQL: `v default 0`.
      const bool filling = binary.op >= BinaryOp::kDefault && binary.left->type == ValueType::kVector;
      if (IsSetOp(binary.op) && !filling) {
        return At(expr, fmt::format("set operator \"{}\" not allowed in binary scalar expression", BinaryOpSymbol(binary.op)));
      }
    } else if (IsSetOp(binary.op)) {
      if (matching.cardinality != VectorMatching::Cardinality::kManyToMany) {
        return At(expr, fmt::format("no grouping allowed for \"{}\" operation", BinaryOpSymbol(binary.op)));
      }
      if (filled) return At(expr, "filling in missing series not allowed for set operators");
    }
    return OkStatus();
  }

  Status Check(Expr& expr, Call& call) {
    const Function* function = registry_.Find(call.function);
    if (function == nullptr) return UnknownFunction(expr, call.function);
    if (call.grouping && !function->aggregates) {
      return ParseError(text_, call.grouping->begin, DescribeUnexpected(text_, call.grouping->begin, "|"));
    }
    std::vector<ValueType> types;
    for (const ExprPtr& argument : call.arguments) {
      if (call.function == "info" && argument != call.arguments.front()) {
        AUSPEX_RETURN_IF_ERROR(CheckInfoLabels(*argument));
      } else {
        AUSPEX_RETURN_IF_ERROR(Visit(*argument));
      }
      types.push_back(argument->type);
    }
    AddImplicitRange(*function, call, types);
    int offender = -1;
    const auto matched = MatchArguments(*function, types, &offender);
    if (!matched.ok()) {
      return At(offender < 0 ? expr : *call.arguments[static_cast<size_t>(offender)], matched.status().message());
    }
    return Set(expr, function->returns);
  }

  // `rate(x)` is rate(x[max(step(), 5m)]): a function of PromQL that wants a range and is given a vector makes it one.
  static void AddImplicitRange(const Function& function, Call& call, std::vector<ValueType>& types) {
    const auto wants_range = [](const Argument& argument) { return argument.type == ArgumentType::kMatrix; };
    if (function.make_range || std::none_of(function.arguments.begin(), function.arguments.end(), wants_range)) return;
    if (std::find(types.begin(), types.end(), ValueType::kMatrix) != types.end()) return;
    const auto given = std::find(types.begin(), types.end(), ValueType::kVector);
    if (given == types.end()) return;
    *given = ValueType::kMatrix;
    ExprPtr& argument = call.arguments[static_cast<size_t>(given - types.begin())];
    Expr* inner = argument.get();
    while (auto* paren = std::get_if<Paren>(&inner->node)) inner = paren->expr.get();
    const SourceSpan span = argument->span;
    auto range = std::make_unique<Expr>();
    if (auto* selector = std::get_if<VectorSelector>(&inner->node)) {
      range->node = MatrixSelector{std::move(*selector), 0, ImplicitRange()};
    } else {
      range->node = Subquery{std::move(argument), 0, 0, {}, ImplicitRange(), nullptr};
    }
    range->span = span;
    range->type = ValueType::kMatrix;
    argument = std::move(range);
  }

  static DurationExprPtr ImplicitRange() {
    DurationExpr step;
    step.op = DurationExpr::Op::kStep;
    DurationExpr lookback;
    lookback.seconds = 300;
    lookback.duration = true;
    DurationExpr range;
    range.op = DurationExpr::Op::kMax;
    range.left = std::make_shared<const DurationExpr>(std::move(step));
    range.right = std::make_shared<const DurationExpr>(std::move(lookback));
    return std::make_shared<const DurationExpr>(std::move(range));
  }

  // What info() takes its labels from is written as a selector, but matches nothing by itself.
  Status CheckInfoLabels(Expr& expr) {
    const auto* selector = std::get_if<VectorSelector>(&expr.node);
    if (selector == nullptr) {
      AUSPEX_RETURN_IF_ERROR(Visit(expr));
      if (expr.type != ValueType::kVector) return OkStatus();  // the arguments' types are checked later
      return At(expr, fmt::format("expected label selectors as the second argument to the info function, got {}", Print(expr)));
    }
    if (!selector->metric.empty()) return At(expr, "expected label selectors only, got vector selector instead");
    return Set(expr, ValueType::kVector);
  }

  Status UnknownFunction(const Expr& expr, const std::string& name) {
    std::string message = fmt::format("unknown function with name {}", Quote(name));
    if (const std::string nearest = registry_.Nearest(name); !nearest.empty()) {
      message += fmt::format(": did you mean {}?", Quote(nearest));
    }
    return At(expr, message);
  }

  Status CheckSelector(const Expr& expr, const VectorSelector& selector) {
    const auto selects_some = [](const std::vector<Matcher>& matchers) {
      return std::any_of(matchers.begin(), matchers.end(), [](const Matcher& m) { return !m.MatchesEmpty(); });
    };
    const auto& parts = selector.alternatives;
    const bool good = parts.empty() ? selects_some(selector.matchers) : std::all_of(parts.begin(), parts.end(), selects_some);
    return good ? OkStatus() : At(expr, "vector selector must contain at least one non-empty matcher");
  }

  Status Expect(Expr& expr, ValueType wanted, std::string_view context) {
    AUSPEX_RETURN_IF_ERROR(Visit(expr));
    if (expr.type == wanted) return OkStatus();
    return At(expr, fmt::format("expected type {} in {}, got {}", ValueTypeName(wanted), context, ValueTypeName(expr.type)));
  }

  static Status Set(Expr& expr, ValueType type) {
    expr.type = type;
    return OkStatus();
  }

  Status At(const Expr& expr, std::string_view message) const { return ParseError(text_, expr.span.begin, message); }

  std::string_view text_;
  const FunctionRegistry& registry_;
};

}  // namespace

Status CheckTypes(Expr& expr, std::string_view text, const FunctionRegistry& registry) {
  return TypeChecker(text, registry).Visit(expr);
}

}  // namespace auspex::query
