#include "duration_expr.h"

#include <algorithm>
#include <cmath>

namespace auspex::query {
namespace {

struct QueryTimes {
  double step_seconds;
  double range_seconds;
};

/// Walks an expression and sets what was computed from step() or range().
class DurationResolver {
 public:
  explicit DurationResolver(const QueryTimes& times) : times_(times) {}

  Status Visit(Expr& expr) {
    return std::visit([this](auto& node) { return VisitNode(node); }, expr.node);
  }

 private:
  Status VisitNode(NumberLiteral&) { return OkStatus(); }
  Status VisitNode(StringLiteral&) { return OkStatus(); }
  Status VisitNode(VectorSelector& selector) { return SetOffset(selector.time); }
  Status VisitNode(MatrixSelector& selector) {
    AUSPEX_RETURN_IF_ERROR(SetOffset(selector.vector.time));
    return SetPositive(selector.range, selector.range_ms);
  }
  Status VisitNode(Subquery& subquery) {
    AUSPEX_RETURN_IF_ERROR(SetOffset(subquery.time));
    AUSPEX_RETURN_IF_ERROR(SetPositive(subquery.range, subquery.range_ms));
    AUSPEX_RETURN_IF_ERROR(SetPositive(subquery.step, subquery.step_ms));
    return Visit(*subquery.expr);
  }
  Status VisitNode(Unary& unary) { return Visit(*unary.expr); }
  Status VisitNode(Paren& paren) { return Visit(*paren.expr); }
  Status VisitNode(Binary& binary) {
    AUSPEX_RETURN_IF_ERROR(Visit(*binary.left));
    return Visit(*binary.right);
  }
  Status VisitNode(Aggregate& aggregate) {
    if (aggregate.parameter != nullptr) AUSPEX_RETURN_IF_ERROR(Visit(*aggregate.parameter));
    return Visit(*aggregate.expr);
  }
  Status VisitNode(Call& call) {
    for (const ExprPtr& argument : call.arguments) AUSPEX_RETURN_IF_ERROR(Visit(*argument));
    return OkStatus();
  }

  Status SetOffset(TimeModifier& time) {
    if (time.offset == nullptr || IsConstant(*time.offset)) return OkStatus();
    AUSPEX_ASSIGN_OR_RETURN(const double seconds, EvaluateDuration(*time.offset, times_.step_seconds, times_.range_seconds));
    AUSPEX_ASSIGN_OR_RETURN(time.offset_ms, DurationMs(seconds));
    return OkStatus();
  }

  Status SetPositive(const DurationExprPtr& expr, int64_t& ms) {
    if (expr == nullptr || IsConstant(*expr)) return OkStatus();
    AUSPEX_ASSIGN_OR_RETURN(const double seconds, EvaluateDuration(*expr, times_.step_seconds, times_.range_seconds));
    if (!(seconds > 0)) return InvalidArgument("duration must be greater than 0");
    AUSPEX_ASSIGN_OR_RETURN(ms, DurationMs(seconds));
    ms = std::max<int64_t>(ms, 1);
    return OkStatus();
  }

  QueryTimes times_;
};

Result<double> Combine(DurationExpr::Op op, double left, double right) {
  using Op = DurationExpr::Op;
  switch (op) {
    case Op::kAdd:
      return left + right;
    case Op::kSub:
      return left - right;
    case Op::kMul:
      return left * right;
    case Op::kPow:
      return std::pow(left, right);
    case Op::kMin:
      return std::min(left, right);
    case Op::kMax:
      return std::max(left, right);
    case Op::kDiv:
      if (right == 0) return InvalidArgument("division by zero");
      return left / right;
    case Op::kMod:
      if (right == 0) return InvalidArgument("modulo by zero");
      return std::fmod(left, right);
    default:
      return Internal("duration operator {}", static_cast<int>(op));
  }
}

}  // namespace

bool IsConstant(const DurationExpr& expr) {
  if (expr.op == DurationExpr::Op::kStep || expr.op == DurationExpr::Op::kRange) return false;
  return (expr.left == nullptr || IsConstant(*expr.left)) && (expr.right == nullptr || IsConstant(*expr.right));
}

Result<double> EvaluateDuration(const DurationExpr& expr, double step_seconds, double range_seconds) {
  using Op = DurationExpr::Op;
  if (expr.op == Op::kLiteral) return expr.seconds;
  if (expr.op == Op::kStep) return step_seconds;
  if (expr.op == Op::kRange) return range_seconds;
  AUSPEX_ASSIGN_OR_RETURN(const double right, EvaluateDuration(*expr.right, step_seconds, range_seconds));
  if (expr.op == Op::kNegate) return -right;
  if (expr.op == Op::kParen) return right;
  AUSPEX_ASSIGN_OR_RETURN(const double left, EvaluateDuration(*expr.left, step_seconds, range_seconds));
  return Combine(expr.op, left, right);
}

Result<int64_t> DurationMs(double seconds) {
  const double nanoseconds = std::round(seconds * 1e9);
  if (!(std::abs(nanoseconds) < 0x1p63)) return InvalidArgument("duration out of range");
  return static_cast<int64_t>(nanoseconds) / 1'000'000;
}

Status ResolveDurations(Expr& expr, int64_t step_ms, int64_t range_ms) {
  constexpr double kMsPerSecond = 1000;
  return DurationResolver({static_cast<double>(step_ms) / kMsPerSecond, static_cast<double>(range_ms) / kMsPerSecond})
      .Visit(expr);
}

}  // namespace auspex::query
