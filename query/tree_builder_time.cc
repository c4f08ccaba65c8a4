// The part of the tree builder that deals with time: ranges, subqueries, offsets, `@` and durations.

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "auspex/query/parser.h"
#include "children.h"
#include "duration_expr.h"
#include "literal.h"
#include "parse_error.h"
#include "tree_builder.h"

namespace auspex::query {
namespace {

constexpr int kMaxDurationNesting = 100;

}  // namespace

std::optional<double> TreeBuilder::SignedNumber(Token token) {
  const bool negative = token.starts_with('-');
  if (negative || token.starts_with('+')) token.remove_prefix(SkipBlanks(token, 1));
  double value = 0;
  if (const auto number = ParseNumber(token); number.has_value()) {
    value = *number;
  } else if (const auto ms = ParseDurationMs(token); ms.ok()) {
    value = static_cast<double>(*ms) / 1000;
  } else if (token.size() == 3 && (token[0] == 'i' || token[0] == 'I')) {
    value = std::numeric_limits<double>::infinity();
  } else if (token.size() == 3 && (token[0] == 'n' || token[0] == 'N')) {
    value = std::numeric_limits<double>::quiet_NaN();
  } else {
    return std::nullopt;
  }
  return negative ? -value : value;
}

// Ranges and subqueries.

bool TreeBuilder::OpenRange(Token bracket) {
  bracket_begin_ = Begin(bracket);
  return true;
}

bool TreeBuilder::CloseMatrix(Token bracket) {
  auto* selector = std::get_if<VectorSelector>(&top().expr->node);
  if (selector == nullptr) return Fail(bracket_begin_, "ranges only allowed for vector selectors");
  if (selector->time.offset_ms.has_value()) return Fail(bracket_begin_, "no offset modifiers allowed before range");
  if (selector->time.at != TimeModifier::At::kNone) return Fail(bracket_begin_, "no @ modifiers allowed before range");
  MatrixSelector matrix;
  if (!TakeDuration(true, matrix.range_ms, matrix.range)) return false;
  matrix.vector = std::move(*selector);
  top().expr->node = std::move(matrix);
  top().expr->span.end = static_cast<uint32_t>(End(bracket));
  return true;
}

bool TreeBuilder::SubqueryRange(Token) {
  subquery_ = Subquery();
  return TakeDuration(true, subquery_.range_ms, subquery_.range);
}

bool TreeBuilder::AlignedSubqueryRange(Token colons) {
  if (!SubqueryRange(colons)) return false;
  subquery_.aligned = true;
  return true;
}

bool TreeBuilder::SubqueryStep(Token) { return TakeDuration(true, subquery_.step_ms, subquery_.step); }

bool TreeBuilder::CloseSubquery(Token bracket) {
  Built inner = std::move(top());
  frame().operands.pop_back();
  const size_t begin = inner.expr->span.begin;
  subquery_.expr = std::move(inner.expr);
  return Push(std::move(subquery_), begin, End(bracket), inner.depth + 1);
}

// Offsets and `@`.

namespace {

/// The time modifiers of the selectors in an expression: of a subquery its own, which moves all that it evaluates.
void TimesOf(Expr& expr, std::vector<TimeModifier*>& times) {
  if (auto* selector = std::get_if<VectorSelector>(&expr.node)) times.push_back(&selector->time);
  if (auto* matrix = std::get_if<MatrixSelector>(&expr.node)) times.push_back(&matrix->vector.time);
  if (auto* subquery = std::get_if<Subquery>(&expr.node)) {
    times.push_back(&subquery->time);
    return;
  }
  ForEachChild(expr, [&](Expr& child) { TimesOf(child, times); });
}

bool IsSelector(const Expr& expr) {
  return std::holds_alternative<VectorSelector>(expr.node) || std::holds_alternative<MatrixSelector>(expr.node) ||
         std::holds_alternative<Subquery>(expr.node);
}

DurationExprPtr LiteralMs(int64_t ms) {
  DurationExpr literal;
  literal.seconds = static_cast<double>(ms) / 1000;
  literal.duration = true;
  return std::make_shared<const DurationExpr>(std::move(literal));
}

void AddOffset(TimeModifier& time, int64_t ms, const DurationExprPtr& expr) {
  if (time.offset != nullptr || expr != nullptr) {
    if (!time.offset_ms.has_value()) {
      time.offset = expr;
    } else {
      DurationExpr sum;
      sum.op = DurationExpr::Op::kAdd;
      sum.left = time.offset != nullptr ? time.offset : LiteralMs(*time.offset_ms);
      sum.right = expr != nullptr ? expr : LiteralMs(ms);
      DurationExpr paren;
      paren.op = DurationExpr::Op::kParen;
      paren.right = std::make_shared<const DurationExpr>(std::move(sum));
      time.offset = std::make_shared<const DurationExpr>(std::move(paren));
    }
  }
  time.offset_ms = time.offset_ms.value_or(0) + ms;
}

}  // namespace

// Of a selector or subquery, and beyond PromQL of any expression: all that it reads is moved.
bool TreeBuilder::TimesOfTop(std::string_view modifier, std::vector<TimeModifier*>& times) {
  TimesOf(*top().expr, times);
  if (!times.empty()) return true;
  return Fail(top().expr->span.begin,
              fmt::format("{} modifier must be preceded by an instant vector selector or range vector selector or a subquery",
                          modifier));
}

bool TreeBuilder::BeginOffset(Token) {
  std::vector<TimeModifier*> times;
  if (!TimesOfTop("offset", times)) return false;
  if (IsSelector(*top().expr) && times[0]->offset_ms.has_value()) {
    return Fail(top().expr->span.begin, "offset may not be set multiple times");
  }
  return true;
}

bool TreeBuilder::EndOffset(Token) {
  std::vector<TimeModifier*> times;
  int64_t ms = 0;
  DurationExprPtr expr;
  if (!TimesOfTop("offset", times) || !TakeDuration(false, ms, expr)) return false;
  for (TimeModifier* time : times) {
    // A time that is fixed within the expression stays.
    if (IsSelector(*top().expr) || time->at == TimeModifier::At::kNone) AddOffset(*time, ms, expr);
  }
  top().expr->span.end = static_cast<uint32_t>(last_end_);
  return true;
}

bool TreeBuilder::SetAt(TimeModifier::At at, int64_t at_ms) {
  std::vector<TimeModifier*> times;
  if (!TimesOfTop("@", times)) return false;
  if (IsSelector(*top().expr) && times[0]->at != TimeModifier::At::kNone) {
    return Fail(top().expr->span.begin, "@ <timestamp> may not be set multiple times");
  }
  for (TimeModifier* time : times) {
    if (time->at != TimeModifier::At::kNone) continue;
    time->at = at;
    time->at_ms = at_ms;
  }
  return true;
}

bool TreeBuilder::AtTime(Token number) {
  std::vector<TimeModifier*> times;
  if (!TimesOfTop("@", times)) return false;
  const auto seconds = SignedNumber(number);
  if (!seconds.has_value()) return Fail(Begin(number), fmt::format("bad number or duration syntax: {}", Quote(number)));
  const double ms = std::round(*seconds * 1000);
  if (!(std::abs(ms) < 0x1p63)) {
    return Fail(top().expr->span.begin, fmt::format("timestamp out of bounds for @ modifier: {:f}", *seconds));
  }
  if (!SetAt(TimeModifier::At::kTime, static_cast<int64_t>(ms))) return false;
  top().expr->span.end = static_cast<uint32_t>(End(number));
  return true;
}

bool TreeBuilder::AtStart(Token) { return SetAt(TimeModifier::At::kStart, 0); }
bool TreeBuilder::AtEnd(Token) { return SetAt(TimeModifier::At::kEnd, 0); }

bool TreeBuilder::EndAt(Token paren) {
  top().expr->span.end = static_cast<uint32_t>(End(paren));
  return true;
}

bool TreeBuilder::Extend(RangeExtension extension, Token word) {
  Expr& expr = *top().expr;
  VectorSelector* selector = std::get_if<VectorSelector>(&expr.node);
  if (auto* matrix = std::get_if<MatrixSelector>(&expr.node)) selector = &matrix->vector;
  if (std::holds_alternative<Subquery>(expr.node)) {
    return Fail(expr.span.begin, fmt::format("{} modifier is not supported for subqueries", word));
  }
  if (selector == nullptr) return Fail(expr.span.begin, fmt::format("{} modifier not implemented", word));
  if (selector->extension != RangeExtension::kNone && selector->extension != extension) {
    return Fail(expr.span.begin, "anchored and smoothed modifiers cannot be used together");
  }
  selector->extension = extension;
  expr.span.end = static_cast<uint32_t>(End(word));
  return true;
}

bool TreeBuilder::Anchored(Token word) { return Extend(RangeExtension::kAnchored, word); }
bool TreeBuilder::Smoothed(Token word) { return Extend(RangeExtension::kSmoothed, word); }

// Durations.

bool TreeBuilder::PushDuration(DurationExpr expr, uint32_t depth, size_t begin) {
  if (depth > kMaxDurationNesting) return Fail(begin, fmt::format("duration is more than {} levels deep", kMaxDurationNesting));
  durations_.push_back({std::make_shared<const DurationExpr>(std::move(expr)), depth, begin});
  return true;
}

bool TreeBuilder::DurationLiteral(Token token) {
  DurationExpr literal;
  if (const auto number = ParseNumber(token); number.has_value()) {
    literal.seconds = *number;
  } else {
    if (token.ends_with('i')) return DurationSteps(token);
    const auto ms = ParseDurationMs(token);
    if (!ms.ok()) return Fail(Begin(token), ms.status().message());
    literal.seconds = static_cast<double>(*ms) / 1000;
    literal.duration = true;
  }
  last_end_ = End(token);
  return PushDuration(std::move(literal), 1, Begin(token));
}

// `5i`: so many of the query's steps. Beyond PromQL.
bool TreeBuilder::DurationSteps(Token token) {
  const auto count = ParseNumber(token.substr(0, token.size() - 1));
  if (!count.has_value()) return Fail(Begin(token), fmt::format("not a valid duration string: {}", Quote(token)));
  DurationExpr literal;
  literal.seconds = *count;
  const size_t begin = Begin(token);
  if (!PushDuration(std::move(literal), 1, begin) || !DurationStep(token)) return false;
  return CombineDurations(DurationExpr::Op::kMul);
}

bool TreeBuilder::DurationStep(Token token) {
  last_end_ = End(token);
  DurationExpr step;
  step.op = DurationExpr::Op::kStep;
  return PushDuration(std::move(step), 1, Begin(token));
}

bool TreeBuilder::DurationRange(Token token) {
  last_end_ = End(token);
  DurationExpr range;
  range.op = DurationExpr::Op::kRange;
  return PushDuration(std::move(range), 1, Begin(token));
}

bool TreeBuilder::DurationNegate(Token) {
  BuiltDuration operand = std::move(durations_.back());
  durations_.pop_back();
  DurationExpr negated;
  if (operand.expr->op == DurationExpr::Op::kLiteral) {
    negated = *operand.expr;
    negated.seconds = -negated.seconds;
    return PushDuration(std::move(negated), 1, operand.begin);
  }
  negated.op = DurationExpr::Op::kNegate;
  negated.right = std::move(operand.expr);
  return PushDuration(std::move(negated), operand.depth + 1, operand.begin);
}

bool TreeBuilder::DurationOpenParen(Token paren) {
  if (++duration_nesting_ > kMaxDurationNesting) {
    return Fail(Begin(paren), fmt::format("duration is more than {} levels deep", kMaxDurationNesting));
  }
  return true;
}

bool TreeBuilder::DurationOpenPower(Token sign) { return DurationOpenParen(sign); }

bool TreeBuilder::DurationParen(Token paren) {
  --duration_nesting_;
  last_end_ = End(paren);
  BuiltDuration inner = std::move(durations_.back());
  durations_.pop_back();
  DurationExpr wrapped;
  wrapped.op = DurationExpr::Op::kParen;
  wrapped.right = std::move(inner.expr);
  return PushDuration(std::move(wrapped), inner.depth + 1, inner.begin);
}

bool TreeBuilder::CombineDurations(DurationExpr::Op op) {
  BuiltDuration right = std::move(durations_.back());
  durations_.pop_back();
  BuiltDuration left = std::move(durations_.back());
  durations_.pop_back();
  DurationExpr combined;
  combined.op = op;
  combined.left = std::move(left.expr);
  combined.right = std::move(right.expr);
  return PushDuration(std::move(combined), std::max(left.depth, right.depth) + 1, left.begin);
}

bool TreeBuilder::DurationAdd(Token) { return CombineDurations(DurationExpr::Op::kAdd); }
bool TreeBuilder::DurationSub(Token) { return CombineDurations(DurationExpr::Op::kSub); }
bool TreeBuilder::DurationMul(Token) { return CombineDurations(DurationExpr::Op::kMul); }
bool TreeBuilder::DurationDiv(Token) { return CombineDurations(DurationExpr::Op::kDiv); }
bool TreeBuilder::DurationMod(Token) { return CombineDurations(DurationExpr::Op::kMod); }

bool TreeBuilder::DurationPow(Token) {
  --duration_nesting_;
  return CombineDurations(DurationExpr::Op::kPow);
}

bool TreeBuilder::DurationMin(Token paren) {
  --duration_nesting_;
  last_end_ = End(paren);
  return CombineDurations(DurationExpr::Op::kMin);
}

bool TreeBuilder::DurationMax(Token paren) {
  --duration_nesting_;
  last_end_ = End(paren);
  return CombineDurations(DurationExpr::Op::kMax);
}

bool TreeBuilder::TakeDuration(bool positive, int64_t& ms, DurationExprPtr& expr) {
  const BuiltDuration built = std::move(durations_.back());
  durations_.pop_back();
  if (built.expr->op != DurationExpr::Op::kLiteral) expr = built.expr;
  if (!IsConstant(*built.expr)) return true;
  const auto seconds = EvaluateDuration(*built.expr, 0, 0);
  if (!seconds.ok()) return Fail(built.begin, seconds.status().message());
  if (positive && !(*seconds > 0)) return Fail(built.begin, "duration must be greater than 0");
  const auto rounded = DurationMs(*seconds);
  if (!rounded.ok()) return Fail(built.begin, rounded.status().message());
  ms = positive ? std::max<int64_t>(*rounded, 1) : *rounded;
  return true;
}

}  // namespace auspex::query
