#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "auspex/query/value.h"
#include "auspex/storage/base/result.h"
#include "auspex/storage/matcher.h"

namespace auspex::query {

/// Where in the query's text a node stands: bytes [begin, end).
struct SourceSpan {
  uint32_t begin = 0;
  uint32_t end = 0;
};

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct NumberLiteral {
  double value = 0;
  std::string text;      ///< as written, so that it prints back (`0x1f`, `1e3`, `5m`)
  bool duration = false; ///< written as a duration: value is in seconds
};

struct StringLiteral {
  std::string value;
};

/// A duration that is computed: `step() * 2`, `max(step(), 1m)`. Only kept where it is more than a literal.
struct DurationExpr {
  enum class Op : uint8_t { kLiteral, kStep, kRange, kAdd, kSub, kMul, kDiv, kMod, kPow, kNegate, kMin, kMax, kParen };
  Op op = Op::kLiteral;
  double seconds = 0;     ///< of a literal
  bool duration = false;  ///< the literal was written with units
  std::shared_ptr<const DurationExpr> left;
  std::shared_ptr<const DurationExpr> right;  ///< the only operand of kNegate and kParen
};
using DurationExprPtr = std::shared_ptr<const DurationExpr>;

/// `offset 5m`, `@ 1609746000`, `@ start()`: part of selectors and subqueries.
struct TimeModifier {
  enum class At : uint8_t { kNone, kTime, kStart, kEnd };
  At at = At::kNone;
  int64_t at_ms = 0;
  std::optional<int64_t> offset_ms;  ///< may be negative
  DurationExprPtr offset;            ///< what offset_ms was computed from, or null
};

/// `anchored` counts from the last sample before the window, `smoothed` interpolates at the window's edges.
enum class RangeExtension : uint8_t { kNone, kAnchored, kSmoothed };
/// " anchored", " smoothed" or "".
std::string_view RangeExtensionText(RangeExtension extension);

struct VectorSelector {
  std::string metric;              ///< "" when given by a __name__ matcher or not at all
  std::vector<Matcher> matchers;   ///< includes the one on __name__ that `metric` stands for
  /// Of `{a="1" or b="2"}`: all matchers of each part; `matchers` has those that the parts share. Else empty.
  std::vector<std::vector<Matcher>> alternatives;
  TimeModifier time;
  RangeExtension extension = RangeExtension::kNone;
};

struct MatrixSelector {
  VectorSelector vector;  ///< its modifier is the one written after the range
  int64_t range_ms = 0;
  DurationExprPtr range;  ///< what range_ms was computed from, or null
};

struct Subquery {
  ExprPtr expr;
  int64_t range_ms = 0;
  int64_t step_ms = 0;  ///< 0: the default resolution
  TimeModifier time;
  DurationExprPtr range;  ///< what range_ms and step_ms were computed from, or null
  DurationExprPtr step;
  bool aligned = false;  ///< `[1h::5m]`: the steps end at the evaluation time, instead of lying at multiples of the step
};

struct Unary {
  bool negative = false;
  ExprPtr expr;
};

enum class BinaryOp : uint8_t {
  kAdd, kSub, kMul, kDiv, kMod, kPow, kAtan2,
  kTrimUpper, kTrimLower,  // `</` and `>/`: the part of a histogram below or above a bound
  kEqual, kNotEqual, kGreater, kLess, kGreaterEqual, kLessEqual,
  kAnd, kOr, kUnless,
  kDefault, kIf, kIfnot,  ///< beyond PromQL
};
std::string_view BinaryOpSymbol(BinaryOp op);
bool IsComparison(BinaryOp op);
bool IsSetOp(BinaryOp op);
bool IsTrim(BinaryOp op);

/// `on (a, b) group_left (c)`.
struct VectorMatching {
  enum class Cardinality : uint8_t { kOneToOne, kManyToOne, kOneToMany, kManyToMany };
  Cardinality cardinality = Cardinality::kOneToOne;
  bool on = false;                   ///< else ignoring
  bool given = false;                ///< `on` or `ignoring` was written
  std::vector<std::string> labels;
  std::vector<std::string> include;  ///< copied from the one side
  bool include_all = false;          ///< `group_left (*)`: all its labels but those matched on
  std::string prefix;                ///< before the names of the labels that are copied
  std::optional<double> fill_left;   ///< value of a series that the left side lacks (`fill`, `fill_left`)
  std::optional<double> fill_right;
};

struct Binary {
  BinaryOp op = BinaryOp::kAdd;
  ExprPtr left;
  ExprPtr right;
  bool return_bool = false;
  VectorMatching matching;
};

enum class AggregateOp : uint8_t {
  kSum, kAvg, kCount, kMin, kMax, kGroup, kStddev, kStdvar, kTopk, kBottomk, kQuantile, kCountValues, kLimitk, kLimitRatio,
};
std::string_view AggregateOpName(AggregateOp op);

struct Aggregate {
  AggregateOp op = AggregateOp::kSum;
  ExprPtr parameter;  ///< topk's k, quantile's phi, count_values' label; else null
  ExprPtr expr;
  bool without = false;
  std::vector<std::string> grouping;
  size_t limit = 0;  ///< `limit 10`: the first so many groups; 0: all
};

/// `by (...)` or `without (...)` of a call.
struct CallGrouping {
  bool without = false;
  std::vector<std::string> labels;
  uint32_t begin = 0;  ///< where it stands in the text
};

struct Call {
  std::string function;
  std::vector<ExprPtr> arguments;
  std::optional<CallGrouping> grouping = std::nullopt;  ///< of functions whose registry row allows one
  bool keep_metric_names = false;  ///< written behind the call
};

struct Paren {
  ExprPtr expr;
};

/// `(200, 204)`: a list of numbers for `==` and `!=`.
bool IsNumberList(const Expr& expr);

/// A node of the syntax tree. Immutable once parsed and checked.
struct Expr {
  using Node = std::variant<NumberLiteral, StringLiteral, VectorSelector, MatrixSelector, Subquery, Unary, Binary, Aggregate, Call, Paren>;
  Node node;
  SourceSpan span;
  ValueType type = ValueType::kVector;  ///< set by the type check
};

/// Sets the durations that were written with `step()` or `range()` (the query's step and its end less its start; both 0 in
/// an instant query). Until then they are 0. Call between the type check and evaluation.
/// Errors: InvalidArgument (a range or a subquery's step that is not positive, or out of range).
Status ResolveDurations(Expr& expr, int64_t step_ms, int64_t range_ms);

/// Prints an expression in the language's own form: parsing it again gives the same tree.
std::string Print(const Expr& expr);

}  // namespace auspex::query
