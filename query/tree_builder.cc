#include "tree_builder.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "auspex/query/parser.h"
#include "keyword.h"
#include "literal.h"
#include "parse_error.h"

namespace auspex::query {
namespace {

// How deep parentheses may stand in each other: the grammar recurses once per level.
constexpr size_t kMaxNesting = 200;
// How deep the tree may be: whoever walks it recurses. A chain `a or b or c ...` is as deep as it is long.
constexpr uint32_t kMaxDepth = 1000;

constexpr int kUnaryPrecedence = 5;  // as `*`: -a * b is (-a) * b, -a ^ b is -(a ^ b)

int Precedence(BinaryOp op) {
  switch (op) {
    case BinaryOp::kDefault:
      return -1;
    case BinaryOp::kIf:
    case BinaryOp::kIfnot:
      return 0;
    case BinaryOp::kOr:
      return 1;
    case BinaryOp::kAnd:
    case BinaryOp::kUnless:
      return 2;
    case BinaryOp::kEqual:
    case BinaryOp::kNotEqual:
    case BinaryOp::kTrimUpper:
    case BinaryOp::kTrimLower:
    case BinaryOp::kGreater:
    case BinaryOp::kLess:
    case BinaryOp::kGreaterEqual:
    case BinaryOp::kLessEqual:
      return 3;
    case BinaryOp::kAdd:
    case BinaryOp::kSub:
      return 4;
    case BinaryOp::kMul:
    case BinaryOp::kDiv:
    case BinaryOp::kMod:
    case BinaryOp::kAtan2:
      return 5;
    case BinaryOp::kPow:
      return 6;
  }
  return 0;
}

std::string Lower(std::string_view word) {
  std::string lower(word);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

BinaryOp OperatorOf(std::string_view token) {
  const std::string lower = Lower(token);
  for (auto op = BinaryOp::kAdd; op != BinaryOp::kIfnot; op = static_cast<BinaryOp>(static_cast<int>(op) + 1)) {
    if (BinaryOpSymbol(op) == lower) return op;
  }
  return BinaryOp::kIfnot;
}

AggregateOp AggregateOf(std::string_view word) {
  const std::string lower = Lower(word);
  for (auto op = AggregateOp::kSum; op != AggregateOp::kLimitRatio; op = static_cast<AggregateOp>(static_cast<int>(op) + 1)) {
    if (AggregateOpName(op) == lower) return op;
  }
  return AggregateOp::kLimitRatio;
}

bool TakesParameter(AggregateOp op) { return op >= AggregateOp::kTopk; }

}  // namespace

bool TreeBuilder::Fail(size_t at, std::string_view message) {
  if (status_.ok()) status_ = ParseError(text_, at, message);
  return false;
}

void TreeBuilder::Unexpected(size_t at, std::string_view wanted) {
  if (failed()) return;
  at = SkipBlanks(text_, at);
  const bool in_aggregate =
      std::any_of(frames_.begin(), frames_.end(), [](const Frame& f) { return f.kind == FrameKind::kAggregate; });
  Fail(SkipBlanks(text_, 0) >= text_.size() ? 0 : at,
       DescribeUnexpected(text_, at, wanted == "|" && in_aggregate ? "aggregation|" : wanted));
}

Result<ExprPtr> TreeBuilder::Finish() {
  if (!failed()) ReduceAll();
  if (failed()) return status_;
  AUSPEX_CHECK(frames_.size() == 1);
  AUSPEX_CHECK(frame().operands.size() == 1);
  return std::move(top().expr);
}

bool TreeBuilder::Push(Expr::Node node, size_t begin, size_t end, uint32_t depth) {
  if (depth > kMaxDepth) return Fail(begin, fmt::format("expression is more than {} levels deep", kMaxDepth));
  auto expr = std::make_unique<Expr>();
  expr->node = std::move(node);
  expr->span = {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
  last_end_ = end;
  frame().operands.push_back({std::move(expr), depth});
  return true;
}

bool TreeBuilder::PushFrame(Frame opened) {
  if (frames_.size() > kMaxNesting) {
    return Fail(opened.begin, fmt::format("parentheses are more than {} levels deep", kMaxNesting));
  }
  frames_.push_back(std::move(opened));
  return true;
}

TreeBuilder::Frame TreeBuilder::PopFrame() {
  Frame popped = std::move(frames_.back());
  frames_.pop_back();
  return popped;
}

// Literals and selectors.

bool TreeBuilder::Number(Token token) {
  if (const auto value = ParseNumber(token); value.has_value()) {
    return Push(NumberLiteral{*value, std::string(token), false}, Begin(token), End(token), 1);
  }
  if (const auto value = ParseScaledNumber(token); value.has_value()) {
    return Push(NumberLiteral{*value, std::string(token), false}, Begin(token), End(token), 1);
  }
  const auto ms = ParseDurationMs(token);
  if (!ms.ok()) return Fail(Begin(token), fmt::format("bad number or duration syntax: {}", Quote(token)));
  return Push(NumberLiteral{static_cast<double>(*ms) / 1000, std::string(token), true}, Begin(token), End(token), 1);
}

bool TreeBuilder::SpecialNumber(Token word) {
  const bool nan = Lower(word) == "nan";
  const double value = nan ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  return Push(NumberLiteral{value, std::string(word), false}, Begin(word), End(word), 1);
}

bool TreeBuilder::String(Token token) {
  auto value = Unquote(token);
  if (!value.ok()) return Fail(Begin(token), value.status().message());
  return Push(StringLiteral{std::move(*value)}, Begin(token), End(token), 1);
}

bool TreeBuilder::MetricName(Token word) {
  if (!CanNameMetric(word)) return false;
  selector_ = VectorSelector();
  selector_.metric = std::string(word);
  selector_begin_ = Begin(word);
  selector_end_ = End(word);
  in_selector_ = true;
  return true;
}

bool TreeBuilder::OpenBraces(Token brace) {
  if (!in_selector_) {
    selector_ = VectorSelector();
    selector_begin_ = Begin(brace);
    in_selector_ = true;
  }
  return true;
}

bool TreeBuilder::MatcherName(Token word) {
  matcher_name_ = std::string(word);
  matcher_begin_ = Begin(word);
  return true;
}

bool TreeBuilder::MatcherQuotedName(Token token) {
  auto unquoted = Unquote(token);
  if (!unquoted.ok()) return Fail(Begin(token), unquoted.status().message());
  if (unquoted->empty() || !IsUtf8(*unquoted)) return Fail(Begin(token), fmt::format("invalid label or metric name {}", token));
  matcher_name_ = std::move(*unquoted);
  matcher_begin_ = Begin(token);
  last_end_ = End(token);
  return true;
}

bool TreeBuilder::MatcherOperator(Token token) {
  matcher_op_ = token == "="    ? Matcher::Op::kEqual
                : token == "!=" ? Matcher::Op::kNotEqual
                : token == "=~" ? Matcher::Op::kRegex
                                : Matcher::Op::kNotRegex;
  return true;
}

bool TreeBuilder::MatcherValue(Token token) {
  auto value = Unquote(token);
  if (!value.ok()) return Fail(Begin(token), value.status().message());
  return AddMatcher(matcher_op_, matcher_name_, std::move(*value), matcher_begin_);
}

bool TreeBuilder::MatcherIsMetricName(Token) {
  return AddMatcher(Matcher::Op::kEqual, std::string(kMetricName), matcher_name_, matcher_begin_);
}

bool TreeBuilder::AddMatcher(Matcher::Op op, std::string name, std::string value, size_t at) {
  auto matcher = Matcher::Make(op, std::move(name), std::move(value));
  if (!matcher.ok()) return Fail(at, matcher.status().message());
  selector_.matchers.push_back(std::move(*matcher));
  return true;
}

bool TreeBuilder::OrMatchers(Token) {
  selector_.alternatives.push_back(std::exchange(selector_.matchers, {}));
  return true;
}

bool TreeBuilder::CloseBraces(Token brace) {
  selector_end_ = End(brace);
  return true;
}

namespace {

// The matchers that all alternatives have.
std::vector<Matcher> SharedBy(const std::vector<std::vector<Matcher>>& alternatives) {
  std::vector<Matcher> shared;
  for (const Matcher& matcher : alternatives.front()) {
    const auto has_it = [&](const std::vector<Matcher>& one) {
      return std::find(one.begin(), one.end(), matcher) != one.end();
    };
    if (std::all_of(alternatives.begin(), alternatives.end(), has_it)) shared.push_back(matcher);
  }
  return shared;
}

}  // namespace

bool TreeBuilder::EndSelector(Token) {
  in_selector_ = false;
  const bool several = !selector_.alternatives.empty();
  if (several) selector_.alternatives.push_back(std::move(selector_.matchers));
  if (!selector_.metric.empty()) {
    if (!several && !AddMetricName(selector_.matchers)) return false;
    for (std::vector<Matcher>& matchers : selector_.alternatives) {
      if (!AddMetricName(matchers)) return false;
    }
  }
  if (several) selector_.matchers = SharedBy(selector_.alternatives);
  return Push(std::move(selector_), selector_begin_, selector_end_, 1);
}

bool TreeBuilder::AddMetricName(std::vector<Matcher>& matchers) {
  const auto names_metric = [](const Matcher& m) { return m.name() == kMetricName; };
  const auto named = std::find_if(matchers.begin(), matchers.end(), names_metric);
  if (named != matchers.end()) {
    return Fail(selector_begin_,
                fmt::format("metric name must not be set twice: {} or {}", Quote(selector_.metric), Quote(named->value())));
  }
  matchers.push_back(Matcher::Of(Matcher::Op::kEqual, std::string(kMetricName), selector_.metric));
  return true;
}

// Operators.

bool TreeBuilder::PrefixOperator(Token sign) {
  PendingOperator pending;
  pending.prefix = true;
  pending.negative = sign == "-";
  pending.begin = Begin(sign);
  frame().operators.push_back(std::move(pending));
  return true;
}

bool TreeBuilder::InfixOperator(Token token) {
  PendingOperator next;
  next.begin = Begin(token);
  next.op = OperatorOf(token);
  const int precedence = Precedence(next.op);
  const bool right_associative = next.op == BinaryOp::kPow;
  while (!frame().operators.empty()) {
    const int waiting = pending().prefix ? kUnaryPrecedence : Precedence(pending().op);
    if (waiting < precedence || (waiting == precedence && right_associative)) break;
    if (!ReduceTop()) return false;
  }
  frame().operators.push_back(std::move(next));
  return true;
}

bool TreeBuilder::ReduceTop() {
  PendingOperator op = std::move(pending());
  frame().operators.pop_back();
  Built right = std::move(top());
  frame().operands.pop_back();
  if (op.prefix) return ReducePrefix(op, std::move(right));
  Built left = std::move(top());
  frame().operands.pop_back();
  if (IsSetOp(op.op) && op.matching.cardinality == VectorMatching::Cardinality::kOneToOne) {
    op.matching.cardinality = VectorMatching::Cardinality::kManyToMany;
  }
  const SourceSpan span{left.expr->span.begin, right.expr->span.end};
  const uint32_t depth = std::max(left.depth, right.depth) + 1;
  return Push(Binary{op.op, std::move(left.expr), std::move(right.expr), op.return_bool, std::move(op.matching)}, span.begin,
              span.end, depth);
}

bool TreeBuilder::ReducePrefix(const PendingOperator& sign, Built operand) {
  const size_t end = operand.expr->span.end;
  if (auto* number = std::get_if<NumberLiteral>(&operand.expr->node); number != nullptr) {
    // A signed number is a number: `-1` has no operator to evaluate.
    if (sign.negative) number->value = -number->value;
    number->text = std::string(text_.substr(sign.begin, end - sign.begin));
    operand.expr->span.begin = static_cast<uint32_t>(sign.begin);
    frame().operands.push_back(std::move(operand));
    return true;
  }
  return Push(Unary{sign.negative, std::move(operand.expr)}, sign.begin, end, operand.depth + 1);
}

bool TreeBuilder::ReduceAll() {
  while (!frame().operators.empty()) {
    if (!ReduceTop()) return false;
  }
  return true;
}

bool TreeBuilder::ReturnBool(Token) {
  pending().return_bool = true;
  return true;
}

bool TreeBuilder::On(Token) {
  pending().matching.given = true;
  pending().matching.on = true;
  return true;
}

bool TreeBuilder::Ignoring(Token) {
  pending().matching.given = true;
  return true;
}

bool TreeBuilder::EndMatchingLabels(Token) {
  pending().matching.labels = std::exchange(labels_, {});
  return true;
}

bool TreeBuilder::GroupLeft(Token) {
  pending().matching.cardinality = VectorMatching::Cardinality::kManyToOne;
  return true;
}

bool TreeBuilder::GroupRight(Token) {
  pending().matching.cardinality = VectorMatching::Cardinality::kOneToMany;
  return true;
}

bool TreeBuilder::EndIncludedLabels(Token) {
  pending().matching.include = std::exchange(labels_, {});
  return true;
}

bool TreeBuilder::IncludeAll(Token) {
  pending().matching.include_all = true;
  return true;
}

bool TreeBuilder::Prefix(Token token) {
  auto prefix = Unquote(token);
  if (!prefix.ok()) return Fail(Begin(token), prefix.status().message());
  if (!IsUtf8(*prefix)) return Fail(Begin(token), "prefix: not UTF-8");
  pending().matching.prefix = std::move(*prefix);
  return true;
}

bool TreeBuilder::Fill(Token number) { return FillLeft(number) && FillRight(number); }

bool TreeBuilder::FillLeft(Token number) {
  const auto value = SignedNumber(number);
  if (!value.has_value()) return Fail(Begin(number), fmt::format("bad number syntax: {}", Quote(number)));
  pending().matching.fill_left = value;
  return true;
}

bool TreeBuilder::FillRight(Token number) {
  const auto value = SignedNumber(number);
  if (!value.has_value()) return Fail(Begin(number), fmt::format("bad number syntax: {}", Quote(number)));
  pending().matching.fill_right = value;
  return true;
}

// Parentheses, calls, aggregations.

bool TreeBuilder::OpenParen(Token paren) {
  Frame opened;
  opened.kind = FrameKind::kParen;
  opened.begin = Begin(paren);
  return PushFrame(std::move(opened));
}

bool TreeBuilder::CloseParen(Token paren) {
  if (!ReduceAll()) return false;
  if (!frame().arguments.empty()) return CloseUnion(paren);
  Built inner = std::move(top());
  const size_t begin = PopFrame().begin;
  return Push(Paren{std::move(inner.expr)}, begin, End(paren), inner.depth + 1);
}

// `(a, b)` is union(a, b).
bool TreeBuilder::CloseUnion(Token paren) {
  if (!TakeArgument()) return false;
  Frame closed = PopFrame();
  Call call{"union", {}};
  uint32_t depth = 0;
  for (Built& argument : closed.arguments) {
    depth = std::max(depth, argument.depth);
    call.arguments.push_back(std::move(argument.expr));
  }
  return Push(std::move(call), closed.begin, End(paren), depth + 1);
}

bool TreeBuilder::Limit(Token number) {
  const auto value = ParseNumber(number);
  constexpr double kMost = 1e9;
  if (!value.has_value() || !(*value >= 1) || *value > kMost)
    return Fail(Begin(number), "limit must be a number of series, 1 or more");
  frame().limit = static_cast<size_t>(*value);
  last_end_ = End(number);
  return true;
}

bool TreeBuilder::KeepMetricNames(Token word) {
  auto* call = std::get_if<Call>(&top().expr->node);
  if (call == nullptr) return Fail(top().expr->span.begin, "keep_metric_names must be preceded by a function call");
  call->keep_metric_names = true;
  top().expr->span.end = static_cast<uint32_t>(End(word));
  return true;
}

bool TreeBuilder::BeginCall(Token word) {
  if (!CanNameFunction(word)) return false;
  Frame opened;
  opened.kind = FrameKind::kCall;
  opened.begin = Begin(word);
  opened.name = std::string(word);
  return PushFrame(std::move(opened));
}

bool TreeBuilder::EndCall(Token) {
  Frame closed = PopFrame();
  // MetricsQL has the vector last.
  if (closed.name == "quantiles" && closed.arguments.size() > 1 &&
      std::holds_alternative<StringLiteral>(closed.arguments.front().expr->node)) {
    std::rotate(closed.arguments.begin(), closed.arguments.end() - 1, closed.arguments.end());
  }
  Call call{std::move(closed.name), {}};
  if (closed.grouped)
    call.grouping = {closed.without, std::move(closed.grouping), static_cast<uint32_t>(closed.grouping_begin)};
  uint32_t depth = 0;
  for (Built& argument : closed.arguments) {
    depth = std::max(depth, argument.depth);
    call.arguments.push_back(std::move(argument.expr));
  }
  return Push(std::move(call), closed.begin, last_end_, depth + 1);
}

bool TreeBuilder::BeginAggregate(Token word) {
  if (KindOfWord(word) != WordKind::kAggregator) return false;
  Frame opened;
  opened.kind = FrameKind::kAggregate;
  opened.begin = Begin(word);
  opened.aggregate = AggregateOf(word);
  return PushFrame(std::move(opened));
}

bool TreeBuilder::EndAggregate(Token) {
  Frame closed = PopFrame();
  std::vector<Built>& given = closed.arguments;
  const size_t wanted = TakesParameter(closed.aggregate) ? 2 : 1;
  if (given.empty()) return Fail(closed.begin, "no arguments for aggregate expression provided");
  if (given.size() != wanted) {
    return Fail(closed.begin, fmt::format("wrong number of arguments for aggregate expression provided, expected {}, got {}",
                                          wanted, given.size()));
  }
  Aggregate aggregate{closed.aggregate,           nullptr,     std::move(given.back().expr), closed.without,
                      std::move(closed.grouping), closed.limit};
  if (wanted == 2) aggregate.parameter = std::move(given.front().expr);
  const uint32_t depth = std::max(given.front().depth, given.back().depth) + 1;
  return Push(std::move(aggregate), closed.begin, last_end_, depth);
}

bool TreeBuilder::TakeArgument() {
  if (!ReduceAll()) return false;
  if (frame().operands.empty()) return true;
  frame().arguments.push_back(std::move(top()));
  frame().operands.pop_back();
  return true;
}

bool TreeBuilder::NextArgument(Token) { return TakeArgument(); }

bool TreeBuilder::TrailingComma(Token comma) { return Fail(Begin(comma), "trailing commas not allowed in function call args"); }

bool TreeBuilder::CloseArguments(Token paren) {
  last_end_ = End(paren);
  const size_t end = last_end_;
  const bool taken = TakeArgument();
  last_end_ = end;
  return taken;
}

bool TreeBuilder::By(Token word) {
  frame().grouped = true;
  frame().grouping_begin = Begin(word);
  frame().without = false;
  return true;
}

bool TreeBuilder::Without(Token word) {
  By(word);
  frame().without = true;
  return true;
}

bool TreeBuilder::EndGrouping(Token) {
  frame().grouping = std::exchange(labels_, {});
  return true;
}

bool TreeBuilder::Label(Token word) {
  if (!CanNameGroupingLabel(word)) return false;
  labels_.emplace_back(word);
  return true;
}

bool TreeBuilder::QuotedLabel(Token token) {
  auto unquoted = Unquote(token);
  if (!unquoted.ok()) return Fail(Begin(token), unquoted.status().message());
  if (unquoted->empty() || !IsUtf8(*unquoted))
    return Fail(Begin(token), fmt::format("invalid label name {} in grouping", token));
  labels_.push_back(std::move(*unquoted));
  return true;
}

bool TreeBuilder::CloseLabels(Token paren) {
  last_end_ = End(paren);
  return true;
}

}  // namespace auspex::query
