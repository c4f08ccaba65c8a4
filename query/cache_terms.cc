#include "cache_terms.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "plan.h"
#include "range_source.h"

namespace auspex::query {
namespace {

// Of registered functions, which may look further back than their range.
constexpr int64_t kUnknownReachMs = std::numeric_limits<int64_t>::max() / 4;

// Functions without a range vector whose value at a step depends on nothing but their arguments at that step, sorted. Others,
// among them those that a later version adds, are evaluated anew each time.
constexpr std::string_view kStepwise[] = {
    "abs",
    "absent",
    "acos",
    "acosh",
    "alias",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "bitmap_and",
    "bitmap_or",
    "bitmap_xor",
    "ceil",
    "clamp",
    "clamp_max",
    "clamp_min",
    "cos",
    "cosh",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "deg",
    "distinct",
    "exp",
    "floor",
    "geomean",
    "histogram_avg",
    "histogram_count",
    "histogram_fraction",
    "histogram_quantile",
    "histogram_quantiles",
    "histogram_share",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
    "hour",
    "label_copy",
    "label_del",
    "label_join",
    "label_keep",
    "label_lowercase",
    "label_map",
    "label_match",
    "label_mismatch",
    "label_move",
    "label_replace",
    "label_set",
    "label_transform",
    "label_uppercase",
    "label_value",
    "labels_equal",
    "ln",
    "log10",
    "log2",
    "mad",
    "max_of",
    "median",
    "min_of",
    "minute",
    "mode",
    "month",
    "pi",
    "quantiles",
    "rad",
    "round",
    "ru",
    "scalar",
    "sgn",
    "share",
    "sin",
    "sinh",
    "sort",
    "sort_by_label",
    "sort_by_label_desc",
    "sort_by_label_numeric",
    "sort_by_label_numeric_desc",
    "sort_desc",
    "sqrt",
    "sum2",
    "tan",
    "tanh",
    "time",
    "timestamp",
    "vector",
    "year",
    "zscore",
};

bool UsesRange(const DurationExprPtr& expr) {
  if (expr == nullptr) return false;
  return expr->op == DurationExpr::Op::kRange || UsesRange(expr->left) || UsesRange(expr->right);
}

// Sums up how far an expression looks back; false when it must not be kept.
class TermFinder {
 public:
  TermFinder(const FunctionRegistry& registry, int64_t lookback_ms) : registry_(registry), lookback_ms_(lookback_ms) {}

  /// `behind_ms`: how far before the query's step the expression is evaluated at most.
  bool Visit(const Expr& expr, int64_t behind_ms) {
    return std::visit([&](const auto& node) { return Look(node, behind_ms); }, expr.node);
  }
  int64_t reach_ms() const { return reach_ms_; }

 private:
  bool Look(const NumberLiteral&, int64_t) { return true; }
  bool Look(const StringLiteral&, int64_t) { return true; }
  bool Look(const Paren& paren, int64_t behind_ms) { return Visit(*paren.expr, behind_ms); }
  bool Look(const Unary& unary, int64_t behind_ms) { return Visit(*unary.expr, behind_ms); }
  bool Look(const Binary& binary, int64_t behind_ms) {
    // Which series `default` fills depends on all steps.
    if (binary.op == BinaryOp::kDefault) return false;
    return Visit(*binary.left, behind_ms) && Visit(*binary.right, behind_ms);
  }
  bool Look(const VectorSelector& selector, int64_t behind_ms) { return Select(selector, lookback_ms_, behind_ms); }
  bool Look(const MatrixSelector& matrix, int64_t behind_ms) {
    return !UsesRange(matrix.range) && Select(matrix.vector, matrix.range_ms, behind_ms);
  }
  bool Look(const Subquery& subquery, int64_t behind_ms) {
    if (!Shifts(subquery.time) || UsesRange(subquery.range) || UsesRange(subquery.step)) return false;
    return Visit(*subquery.expr, Add(behind_ms, Add(subquery.range_ms, subquery.time.offset_ms.value_or(0))));
  }
  bool Look(const Aggregate& aggregate, int64_t behind_ms) {
    if (aggregate.limit > 0) return false;  // so does which groups come first
    if (aggregate.parameter != nullptr && !Visit(*aggregate.parameter, behind_ms)) return false;
    return Visit(*aggregate.expr, behind_ms);
  }
  bool Look(const Call& call, int64_t behind_ms) {
    const bool over_range = std::any_of(call.arguments.begin(), call.arguments.end(),
                                        [](const ExprPtr& argument) { return argument->type == ValueType::kMatrix; });
    if (!over_range && !std::binary_search(std::begin(kStepwise), std::end(kStepwise), call.function)) return false;
    if (over_range) {
      const Function* function = registry_.Find(call.function);
      // A joint function may look at a whole range query.
      if (function == nullptr || function->make_joint) return false;
      if (function->make_range) behind_ms = kUnknownReachMs;
    }
    return std::all_of(call.arguments.begin(), call.arguments.end(),
                       [&](const ExprPtr& argument) { return Visit(*argument, behind_ms); });
  }

  static bool Shifts(const TimeModifier& time) {
    return time.at == TimeModifier::At::kNone && time.offset_ms.value_or(0) >= 0 && !UsesRange(time.offset);
  }
  static int64_t Add(int64_t a, int64_t b) { return std::min(kUnknownReachMs, a + std::min(b, kUnknownReachMs)); }
  bool Select(const VectorSelector& selector, int64_t window_ms, int64_t behind_ms) {
    if (selector.extension != RangeExtension::kNone) return false;  // may look beyond the step
    if (!Shifts(selector.time) || !FixesMetricName(selector.matchers)) return false;
    reach_ms_ = std::max(reach_ms_, Add(behind_ms, Add(window_ms, selector.time.offset_ms.value_or(0))));
    return true;
  }

  const FunctionRegistry& registry_;
  const int64_t lookback_ms_;
  int64_t reach_ms_ = 0;
};

}  // namespace

std::optional<CacheTerms> CacheTermsOf(const Expr& expr, const FunctionRegistry& registry, int64_t lookback_ms) {
  TermFinder finder(registry, lookback_ms);
  if (!finder.Visit(expr, 0)) return std::nullopt;
  return CacheTerms{finder.reach_ms()};
}

}  // namespace auspex::query
