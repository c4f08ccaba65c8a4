#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/query/ast.h"
#include "auspex/storage/base/result.h"

namespace auspex::query {

/// Builds the syntax tree while the grammar reads: one method per token, called in the order of the text. Operators wait on
/// a stack until what follows binds less tightly, so a chain of them costs no recursion.
/// A method returns false when the token is not for it; has it recorded a failure, the parse ends with that.
/// Borrows the text. One thread at a time.
class TreeBuilder {
 public:
  using Token = std::string_view;  // a piece of the text

  explicit TreeBuilder(std::string_view text) : text_(text) { frames_.emplace_back(); }

  // Literals and selectors.
  bool Number(Token token);
  bool SpecialNumber(Token word);
  bool String(Token token);
  bool MetricName(Token word);
  bool OpenBraces(Token brace);
  bool MatcherName(Token word);
  bool MatcherQuotedName(Token token);
  bool MatcherOperator(Token token);
  bool MatcherValue(Token token);
  bool MatcherIsMetricName(Token);
  bool OrMatchers(Token);
  bool CloseBraces(Token brace);
  bool EndSelector(Token);

  // Operators.
  bool PrefixOperator(Token sign);
  bool InfixOperator(Token token);
  bool ReturnBool(Token word);
  bool On(Token word);
  bool Ignoring(Token word);
  bool EndMatchingLabels(Token);
  bool GroupLeft(Token word);
  bool GroupRight(Token word);
  bool EndIncludedLabels(Token);
  bool IncludeAll(Token);
  bool Prefix(Token string);
  bool Fill(Token number);
  bool FillLeft(Token number);
  bool FillRight(Token number);

  // Parentheses, calls, aggregations.
  bool OpenParen(Token paren);
  bool CloseParen(Token paren);
  bool BeginCall(Token word);
  bool EndCall(Token);
  bool BeginAggregate(Token word);
  bool EndAggregate(Token);
  bool Limit(Token number);
  bool NextArgument(Token comma);
  bool TrailingComma(Token comma);
  bool CloseArguments(Token paren);
  bool By(Token word);
  bool Without(Token word);
  bool EndGrouping(Token);
  bool Label(Token word);
  bool QuotedLabel(Token token);
  bool CloseLabels(Token paren);

  // What follows a selector or subquery.
  bool OpenRange(Token bracket);
  bool CloseMatrix(Token bracket);
  bool SubqueryRange(Token colon);
  bool AlignedSubqueryRange(Token colons);
  bool SubqueryStep(Token);
  bool CloseSubquery(Token bracket);
  bool BeginOffset(Token word);
  bool EndOffset(Token);
  bool AtTime(Token number);
  bool AtStart(Token word);
  bool AtEnd(Token word);
  bool EndAt(Token paren);
  bool KeepMetricNames(Token word);
  bool Anchored(Token word);
  bool Smoothed(Token word);

  // Durations.
  bool DurationLiteral(Token token);
  bool DurationStep(Token token);
  bool DurationRange(Token token);
  bool DurationNegate(Token);
  bool DurationOpenParen(Token paren);
  bool DurationParen(Token paren);
  bool DurationOpenPower(Token sign);
  bool DurationAdd(Token);
  bool DurationSub(Token);
  bool DurationMul(Token);
  bool DurationDiv(Token);
  bool DurationMod(Token);
  bool DurationPow(Token);
  bool DurationMin(Token paren);
  bool DurationMax(Token paren);

  /// The grammar expected something else at `at`. `wanted` is "context|what", either of which may be empty.
  void Unexpected(size_t at, std::string_view wanted);
  bool failed() const { return !status_.ok(); }
  /// The whole text's expression, or the first failure.
  Result<ExprPtr> Finish();

 private:
  /// A subtree and how deep it is.
  struct Built {
    ExprPtr expr;
    uint32_t depth = 1;
  };
  struct BuiltDuration {
    DurationExprPtr expr;
    uint32_t depth = 1;
    size_t begin = 0;
  };
  /// An operator whose right operand is not complete.
  struct PendingOperator {
    bool prefix = false;
    bool negative = false;  // of a prefix
    size_t begin = 0;
    BinaryOp op = BinaryOp::kAdd;
    bool return_bool = false;
    VectorMatching matching;
  };
  enum class FrameKind : uint8_t { kText, kParen, kCall, kAggregate };
  /// What is open: the text itself, a parenthesis, the arguments of a call.
  struct Frame {
    FrameKind kind = FrameKind::kText;
    size_t begin = 0;
    std::string name;
    AggregateOp aggregate = AggregateOp::kSum;
    bool grouped = false;  // `by` or `without` was written
    size_t grouping_begin = 0;
    bool without = false;
    std::vector<std::string> grouping;
    size_t limit = 0;
    std::vector<Built> operands;
    std::vector<PendingOperator> operators;
    std::vector<Built> arguments;
  };

  bool Fail(size_t at, std::string_view message);
  size_t Begin(Token token) const { return static_cast<size_t>(token.data() - text_.data()); }
  size_t End(Token token) const { return Begin(token) + token.size(); }
  Frame& frame() { return frames_.back(); }
  Built& top() { return frame().operands.back(); }
  PendingOperator& pending() { return frame().operators.back(); }

  bool Push(Expr::Node node, size_t begin, size_t end, uint32_t depth);
  bool PushFrame(Frame opened);
  Frame PopFrame();
  bool ReduceTop();
  bool ReduceAll();
  bool ReducePrefix(const PendingOperator& sign, Built operand);
  bool TakeArgument();
  bool CloseUnion(Token paren);
  bool AddMatcher(Matcher::Op op, std::string name, std::string value, size_t at);
  bool AddMetricName(std::vector<Matcher>& matchers);

  static std::optional<double> SignedNumber(Token token);
  bool TimesOfTop(std::string_view modifier, std::vector<TimeModifier*>& times);
  bool SetAt(TimeModifier::At at, int64_t at_ms);
  bool Extend(RangeExtension extension, Token word);
  bool PushDuration(DurationExpr expr, uint32_t depth, size_t begin);
  bool DurationSteps(Token token);
  bool CombineDurations(DurationExpr::Op op);
  bool TakeDuration(bool positive, int64_t& ms, DurationExprPtr& expr);

  std::string_view text_;
  Status status_;
  size_t last_end_ = 0;  // of the token read last
  std::vector<Frame> frames_;
  std::vector<BuiltDuration> durations_;
  std::vector<std::string> labels_;  // of the list being read

  // The selector, matcher, range and fill being read.
  VectorSelector selector_;
  size_t selector_begin_ = 0;
  size_t selector_end_ = 0;
  std::string matcher_name_;
  size_t matcher_begin_ = 0;
  Matcher::Op matcher_op_ = Matcher::Op::kEqual;
  size_t bracket_begin_ = 0;
  Subquery subquery_;
  int duration_nesting_ = 0;  // parentheses and powers that are open
  bool in_selector_ = false;
};

}  // namespace auspex::query
