#include "plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "extra_functions.h"
#include "metric_identity.h"
#include "name_dropper.h"
#include "note.h"
#include "op_aggregate.h"
#include "op_binary.h"
#include "op_call.h"
#include "op_histogram.h"
#include "op_info.h"
#include "op_joint.h"
#include "op_label.h"
#include "op_scalar.h"
#include "op_selector.h"
#include "op_sort.h"
#include "op_value_rows.h"

namespace auspex::query {
namespace {

const Expr& Unwrap(const Expr& expr) {
  const Expr* at = &expr;
  while (const auto* paren = std::get_if<Paren>(&at->node)) at = paren->expr.get();
  return *at;
}

std::string StringOf(const Expr& expr) {
  const auto* literal = std::get_if<StringLiteral>(&Unwrap(expr).node);
  return literal == nullptr ? std::string() : literal->value;
}

// The labels that the equality matchers of a selector give to the series which `absent` finds missing. A label with
// several matchers is left out.
Labels AbsentLabels(const Expr& argument) {
  const Expr& expr = Unwrap(argument);
  const std::vector<Matcher>* matchers = nullptr;
  if (const auto* vector = std::get_if<VectorSelector>(&expr.node)) matchers = &vector->matchers;
  if (const auto* matrix = std::get_if<MatrixSelector>(&expr.node)) matchers = &matrix->vector.matchers;
  Labels labels;
  if (matchers == nullptr) return labels;
  std::set<std::string> seen;
  for (const Matcher& matcher : *matchers) {
    if (matcher.name() == kMetricName) continue;
    const bool first = matcher.op() == Matcher::Op::kEqual && seen.insert(matcher.name()).second;
    labels = labels.With(matcher.name(), first ? std::string_view(matcher.value()) : std::string_view());
  }
  return labels;
}

// Answers that change with the evaluation time even where the arguments do not.
bool DependsOnEvaluationTime(std::string_view function) {
  return function == "time" || function == "timestamp" || function == "predict_linear" || function == "timezone_offset" ||
         IsDateFunction(function) || IsRowFunction(function);
}

double Seconds(int64_t ms) { return static_cast<double>(ms) / 1000; }

// What the functions around a selector take of its histograms.
enum class HistogramUse : uint8_t { kUnknown, kTotals, kBuckets };

// A planned part of the expression.
struct Part {
  OperatorPtr op;
  bool invariant = false;  ///< the same at every step
};

class Planner {
 public:
  // at: the node that the operators to be made are children of; null when nothing is to be explained.
  Planner(std::string_view text, const FunctionRegistry& registry, PlanTimes times, PlanNode* at)
      : text_(text), registry_(registry), times_(times), at_(at) {}

  Result<Plan> Make(const Expr& whole) const {
    const Expr& expr = Unwrap(whole);
    Plan plan;
    plan.type = expr.type;
    if (expr.type == ValueType::kString) {
      plan.text = StringOf(expr);
      return plan;
    }
    if (expr.type == ValueType::kMatrix) {
      PlanNode* const above = at_;
      if (at_ != nullptr) at_ = at_->children.emplace_back(NodeOf(expr)).get();
      Result<Range> built = BuildRange(expr);
      at_ = above;
      AUSPEX_ASSIGN_OR_RETURN(Range range, std::move(built));
      plan.source = std::move(range.source);
      plan.range_ms = range.range_ms;
      plan.shift = range.shift;
      plan.extension = range.extension;
      return plan;
    }
    AUSPEX_ASSIGN_OR_RETURN(Part part, Build(expr));
    plan.root = Varying(std::move(part));
    if (NeedsDelayedNames(expr) && MayDropNames(expr, registry_)) plan.root = MakeSettleNames(std::move(plan.root));
    return plan;
  }

 private:
  struct Range {
    std::unique_ptr<const RangeSource> source;
    int64_t range_ms = 0;
    int64_t aligned_step_ms = 0;
    TimeShift shift;
    RangeExtension extension = RangeExtension::kNone;
    bool invariant = false;
  };

  // What does not change is evaluated once, at the highest point of the tree where that holds.
  static OperatorPtr Varying(Part part) {
    if (!part.invariant || part.op->Constant() != nullptr) return std::move(part.op);
    return MakeStepInvariant(std::move(part.op));
  }

  // Prometheus looks for resets where it reads no more of histograms than their counts and sums.
  bool ResetHints() const { return use_ == HistogramUse::kTotals; }

  std::string Place(const Expr& expr) const { return PlaceSuffix(text_, expr.span.begin); }

  TimeShift ShiftOf(const TimeModifier& time) const {
    TimeShift shift;
    shift.offset_ms = time.offset_ms.value_or(0);
    switch (time.at) {
      case TimeModifier::At::kNone:
        break;
      case TimeModifier::At::kTime:
        shift.at_ms = time.at_ms;
        break;
      case TimeModifier::At::kStart:
        shift.at_ms = times_.start_ms;
        break;
      case TimeModifier::At::kEnd:
        shift.at_ms = times_.end_ms;
        break;
    }
    return shift;
  }

  Result<OperatorPtr> BuildVarying(const Expr& expr) const {
    AUSPEX_ASSIGN_OR_RETURN(Part part, Build(expr));
    return Varying(std::move(part));
  }

  Result<Part> Build(const Expr& expr) const {
    const auto build = [&] {
      const HistogramUse before = use_;
      use_ = UseWithin(expr);
      Result<Part> part = std::visit([&](const auto& node) { return Build(expr, node); }, expr.node);
      use_ = before;
      return part;
    };
    if (at_ == nullptr || std::holds_alternative<Paren>(expr.node) || std::holds_alternative<NumberLiteral>(expr.node)) {
      return build();
    }
    PlanNode* const above = at_;
    at_ = above->children.emplace_back(NodeOf(expr)).get();
    Result<Part> part = build();
    if (part.ok() && part->op != nullptr) part->op = MakeMeasured(std::move(part->op), *at_);
    at_ = above;
    return part;
  }

  std::unique_ptr<PlanNode> NodeOf(const Expr& expr) const {
    auto node = std::make_unique<PlanNode>();
    node->text = NodeText(expr);
    node->one_series = expr.type == ValueType::kScalar;
    const auto make_leaf = [&](const VectorSelector& selector, int64_t range_ms) {
      node->leaf = true;
      node->matchers = selector.matchers;
      node->alternatives = selector.alternatives;
      node->shift = ShiftOf(selector.time);
      node->range_ms = range_ms;
    };
    const auto make_subquery = [&](const Subquery& subquery) {
      node->subquery_range_ms = subquery.range_ms;
      node->subquery_step_ms = subquery.step_ms > 0 ? subquery.step_ms : kDefaultResolutionMs;
      node->subquery_shift = ShiftOf(subquery.time);
    };
    if (const auto* selector = std::get_if<VectorSelector>(&expr.node)) make_leaf(*selector, 0);
    if (const auto* matrix = std::get_if<MatrixSelector>(&expr.node)) make_leaf(matrix->vector, matrix->range_ms);
    if (const auto* subquery = std::get_if<Subquery>(&expr.node)) make_subquery(*subquery);
    if (const auto* aggregate = std::get_if<Aggregate>(&expr.node)) {
      node->groups = aggregate->op != AggregateOp::kTopk && aggregate->op != AggregateOp::kBottomk &&
                     aggregate->op != AggregateOp::kLimitk && aggregate->op != AggregateOp::kLimitRatio &&
                     aggregate->op != AggregateOp::kCountValues;
      node->without = aggregate->without;
      node->grouping = aggregate->grouping;
    }
    if (const auto* binary = std::get_if<Binary>(&expr.node)) {
      node->joins = binary->op == BinaryOp::kOr || binary->op == BinaryOp::kDefault;
    }
    if (const auto* call = std::get_if<Call>(&expr.node)) {
      node->joins = call->function == "union";
      node->one_series |= call->function == "vector" || call->function.starts_with("absent");
      for (const ExprPtr& argument : call->arguments) {
        const Expr& inner = Unwrap(*argument);
        if (const auto* matrix = std::get_if<MatrixSelector>(&inner.node)) make_leaf(matrix->vector, matrix->range_ms);
        if (const auto* subquery = std::get_if<Subquery>(&inner.node)) make_subquery(*subquery);
      }
    }
    return node;
  }

  // What is asked of the histograms below an expression.
  HistogramUse UseWithin(const Expr& expr) const {
    if (use_ == HistogramUse::kBuckets) return use_;
    if (const auto* binary = std::get_if<Binary>(&expr.node); binary != nullptr && IsTrim(binary->op))
      return HistogramUse::kBuckets;
    const auto* call = std::get_if<Call>(&expr.node);
    if (call == nullptr) return use_;
    const std::string& name = call->function;
    if (name == "histogram_count" || name == "histogram_sum" || name == "histogram_avg") return HistogramUse::kTotals;
    if (name == "histogram_quantile" || name == "histogram_quantiles" || name == "histogram_fraction")
      return HistogramUse::kBuckets;
    return use_;
  }

  Result<Part> Build(const Expr& /*expr*/, const NumberLiteral& number) const { return Part{MakeNumber(number.value), true}; }

  Result<Part> Build(const Expr& /*expr*/, const Paren& paren) const { return Build(*paren.expr); }

  Result<Part> Build(const Expr& /*expr*/, const VectorSelector& selector) const {
    const TimeShift shift = ShiftOf(selector.time);
    if (selector.extension == RangeExtension::kSmoothed) {
      return Part{MakeSmoothedSelector(selector.matchers, shift, selector.alternatives), shift.at_ms.has_value()};
    }
    return Part{MakeSelector(selector.matchers, shift, /*timestamps=*/false, ResetHints(), selector.alternatives),
                shift.at_ms.has_value()};
  }

  Result<Part> Build(const Expr& /*expr*/, const Unary& unary) const {
    AUSPEX_ASSIGN_OR_RETURN(Part part, Build(*unary.expr));
    if (!unary.negative) return part;
    if (unary.expr->type == ValueType::kScalar) {
      part.op = MakeScalarBinary(BinaryOp::kMul, std::move(part.op), MakeNumber(-1));
    } else {
      part.op = MakeNegation(std::move(part.op));
    }
    return part;
  }

  Result<Part> Build(const Expr& expr, const Binary& binary) const {
    AUSPEX_ASSIGN_OR_RETURN(Part left, Build(*binary.left));
    if (IsNumberList(*binary.right)) {
      std::vector<double> values;
      for (const ExprPtr& number : std::get<Call>(binary.right->node).arguments) {
        values.push_back(std::get<NumberLiteral>(number->node).value);
      }
      left.op = MakeListFilter(std::move(left.op), std::move(values), binary.op == BinaryOp::kEqual, binary.return_bool);
      return left;
    }
    AUSPEX_ASSIGN_OR_RETURN(Part right, Build(*binary.right));
    const bool invariant = left.invariant && right.invariant;
    OperatorPtr l = invariant ? std::move(left.op) : Varying(std::move(left));
    OperatorPtr r = invariant ? std::move(right.op) : Varying(std::move(right));
    const bool left_scalar = binary.left->type == ValueType::kScalar;
    const bool right_scalar = binary.right->type == ValueType::kScalar;
    OperatorPtr op;
    if (binary.op >= BinaryOp::kDefault) {
      op = BuildFilling(binary, std::move(l), std::move(r), right_scalar);
    } else if (left_scalar && right_scalar) {
      op = MakeScalarBinary(binary.op, std::move(l), std::move(r));
    } else if (left_scalar) {
      op = MakeVectorScalar(binary.op, binary.return_bool, std::move(r), std::move(l), /*scalar_left=*/true, Place(expr));
    } else if (right_scalar) {
      op = MakeVectorScalar(binary.op, binary.return_bool, std::move(l), std::move(r), /*scalar_left=*/false, Place(expr));
    } else if (IsSetOp(binary.op)) {
      op = MakeSetOperator(binary.op, binary.matching, std::move(l), std::move(r));
    } else {
      op = MakeVectorVector(binary.op, binary.return_bool, binary.matching, std::move(l), std::move(r), Place(expr));
    }
    return Part{std::move(op), invariant};
  }

  // default, if, ifnot. A scalar goes with every series.
  static OperatorPtr BuildFilling(const Binary& binary, OperatorPtr left, OperatorPtr right, bool right_scalar) {
    VectorMatching matching = binary.matching;
    if (right_scalar) matching.on = true;
    if (binary.op == BinaryOp::kDefault)
      return MakeDefault(std::move(matching), std::move(left), std::move(right), right_scalar);
    const BinaryOp set = binary.op == BinaryOp::kIf ? BinaryOp::kAnd : BinaryOp::kUnless;
    return MakeSetOperator(set, std::move(matching), std::move(left), std::move(right));
  }

  Result<Part> Build(const Expr& whole, const Aggregate& aggregate) const {
    AggregateSpec spec;
    spec.op = aggregate.op;
    spec.grouping = aggregate.grouping;
    spec.without = aggregate.without;
    spec.place = Place(whole);
    spec.expr_place = Place(*aggregate.expr);
    AUSPEX_ASSIGN_OR_RETURN(Part expr, Build(*aggregate.expr));
    Part parameter{nullptr, true};
    if (aggregate.op == AggregateOp::kCountValues) {
      spec.value_label = StringOf(*aggregate.parameter);
    } else if (aggregate.parameter != nullptr) {
      AUSPEX_ASSIGN_OR_RETURN(parameter, Build(*aggregate.parameter));
      spec.parameter_place = Place(*aggregate.parameter);
    }
    const bool by_metric = std::find(spec.grouping.begin(), spec.grouping.end(), kMetricName) != spec.grouping.end() &&
                           MayDropNames(*aggregate.expr, registry_);
    if (by_metric && !spec.without) expr.op = MakeSpreadDroppedNames(std::move(expr.op), spec.grouping);
    const bool invariant = expr.invariant && parameter.invariant;
    spec.expr = invariant ? std::move(expr.op) : Varying(std::move(expr));
    if (parameter.op != nullptr) spec.parameter = invariant ? std::move(parameter.op) : Varying(std::move(parameter));
    OperatorPtr op = MakeAggregate(std::move(spec));
    if (aggregate.limit > 0) op = MakeLimit(aggregate.limit, std::move(op));
    return Part{std::move(op), invariant};
  }

  Result<Part> Build(const Expr& expr, const Call& call) const {
    if (const Function* function = registry_.Find(call.function); function != nullptr && function->make_joint) {
      return BuildJointCall(*function, call);
    }
    for (size_t i = 0; i < call.arguments.size(); ++i) {
      if (call.arguments[i]->type == ValueType::kMatrix) return BuildRangeCall(expr, call, i);
    }
    // timestamp() of a selector is about the samples themselves.
    if (call.function == "timestamp") {
      if (const auto* selector = std::get_if<VectorSelector>(&Unwrap(*call.arguments[0]).node)) {
        TimeShift shift = ShiftOf(selector->time);
        // As in Prometheus, which looks at the time of `@` itself, within the samples up to the offset from it.
        if (shift.at_ms) shift.offset_ms = std::max<int64_t>(shift.offset_ms, 0);
        return Part{MakeTimestamps(MakeSelector(selector->matchers, shift, /*timestamps=*/true, /*reset_hints=*/false,
                                                selector->alternatives)),
                    false};
      }
    }
    if (call.function == "info") return BuildInfo(call);
    std::vector<Part> arguments;
    bool invariant = !DependsOnEvaluationTime(call.function);
    for (const ExprPtr& argument : call.arguments) {
      if (argument->type == ValueType::kString) {
        arguments.push_back({nullptr, true});
        continue;
      }
      AUSPEX_ASSIGN_OR_RETURN(Part part, Build(*argument));
      invariant = invariant && part.invariant;
      arguments.push_back(std::move(part));
    }
    std::vector<OperatorPtr> ops;
    for (Part& part : arguments) {
      ops.push_back(part.op == nullptr || invariant ? std::move(part.op) : Varying(std::move(part)));
    }
    AUSPEX_ASSIGN_OR_RETURN(OperatorPtr op, BuildCall(call, std::move(ops)));
    return Part{std::move(op), invariant};
  }

  Result<Part> BuildInfo(const Call& call) const {
    AUSPEX_ASSIGN_OR_RETURN(OperatorPtr base, BuildVarying(*call.arguments[0]));
    std::vector<Matcher> matchers;
    if (call.arguments.size() > 1) {
      const auto& chosen = std::get<VectorSelector>(call.arguments[1]->node);
      if (!chosen.alternatives.empty()) return FailedPrecondition("info(): \"or\" is not allowed between its matchers");
      matchers = chosen.matchers;
    }
    return Part{MakeInfo(std::move(base), std::move(matchers)), false};
  }

  // Drops the metric names of a selector's timestamps.
  static OperatorPtr MakeTimestamps(OperatorPtr selector) {
    return MakeValueCall([](double value, const double*) { return value; }, std::move(selector), {});
  }

  // `ops` has an entry per argument, null for strings.
  Result<OperatorPtr> BuildCall(const Call& call, std::vector<OperatorPtr> ops) const {
    const std::string& name = call.function;
    if (name == "time") return MakeTime();
    if (name == "pi") return MakeNumber(3.14159265358979323846);
    if (name == "start") return MakeNumber(Seconds(times_.start_ms));
    if (name == "end") return MakeNumber(Seconds(times_.end_ms));
    if (name == "step") return MakeNumber(Seconds(times_.step_ms));
    if (name == "range") return MakeNumber(Seconds(times_.end_ms - times_.start_ms));
    if (name == "min_of") return MakeScalarExtreme(false, std::move(ops[0]), std::move(ops[1]));
    if (name == "max_of") return MakeScalarExtreme(true, std::move(ops[0]), std::move(ops[1]));
    if (name == "prometheus_buckets") return MakePrometheusBuckets(std::move(ops[0]));
    if (name == "drop_empty_series") return std::move(ops[0]);  // no answer has any
    if (name == "scalar") return MakeScalar(std::move(ops[0]));
    if (name == "vector") return MakeVector(std::move(ops[0]));
    if (name == "timestamp") return MakeTimestampCall(std::move(ops[0]));
    if (name == "absent") return MakeAbsent(std::move(ops[0]), AbsentLabels(*call.arguments[0]));
    if (name == "sort" || name == "sort_desc") return MakeSort(std::move(ops[0]), name == "sort_desc");
    if (name == "sort_by_label" || name == "sort_by_label_desc") {
      return MakeSortByLabel(std::move(ops[0]), Strings(call, 1), name == "sort_by_label_desc");
    }
    if (name == "label_replace") {
      return MakeLabelReplace(std::move(ops[0]), StringOf(*call.arguments[1]), StringOf(*call.arguments[2]),
                              StringOf(*call.arguments[3]), StringOf(*call.arguments[4]));
    }
    if (name == "label_join") {
      return MakeLabelJoin(std::move(ops[0]), StringOf(*call.arguments[1]), StringOf(*call.arguments[2]), Strings(call, 3));
    }
    if (name == "sort_by_label_numeric" || name == "sort_by_label_numeric_desc") {
      return MakeSortByLabel(std::move(ops[0]), Strings(call, 1), name == "sort_by_label_numeric_desc");
    }
    if (name == "histogram_share") {
      HistogramPlaces places;
      places.quantile = Place(*call.arguments.front());
      places.buckets = Place(*call.arguments.back());
      return MakeHistogramFraction(MakeNumber(-std::numeric_limits<double>::infinity()), std::move(ops[0]), std::move(ops[1]),
                                   places);
    }
    if (name.rfind("histogram_", 0) == 0) return BuildHistogramCall(call, std::move(ops));
    InstantCall extra{name, std::move(ops), StringsByPosition(call), call.grouping};
    for (const auto make : {MakeRowCall, MakeLabelEdit, MakeGroupCall, MakeAssortedCall}) {
      AUSPEX_ASSIGN_OR_RETURN(OperatorPtr op, make(extra));
      if (op != nullptr) return op;
    }
    ops = std::move(extra.ops);
    ValueFunction function = FindValueFunction(name);
    if (function == nullptr) function = FindBitmapFunction(name);
    if (function != nullptr) {
      if (ops.empty()) ops.push_back(MakeTime());  // hour() is hour(vector(time()))
      if (name == "round" && ops.size() == 1) ops.push_back(MakeNumber(1));
      OperatorPtr vector = std::move(ops[0]);
      ops.erase(ops.begin());
      return MakeValueCall(function, std::move(vector), std::move(ops), call.keep_metric_names);
    }
    return Unsupported("function {}: cannot be evaluated here", name);
  }

  Result<OperatorPtr> BuildHistogramCall(const Call& call, std::vector<OperatorPtr> ops) const {
    const std::string& name = call.function;
    const std::string first = Place(*call.arguments.front());
    const HistogramPlaces places{first, Place(*call.arguments.back()), first};
    if (name == "histogram_quantile") return MakeHistogramQuantile(std::move(ops[0]), std::move(ops[1]), places);
    if (name == "histogram_fraction") {
      return MakeHistogramFraction(std::move(ops[0]), std::move(ops[1]), std::move(ops[2]), places);
    }
    if (name == "histogram_quantiles") {
      OperatorPtr buckets = std::move(ops[0]);
      ops.erase(ops.begin(), ops.begin() + 2);
      return MakeHistogramQuantiles(std::move(buckets), StringOf(*call.arguments[1]), std::move(ops),
                                    {places.buckets, places.quantile, first});
    }
    OperatorPtr number = MakeHistogramNumber(name, std::move(ops[0]));
    if (number == nullptr) return Unsupported("function {}: cannot be evaluated here", name);
    return number;
  }

  static std::vector<std::string> Strings(const Call& call, size_t first) {
    std::vector<std::string> out;
    for (size_t i = first; i < call.arguments.size(); ++i) out.push_back(StringOf(*call.arguments[i]));
    return out;
  }

  static std::vector<std::string> StringsByPosition(const Call& call) {
    std::vector<std::string> out;
    for (const ExprPtr& argument : call.arguments) {
      out.push_back(argument->type == ValueType::kString ? StringOf(*argument) : std::string());
    }
    return out;
  }

  Result<Range> BuildRange(const Expr& whole) const {
    const Expr& expr = Unwrap(whole);
    Range range;
    if (const auto* matrix = std::get_if<MatrixSelector>(&expr.node)) {
      range.shift = ShiftOf(matrix->vector.time);
      range.range_ms = matrix->range_ms;
      range.extension = matrix->vector.extension;
      range.source = MakeStoredSource(matrix->vector.matchers, ResetHints(), matrix->vector.alternatives);
    } else {
      const auto& subquery = std::get<Subquery>(expr.node);
      range.shift = ShiftOf(subquery.time);
      range.range_ms = subquery.range_ms;
      const HistogramUse before = use_;
      use_ = HistogramUse::kBuckets;
      Result<OperatorPtr> built = BuildVarying(*subquery.expr);
      use_ = before;
      AUSPEX_ASSIGN_OR_RETURN(OperatorPtr inner, std::move(built));
      const int64_t step_ms = subquery.step_ms > 0 ? subquery.step_ms : kDefaultResolutionMs;
      if (subquery.aligned) range.aligned_step_ms = step_ms;
      range.source = MakeSubquerySource(std::move(inner), step_ms, subquery.aligned);
    }
    range.invariant = range.shift.at_ms.has_value();
    return range;
  }

  // A rollup: the answers of several functions, told apart by a label.
  Result<Part> BuildRollup(const Call& call, size_t matrix,
                           const std::vector<std::pair<std::string, std::string>>& parts) const {
    InstantCall all{"union", {}, {}, std::nullopt};
    bool invariant = true;
    for (const auto& [function, label] : parts) {
      const Function* row = registry_.Find(function);
      const bool one_argument = row == nullptr || (row->arguments.size() == 1 && !row->make_range);
      if (FindKernel(function) == nullptr || !one_argument) {
        return FailedPrecondition("{}(): not a function of nothing but a range: {}", call.function, function);
      }
      AUSPEX_ASSIGN_OR_RETURN(Part part, BuildRangeOf(function, call, matrix));
      InstantCall labelled{"label_set", {}, {"", "rollup", label}, std::nullopt};
      labelled.ops.push_back(std::move(part.op));
      AUSPEX_ASSIGN_OR_RETURN(OperatorPtr op, MakeLabelEdit(labelled));
      all.ops.push_back(std::move(op));
      invariant = invariant && part.invariant;
    }
    AUSPEX_ASSIGN_OR_RETURN(OperatorPtr op, MakeAssortedCall(all));
    return Part{std::move(op), invariant};
  }

  Result<Part> BuildValueRows(const Call& call, size_t matrix) const {
    AUSPEX_ASSIGN_OR_RETURN(Range range, BuildRange(*call.arguments[matrix]));
    AUSPEX_RETURN_IF_ERROR(CheckExtension(range.extension, call.function));
    if (range.aligned_step_ms > 0) return FailedPrecondition("{}(): aligned subqueries cannot be counted", call.function);
    const bool by_value = call.function == "count_values_over_time";
    return Part{
        MakeValueRows(std::move(range.source), range.range_ms, range.shift, by_value ? StringOf(*call.arguments[0]) : "vmrange",
                      by_value ? ValueRows::kValue : ValueRows::kVmrange),
        range.invariant};
  }

  Result<Part> BuildRangeCall(const Expr& /*expr*/, const Call& call, size_t matrix) const {
    if (call.function == "count_values_over_time" || call.function == "histogram_over_time")
      return BuildValueRows(call, matrix);
    auto parts = RollupParts(call.function);
    if (call.function == "aggr_over_time") {
      for (const std::string& function : Strings(call, 1)) parts.emplace_back(function, function);
    }
    return parts.empty() ? BuildRangeOf(call.function, call, matrix) : BuildRollup(call, matrix, parts);
  }

  // `function`: the call's own, or a part of it.
  Result<Part> BuildRangeOf(const std::string& name, const Call& call, size_t matrix) const {
    static const Function kPart{};
    const Function* function = registry_.Find(name);
    if (function == nullptr) function = &kPart;
    AUSPEX_ASSIGN_OR_RETURN(Range range, BuildRange(*call.arguments[matrix]));
    RangeSpec spec;
    spec.function = name;
    spec.range_ms = range.range_ms;
    spec.aligned_step_ms = range.aligned_step_ms;
    spec.shift = range.shift;
    spec.source = std::move(range.source);
    spec.keeps_metric_name = function->keeps_metric_name || call.keep_metric_names;
    spec.place = Place(*call.arguments.front());
    RangeCall literals;
    literals.range_ms = range.range_ms;
    bool invariant = range.invariant && !DependsOnEvaluationTime(call.function);
    std::vector<Part> scalars(call.arguments.size());
    for (size_t i = 0; i < call.arguments.size(); ++i) {
      const Expr& argument = *call.arguments[i];
      literals.types.push_back(argument.type);
      literals.strings.push_back(argument.type == ValueType::kString ? StringOf(argument) : std::string());
      literals.numbers.push_back(std::numeric_limits<double>::quiet_NaN());
      if (argument.type != ValueType::kScalar) continue;
      AUSPEX_ASSIGN_OR_RETURN(scalars[i], Build(argument));
      if (const double* constant = scalars[i].op->Constant(); constant != nullptr) literals.numbers[i] = *constant;
      invariant = invariant && scalars[i].invariant;
    }
    for (Part& scalar : scalars) {
      spec.scalars.push_back(scalar.op == nullptr || invariant ? std::move(scalar.op) : Varying(std::move(scalar)));
    }
    spec.extension = range.extension;
    std::string_view plain = name;
    // increase_pure(x[5m]) is increase(x[5m] anchored).
    constexpr std::string_view kPure = "_pure";
    if (plain.ends_with(kPure)) {
      plain.remove_suffix(kPure.size());
      spec.extension = RangeExtension::kAnchored;
    }
    AUSPEX_RETURN_IF_ERROR(CheckExtension(spec.extension, plain));
    if (spec.extension != RangeExtension::kNone) {
      spec.kernel = FindExtendedKernel(spec.extension, plain);
    } else if (function->make_range) {
      AUSPEX_ASSIGN_OR_RETURN(spec.registered, function->make_range(literals));
    } else {
      spec.kernel = FindKernel(name);
      if (spec.kernel == nullptr) return Unsupported("function {}: cannot be evaluated here", name);
    }
    OperatorPtr op = MakeRange(std::move(spec));
    if (call.function == "absent_over_time") op = MakeAbsentOverTime(std::move(op), AbsentLabels(*call.arguments[matrix]));
    return Part{std::move(op), invariant};
  }

  // An argument of a joint function, and whether it is the same at every step.
  struct PlannedJointPart {
    JointPart part;
    bool invariant = true;
  };

  Result<PlannedJointPart> BuildJointPart(const Expr& argument, ImpliedRange implied) const {
    PlannedJointPart out;
    if (argument.type == ValueType::kMatrix) {
      AUSPEX_ASSIGN_OR_RETURN(Range range, BuildRange(argument));
      if (range.aligned_step_ms > 0) return FailedPrecondition("aligned subqueries cannot be read by several rows at once");
      out.invariant = range.invariant;
      out.part.source = std::move(range.source);
      out.part.range_ms = range.range_ms;
      out.part.shift = range.shift;
      return out;
    }
    AUSPEX_ASSIGN_OR_RETURN(Part built, Build(argument));
    out.part.scalar = argument.type == ValueType::kScalar;
    out.invariant = built.invariant;
    out.part.op = Varying(std::move(built));
    if (!out.part.scalar && implied.range_ms > 0) {
      out.invariant = false;
      out.part.source = MakeSubquerySource(std::move(out.part.op), implied.step_ms);
      out.part.range_ms = implied.range_ms;
    }
    return out;
  }

  static int64_t RangeMsOf(const Expr& argument) {
    const Expr& expr = Unwrap(argument);
    if (const auto* matrix = std::get_if<MatrixSelector>(&expr.node)) return matrix->range_ms;
    if (const auto* subquery = std::get_if<Subquery>(&expr.node)) return subquery->range_ms;
    return 0;
  }

  Result<Part> BuildJointCall(const Function& function, const Call& call) const {
    JointCall literals;
    std::vector<PlannedJointPart> planned(call.arguments.size());
    for (size_t i = 0; i < planned.size(); ++i) {
      const Expr& argument = *call.arguments[i];
      literals.types.push_back(argument.type);
      literals.strings.push_back(argument.type == ValueType::kString ? StringOf(argument) : std::string());
      literals.numbers.push_back(std::numeric_limits<double>::quiet_NaN());
      literals.ranges_ms.push_back(RangeMsOf(argument));
      if (argument.type != ValueType::kScalar) continue;
      AUSPEX_ASSIGN_OR_RETURN(planned[i], BuildJointPart(argument, {}));
      if (const double* constant = planned[i].part.op->Constant(); constant != nullptr) literals.numbers.back() = *constant;
    }
    JointSpec spec;
    AUSPEX_ASSIGN_OR_RETURN(spec.function, function.make_joint(literals));
    bool invariant = true;
    for (size_t i = 0; i < planned.size(); ++i) {
      const ValueType type = literals.types[i];
      if (type == ValueType::kVector || type == ValueType::kMatrix) {
        AUSPEX_ASSIGN_OR_RETURN(planned[i], BuildJointPart(*call.arguments[i], spec.function->RangeOf(i)));
      }
      invariant = invariant && planned[i].invariant;
      spec.parts.push_back(std::move(planned[i].part));
    }
    spec.grouping = call.grouping;
    spec.keeps_metric_name = function.keeps_metric_name;
    spec.place = Place(*call.arguments.front());
    return Part{MakeJoint(std::move(spec)), invariant};
  }

  Result<Part> Build(const Expr& /*expr*/, const StringLiteral& /*literal*/) const {
    return Internal("plan: a string as a vector");
  }
  Result<Part> Build(const Expr& /*expr*/, const MatrixSelector& /*matrix*/) const {
    return Internal("plan: a range as a vector");
  }
  Result<Part> Build(const Expr& /*expr*/, const Subquery& /*subquery*/) const { return Internal("plan: a range as a vector"); }

  const std::string_view text_;
  const FunctionRegistry& registry_;
  const PlanTimes times_;
  mutable PlanNode* at_;
  mutable HistogramUse use_ = HistogramUse::kUnknown;  // at the expression that is being built
};

}  // namespace

Result<Plan> MakePlan(const Expr& expr, std::string_view text, const FunctionRegistry& registry, PlanTimes times,
                      bool explained) {
  PlanNode above;
  AUSPEX_ASSIGN_OR_RETURN(Plan plan, Planner(text, registry, times, explained ? &above : nullptr).Make(expr));
  if (explained && above.children.empty()) {
    above.children.push_back(std::make_unique<PlanNode>());
    above.children.back()->text = NodeText(expr);
  }
  if (explained) plan.explained = std::move(above.children.front());
  return plan;
}

}  // namespace auspex::query
