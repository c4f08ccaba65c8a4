#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "auspex/query/ast.h"
#include "auspex/query/parser.h"
#include "literal.h"

namespace auspex::query {
namespace {

/// Appends the one-line form of what it visits, as Prometheus prints it.
class Printer {
 public:
  void Visit(const Expr& expr) {
    std::visit([this](const auto& node) { Print(node); }, expr.node);
  }
  std::string Take() { return std::move(out_); }

 private:
  void Print(const NumberLiteral& number) {
    if (!number.duration) {
      out_ += PrintNumber(number.value);
    } else {
      out_ += PrintDurationMs(std::llround(number.value * 1000));
    }
  }
  void Print(const StringLiteral& string) { out_ += Quote(string.value); }
  void Print(const VectorSelector& selector) {
    PrintSelector(selector);
    out_ += RangeExtensionText(selector.extension);
    PrintTime(selector.time);
  }
  void Print(const MatrixSelector& matrix) {
    PrintSelector(matrix.vector);
    out_ += '[';
    PrintDuration(matrix.range, matrix.range_ms);
    out_ += ']';
    out_ += RangeExtensionText(matrix.vector.extension);
    PrintTime(matrix.vector.time);
  }
  void Print(const Subquery& subquery) {
    // Only the range that a function adds by itself stands behind an operator without parentheses.
    const bool loose =
        std::holds_alternative<Binary>(subquery.expr->node) || std::holds_alternative<Unary>(subquery.expr->node);
    if (loose) out_ += '(';
    VisitTight(*subquery.expr);
    out_ += loose ? ")[" : "[";
    PrintDuration(subquery.range, subquery.range_ms);
    out_ += subquery.aligned ? "::" : ":";
    if (subquery.step != nullptr || subquery.step_ms != 0) PrintDuration(subquery.step, subquery.step_ms);
    out_ += ']';
    PrintTime(subquery.time);
  }
  void Print(const Unary& unary) {
    out_ += unary.negative ? '-' : '+';
    Visit(*unary.expr);
  }
  void Print(const Binary& binary) {
    if (binary.op == BinaryOp::kPow) {
      VisitTight(*binary.left);
    } else {
      Visit(*binary.left);
    }
    out_ += fmt::format(" {}{}", BinaryOpSymbol(binary.op), binary.return_bool ? " bool" : "");
    PrintMatching(binary.matching);
    out_ += ' ';
    Visit(*binary.right);
  }
  void Print(const Aggregate& aggregate) {
    out_ += AggregateOpName(aggregate.op);
    if (aggregate.without || !aggregate.grouping.empty()) {
      out_ += aggregate.without ? " without " : " by ";
      PrintLabels(aggregate.grouping);
      out_ += ' ';
    }
    out_ += '(';
    if (aggregate.parameter != nullptr) {
      Visit(*aggregate.parameter);
      out_ += ", ";
    }
    Visit(*aggregate.expr);
    out_ += ')';
    if (aggregate.limit > 0) out_ += fmt::format(" limit {}", aggregate.limit);
  }
  void Print(const Call& call) {
    out_ += call.function;
    if (call.grouping) {
      out_ += call.grouping->without ? " without " : " by ";
      PrintLabels(call.grouping->labels);
      out_ += ' ';
    }
    out_ += '(';
    for (size_t i = 0; i < call.arguments.size(); ++i) {
      if (i > 0) out_ += ", ";
      Visit(*call.arguments[i]);
    }
    out_ += ')';
    if (call.keep_metric_names) out_ += " keep_metric_names";
  }
  void Print(const Paren& paren) {
    out_ += '(';
    Visit(*paren.expr);
    out_ += ')';
  }

  /// Where something follows that binds tighter than a sign: `+Inf ^ 2` would read as +(Inf ^ 2).
  void VisitTight(const Expr& expr) {
    const auto* number = std::get_if<NumberLiteral>(&expr.node);
    if (number != nullptr && std::isinf(number->value) && number->value > 0) {
      out_ += "Inf";
    } else {
      Visit(expr);
    }
  }

  /// Matchers are printed in order of their text, the one that `metric` stands for not at all.
  void PrintSelector(const VectorSelector& selector) {
    const bool plain = IsPlainMetricName(selector.metric);
    if (plain) out_ += selector.metric;
    const auto print = [&](const std::vector<Matcher>& all) {
      std::vector<std::string> matchers;
      for (const Matcher& matcher : all) {
        const bool is_metric = matcher.name() == kMetricName && matcher.op() == Matcher::Op::kEqual;
        if (is_metric && plain && matcher.value() == selector.metric) continue;
        matchers.push_back(PrintMatcher(matcher));
      }
      std::sort(matchers.begin(), matchers.end());
      return fmt::format("{}", fmt::join(matchers, ","));
    };
    std::vector<std::string> parts;
    for (const std::vector<Matcher>& matchers : selector.alternatives) parts.push_back(print(matchers));
    if (parts.empty()) parts.push_back(print(selector.matchers));
    const std::string inner = fmt::format("{}", fmt::join(parts, " or "));
    if (!inner.empty() || !plain) out_ += fmt::format("{{{}}}", inner);
  }

  static std::string PrintMatcher(const Matcher& matcher) {
    static constexpr std::string_view kOperators[] = {"=", "!=", "=~", "!~"};
    return LabelText(matcher.name()) + std::string(kOperators[static_cast<int>(matcher.op())]) + Quote(matcher.value());
  }

  static std::string LabelText(const std::string& label) { return IsPlainLabelName(label) ? label : Quote(label); }

  void PrintLabels(const std::vector<std::string>& labels) {
    out_ += '(';
    for (size_t i = 0; i < labels.size(); ++i) out_ += (i > 0 ? ", " : "") + LabelText(labels[i]);
    out_ += ')';
  }

  void PrintMatching(const VectorMatching& matching) {
    using Cardinality = VectorMatching::Cardinality;
    const bool left = matching.cardinality == Cardinality::kManyToOne;
    const bool right = matching.cardinality == Cardinality::kOneToMany;
    if (matching.on || !matching.labels.empty() || left || right) {
      out_ += matching.on ? " on " : " ignoring ";
      PrintLabels(matching.labels);
    }
    if (left || right) {
      out_ += left ? " group_left " : " group_right ";
      if (matching.include_all) {
        out_ += "(*)";
      } else {
        PrintLabels(matching.include);
      }
      if (!matching.prefix.empty()) out_ += " prefix " + Quote(matching.prefix);
    }
    PrintFill(matching);
  }

  void PrintFill(const VectorMatching& matching) {
    const auto& left = matching.fill_left;
    const auto& right = matching.fill_right;
    if (left.has_value() && right.has_value() && PrintNumber(*left) == PrintNumber(*right)) {
      out_ += fmt::format(" fill ({})", PrintNumber(*left));
      return;
    }
    if (left.has_value()) out_ += fmt::format(" fill_left ({})", PrintNumber(*left));
    if (right.has_value()) out_ += fmt::format(" fill_right ({})", PrintNumber(*right));
  }

  void PrintTime(const TimeModifier& time) {
    switch (time.at) {
      case TimeModifier::At::kNone:
        break;
      case TimeModifier::At::kTime:
        out_ += " @ " + PrintSeconds(time.at_ms);
        break;
      case TimeModifier::At::kStart:
        out_ += " @ start()";
        break;
      case TimeModifier::At::kEnd:
        out_ += " @ end()";
        break;
    }
    if (time.offset != nullptr) {
      out_ += " offset ";
      PrintExpr(*time.offset);
    } else if (time.offset_ms.value_or(0) != 0) {
      out_ += " offset " + PrintDurationMs(*time.offset_ms);
    }
  }

  /// Three decimals, by integers: a double does not hold every millisecond.
  static std::string PrintSeconds(int64_t ms) {
    constexpr uint64_t kMsPerSecond = 1000;
    const auto magnitude = ms < 0 ? 0 - static_cast<uint64_t>(ms) : static_cast<uint64_t>(ms);
    return fmt::format("{}{}.{:03}", ms < 0 ? "-" : "", magnitude / kMsPerSecond, magnitude % kMsPerSecond);
  }

  void PrintDuration(const DurationExprPtr& expr, int64_t ms) {
    if (expr != nullptr) {
      PrintExpr(*expr);
    } else {
      out_ += PrintDurationMs(ms);
    }
  }

  void PrintExpr(const DurationExpr& expr) {
    using Op = DurationExpr::Op;
    switch (expr.op) {
      case Op::kLiteral:
        PrintLiteral(expr);
        return;
      case Op::kStep:
        out_ += "step()";
        return;
      case Op::kRange:
        out_ += "range()";
        return;
      case Op::kNegate:
        out_ += '-';
        PrintExpr(*expr.right);
        return;
      case Op::kParen:
        out_ += '(';
        PrintExpr(*expr.right);
        out_ += ')';
        return;
      case Op::kMin:
        PrintExtreme("min", expr);
        return;
      case Op::kMax:
        PrintExtreme("max", expr);
        return;
      case Op::kAdd:
        PrintInfix(expr, " + ");
        return;
      case Op::kSub:
        PrintInfix(expr, " - ");
        return;
      case Op::kMul:
        PrintInfix(expr, " * ");
        return;
      case Op::kDiv:
        PrintInfix(expr, " / ");
        return;
      case Op::kMod:
        PrintInfix(expr, " % ");
        return;
      case Op::kPow:
        PrintInfix(expr, " ^ ");
        return;
    }
  }

  void PrintLiteral(const DurationExpr& literal) {
    out_ += literal.duration ? PrintDurationMs(std::llround(literal.seconds * 1000)) : PrintNumber(literal.seconds);
  }

  void PrintExtreme(std::string_view name, const DurationExpr& expr) {
    out_ += fmt::format("{}(", name);
    PrintInfix(expr, ", ");
    out_ += ')';
  }

  void PrintInfix(const DurationExpr& expr, std::string_view sign) {
    PrintExpr(*expr.left);
    out_ += sign;
    PrintExpr(*expr.right);
  }

  std::string out_;
};

}  // namespace

std::string Print(const Expr& expr) {
  Printer printer;
  printer.Visit(expr);
  return printer.Take();
}

}  // namespace auspex::query
