#include "tests/support/naive_evaluator.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <regex>
#include <set>

namespace auspex::testing {
namespace {

using query::Expr;
using query::ValueType;

const Expr& Inside(const Expr& expr) {
  const auto* paren = std::get_if<query::Paren>(&expr.node);
  return paren == nullptr ? expr : Inside(*paren->expr);
}

std::string Text(const Expr& expr) { return std::get<query::StringLiteral>(Inside(expr).node).value; }

bool IsStale(double value) { return std::bit_cast<uint64_t>(value) == query::kAbsentBits; }

Labels WithoutIdentity(const Labels& labels) {
  const std::string_view names[] = {"__name__", "__type__", "__unit__"};
  return labels.Without(names);
}

std::string ValueText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

Status SameLabels() { return FailedPrecondition("two series with the same labels"); }

// Prometheus' name validation is wider; scripts use plain ones.
std::string Expand(const std::string& pattern, const std::smatch& match) {
  std::string out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '$' && i + 1 < pattern.size() && std::isdigit(static_cast<unsigned char>(pattern[i + 1]))) {
      const auto group = static_cast<size_t>(pattern[++i] - '0');
      if (group < match.size()) out += match[group].str();
    } else {
      out += pattern[i];
    }
  }
  return out;
}

}  // namespace

Result<NaiveSeries> NaiveEvaluator::Evaluate(const Expr& expr, const NaiveQuery& query) const {
  NaiveSeries answer;
  const int64_t step_ms = query.step_ms > 0 ? query.step_ms : 1;
  for (int64_t t_ms = query.start_ms; t_ms <= query.end_ms; t_ms += step_ms) {
    const At at{t_ms, query};
    if (expr.type == ValueType::kScalar) {
      AUSPEX_ASSIGN_OR_RETURN(answer[Labels()][t_ms], Scalar(expr, at));
      continue;
    }
    AUSPEX_ASSIGN_OR_RETURN(const NaiveVector vector, Vector(expr, at));
    for (const NaiveSample& sample : vector) {
      const Labels labels = sample.name_dropped ? WithoutIdentity(sample.labels) : sample.labels;
      if (!answer[labels].emplace(t_ms, sample.value).second) return SameLabels();
    }
  }
  return answer;
}

int64_t NaiveEvaluator::Shifted(const query::TimeModifier& time, const At& at) const {
  int64_t t_ms = at.t_ms;
  if (time.at == query::TimeModifier::At::kTime) t_ms = time.at_ms;
  if (time.at == query::TimeModifier::At::kStart) t_ms = at.query.start_ms;
  if (time.at == query::TimeModifier::At::kEnd) t_ms = at.query.end_ms;
  return t_ms - time.offset_ms.value_or(0);
}

Result<double> NaiveEvaluator::Scalar(const Expr& whole, const At& at) const {
  const Expr& expr = Inside(whole);
  if (const auto* number = std::get_if<query::NumberLiteral>(&expr.node)) return number->value;
  if (const auto* unary = std::get_if<query::Unary>(&expr.node)) {
    AUSPEX_ASSIGN_OR_RETURN(const double value, Scalar(*unary->expr, at));
    return unary->negative ? -value : value;
  }
  if (const auto* binary = std::get_if<query::Binary>(&expr.node)) {
    AUSPEX_ASSIGN_OR_RETURN(const double left, Scalar(*binary->left, at));
    AUSPEX_ASSIGN_OR_RETURN(const double right, Scalar(*binary->right, at));
    return NaiveOperate(binary->op, left, right);
  }
  const auto& call = std::get<query::Call>(expr.node);
  const auto seconds = [](int64_t ms) { return static_cast<double>(ms) / 1000; };
  if (call.function == "time") return seconds(at.t_ms);
  if (call.function == "pi") return std::acos(-1.0);
  if (call.function == "start") return seconds(at.query.start_ms);
  if (call.function == "end") return seconds(at.query.end_ms);
  if (call.function == "step") return seconds(at.query.step_ms);
  if (call.function == "range") return seconds(at.query.end_ms - at.query.start_ms);
  AUSPEX_CHECK(call.function == "scalar");
  AUSPEX_ASSIGN_OR_RETURN(const NaiveVector vector, Vector(*call.arguments[0], at));
  return vector.size() == 1 ? vector[0].value : std::nan("");
}

Result<NaiveVector> NaiveEvaluator::Vector(const Expr& whole, const At& at) const {
  const Expr& expr = Inside(whole);
  if (const auto* selector = std::get_if<query::VectorSelector>(&expr.node)) return Select(*selector, at, false);
  if (const auto* unary = std::get_if<query::Unary>(&expr.node)) return Negate(*unary, at);
  if (const auto* aggregate = std::get_if<query::Aggregate>(&expr.node)) return Aggregate(*aggregate, at);
  if (const auto* call = std::get_if<query::Call>(&expr.node)) return Call(*call, at);
  const auto& binary = std::get<query::Binary>(expr.node);
  if (binary.left->type == ValueType::kScalar) return WithScalar(binary, at, true);
  if (binary.right->type == ValueType::kScalar) return WithScalar(binary, at, false);
  return Combine(binary, at);
}

// The newest sample of each series that is at most the lookback old and says that the series goes on.
NaiveVector NaiveEvaluator::Select(const query::VectorSelector& selector, const At& at, bool timestamps) const {
  const int64_t t_ms = Shifted(selector.time, at);
  NaiveVector out;
  for (const auto& [labels, samples] : series_) {
    const auto matches = [&labels = labels](const Matcher& matcher) { return matcher.Matches(labels); };
    if (!std::all_of(selector.matchers.begin(), selector.matchers.end(), matches)) continue;
    const std::pair<const int64_t, double>* newest = nullptr;
    for (const auto& sample : samples) {
      if (sample.first <= t_ms) newest = &sample;
    }
    if (newest == nullptr || newest->first <= t_ms - lookback_ms_ || IsStale(newest->second)) continue;
    out.push_back({labels, timestamps ? static_cast<double>(newest->first) / 1000 : newest->second, false});
  }
  return out;
}

Result<NaiveEvaluator::Window> NaiveEvaluator::Range(const Expr& whole, const At& at) const {
  const Expr& expr = Inside(whole);
  Window window;
  if (const auto* matrix = std::get_if<query::MatrixSelector>(&expr.node)) {
    window.end_ms = Shifted(matrix->vector.time, at);
    window.begin_ms = window.end_ms - matrix->range_ms;
    for (const auto& [labels, samples] : series_) {
      const auto matches = [&labels = labels](const Matcher& matcher) { return matcher.Matches(labels); };
      if (!std::all_of(matrix->vector.matchers.begin(), matrix->vector.matchers.end(), matches)) continue;
      std::vector<NaivePoint> points;
      for (const auto& [t_ms, value] : samples) {
        if (t_ms > window.begin_ms && t_ms <= window.end_ms && !IsStale(value)) points.push_back({t_ms, value});
      }
      if (!points.empty()) window.series.push_back({{labels, 0, false}, points});
    }
    return window;
  }
  const auto& subquery = std::get<query::Subquery>(expr.node);
  window.end_ms = Shifted(subquery.time, at);
  window.begin_ms = window.end_ms - subquery.range_ms;
  constexpr int64_t kDefaultStepMs = 60'000;
  const int64_t step_ms = subquery.step_ms > 0 ? subquery.step_ms : kDefaultStepMs;
  for (int64_t t_ms = window.begin_ms + 1; t_ms <= window.end_ms; ++t_ms) {
    if (t_ms % step_ms != 0) {  // to the next multiple
      const int64_t rest = ((t_ms % step_ms) + step_ms) % step_ms;
      t_ms += step_ms - rest - 1;
      continue;
    }
    AUSPEX_ASSIGN_OR_RETURN(const NaiveVector vector, Vector(*subquery.expr, At{t_ms, at.query}));
    for (const NaiveSample& sample : vector) {
      const auto same = std::find_if(window.series.begin(), window.series.end(), [&](const auto& known) {
        return known.first.labels == sample.labels && known.first.name_dropped == sample.name_dropped;
      });
      if (same == window.series.end()) {
        window.series.push_back({sample, {{t_ms, sample.value}}});
      } else {
        if (same->second.back().t_ms == t_ms) return SameLabels();
        same->second.push_back({t_ms, sample.value});
      }
    }
  }
  return window;
}

Result<NaiveVector> NaiveEvaluator::Negate(const query::Unary& unary, const At& at) const {
  AUSPEX_ASSIGN_OR_RETURN(NaiveVector vector, Vector(*unary.expr, at));
  if (!unary.negative) return vector;
  for (NaiveSample& sample : vector) sample = {sample.labels, -sample.value, true};
  return vector;
}

Result<NaiveVector> NaiveEvaluator::WithScalar(const query::Binary& binary, const At& at, bool scalar_left) const {
  AUSPEX_ASSIGN_OR_RETURN(const NaiveVector vector, Vector(scalar_left ? *binary.right : *binary.left, at));
  AUSPEX_ASSIGN_OR_RETURN(const double scalar, Scalar(scalar_left ? *binary.left : *binary.right, at));
  NaiveVector out;
  for (const NaiveSample& sample : vector) {
    const double result =
        scalar_left ? NaiveOperate(binary.op, scalar, sample.value) : NaiveOperate(binary.op, sample.value, scalar);
    if (!query::IsComparison(binary.op) || binary.return_bool) {
      out.push_back({sample.labels, result, true});
    } else if (result == 1) {
      out.push_back(sample);
    }
  }
  return out;
}

Result<NaiveVector> NaiveEvaluator::Combine(const query::Binary& binary, const At& at) const {
  AUSPEX_ASSIGN_OR_RETURN(const NaiveVector left, Vector(*binary.left, at));
  AUSPEX_ASSIGN_OR_RETURN(const NaiveVector right, Vector(*binary.right, at));
  return NaiveMatch(binary, left, right);
}

Result<NaiveVector> NaiveEvaluator::Aggregate(const query::Aggregate& aggregate, const At& at) const {
  using Op = query::AggregateOp;
  AUSPEX_ASSIGN_OR_RETURN(const NaiveVector vector, Vector(*aggregate.expr, at));
  double parameter = 0;
  if (aggregate.parameter != nullptr && aggregate.op != Op::kCountValues) {
    AUSPEX_ASSIGN_OR_RETURN(parameter, Scalar(*aggregate.parameter, at));
  }
  std::vector<std::string_view> names(aggregate.grouping.begin(), aggregate.grouping.end());
  std::string value_label;
  if (aggregate.op == Op::kCountValues) value_label = Text(*aggregate.parameter);
  if (aggregate.without) names.push_back("__name__");
  if (!value_label.empty() && !aggregate.without) names.push_back(value_label);
  struct Group {
    NaiveVector members;
    bool name_dropped = false;
  };
  std::map<Labels, Group> groups;
  for (const NaiveSample& sample : vector) {
    Labels labels = sample.labels;
    if (!value_label.empty()) labels = labels.With(value_label, ValueText(sample.value));
    Group& group = groups[aggregate.without ? labels.Without(names) : labels.Keep(names)];
    group.members.push_back(sample);
    group.name_dropped = group.name_dropped || sample.name_dropped;
  }
  NaiveVector out;
  for (auto& [labels, group] : groups) {
    if (aggregate.op == Op::kTopk || aggregate.op == Op::kBottomk) {
      if (!(parameter >= 1)) continue;
      std::stable_sort(group.members.begin(), group.members.end(), [&](const NaiveSample& a, const NaiveSample& b) {
        if (std::isnan(a.value) || std::isnan(b.value)) return !std::isnan(a.value) && std::isnan(b.value);
        return aggregate.op == Op::kTopk ? a.value > b.value : a.value < b.value;
      });
      const size_t count = std::min(group.members.size(), static_cast<size_t>(std::min(parameter, 1e6)));
      out.insert(out.end(), group.members.begin(), group.members.begin() + static_cast<ptrdiff_t>(count));
      continue;
    }
    std::vector<double> values;
    for (const NaiveSample& sample : group.members) values.push_back(sample.value);
    out.push_back({labels, NaiveReduce(aggregate.op, values, parameter), group.name_dropped});
  }
  return out;
}

Result<NaiveVector> NaiveEvaluator::Call(const query::Call& call, const At& at) const {
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    if (call.arguments[i]->type == ValueType::kMatrix) return RangeCall(call, i, at);
  }
  if (call.function == "vector") {
    AUSPEX_ASSIGN_OR_RETURN(const double value, Scalar(*call.arguments[0], at));
    return NaiveVector{{Labels(), value, false}};
  }
  if (call.function == "label_replace" || call.function == "label_join") return Relabel(call, at);
  NaiveVector vector{{Labels(), static_cast<double>(at.t_ms) / 1000, false}};  // of hour() and its like
  std::vector<double> scalars;
  if (!call.arguments.empty()) {
    AUSPEX_ASSIGN_OR_RETURN(vector, Vector(*call.arguments[0], at));
  }
  for (size_t i = 1; i < call.arguments.size(); ++i) {
    if (call.arguments[i]->type != ValueType::kScalar) continue;
    AUSPEX_ASSIGN_OR_RETURN(const double scalar, Scalar(*call.arguments[i], at));
    scalars.push_back(scalar);
  }
  if (call.function == "absent") return Absent(*call.arguments[0], !vector.empty());
  if (call.function == "sort" || call.function == "sort_desc") return vector;
  if (call.function == "timestamp") {
    const auto* selector = std::get_if<query::VectorSelector>(&Inside(*call.arguments[0]).node);
    if (selector != nullptr) vector = Select(*selector, at, /*timestamps=*/true);
    for (NaiveSample& sample : vector) {
      if (selector == nullptr) sample.value = static_cast<double>(at.t_ms) / 1000;
      sample.name_dropped = true;
    }
    return vector;
  }
  NaiveVector out;
  for (const NaiveSample& sample : vector) {
    if (const auto value = NaiveMap(call.function, sample.value, scalars)) out.push_back({sample.labels, *value, true});
  }
  return out;
}

Result<NaiveVector> NaiveEvaluator::RangeCall(const query::Call& call, size_t matrix, const At& at) const {
  AUSPEX_ASSIGN_OR_RETURN(const Window window, Range(*call.arguments[matrix], at));
  std::vector<double> scalars;
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    if (i == matrix) continue;
    AUSPEX_ASSIGN_OR_RETURN(const double scalar, Scalar(*call.arguments[i], at));
    scalars.push_back(scalar);
  }
  if (call.function == "absent_over_time") return Absent(*call.arguments[matrix], !window.series.empty());
  const bool keeps_name = call.function == "last_over_time" || call.function == "first_over_time";
  NaiveVector out;
  for (const auto& [series, points] : window.series) {
    const auto value = NaiveOverTime(call.function, points, window.begin_ms, window.end_ms, at.t_ms, scalars);
    if (value) out.push_back({series.labels, *value, series.name_dropped || !keeps_name});
  }
  return out;
}

Result<NaiveVector> NaiveEvaluator::Absent(const Expr& argument, bool present) const {
  if (present) return NaiveVector();
  const Expr& expr = Inside(argument);
  std::vector<Matcher> matchers;
  if (const auto* selector = std::get_if<query::VectorSelector>(&expr.node)) matchers = selector->matchers;
  if (const auto* range = std::get_if<query::MatrixSelector>(&expr.node)) matchers = range->vector.matchers;
  Labels labels;
  std::set<std::string> seen;
  for (const Matcher& matcher : matchers) {
    if (matcher.name() == "__name__") continue;
    const bool first = matcher.op() == Matcher::Op::kEqual && seen.insert(matcher.name()).second;
    labels = labels.With(matcher.name(), first ? matcher.value() : "");
  }
  return NaiveVector{{labels, 1, false}};
}

Result<NaiveVector> NaiveEvaluator::Relabel(const query::Call& call, const At& at) const {
  AUSPEX_ASSIGN_OR_RETURN(NaiveVector vector, Vector(*call.arguments[0], at));
  const std::string target = Text(*call.arguments[1]);
  std::set<Labels> seen;
  for (NaiveSample& sample : vector) {
    std::optional<std::string> value;
    if (call.function == "label_join") {
      value = "";
      for (size_t i = 3; i < call.arguments.size(); ++i) {
        *value += (i > 3 ? Text(*call.arguments[2]) : "") + std::string(sample.labels.Get(Text(*call.arguments[i])));
      }
    } else {
      const std::string source(sample.labels.Get(Text(*call.arguments[3])));
      std::smatch match;
      if (std::regex_match(source, match, std::regex(Text(*call.arguments[4]))))
        value = Expand(Text(*call.arguments[2]), match);
    }
    if (value) sample.labels = sample.labels.With(target, *value);
    if (value && target == "__name__") sample.name_dropped = false;
    if (!seen.insert(sample.labels).second) return SameLabels();
  }
  return vector;
}

}  // namespace auspex::testing
