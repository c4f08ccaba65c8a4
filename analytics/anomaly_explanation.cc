#include "auspex/analytics/anomaly_explanation.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <mutex>

#include <nlohmann/json.hpp>

#include "anomaly_functions.h"
#include "auspex/query/parser.h"
#include "rule_expression.h"
#include "time_text.h"

namespace auspex::analytics {
namespace {

using query::RangeCall;
using query::RangeInput;
using Json = nlohmann::ordered_json;

constexpr std::string_view kFunction = "anomaly_explained";
constexpr std::string_view kWords = "EXPLAIN ANOMALY";

/// Explanations of all series, whichever thread finds them.
struct Sink {
  std::mutex mu;
  std::vector<AnomalyExplanation> found;
};

/// The kernel of an anomaly function, asked why instead of what. Answers with the score, so that the engine sees a function.
class ExplainingFunction final : public query::LookingBackFunction {
 public:
  ExplainingFunction(std::unique_ptr<const query::RangeFunction> inner, const AnomalyKernel& kernel, Sink& sink)
      : inner_(std::move(inner)), kernel_(kernel), sink_(sink) {}
  int64_t HistoryMs() const override { return kernel_.HistoryMs(); }
  int64_t OlderMs() const override { return kernel_.OlderMs(); }
  Status EvaluateWith(const RangeInput& input, query::OlderSamples* older, std::span<double> out,
                      query::Annotations& /*annotations*/) const override {
    AUSPEX_ASSIGN_OR_RETURN(auto explanation, kernel_.Explain(input, older));
    if (!explanation) return OkStatus();
    out[0] = explanation->score;
    const std::lock_guard lock(sink_.mu);
    sink_.found.push_back(*std::move(explanation));
    return OkStatus();
  }

 private:
  std::unique_ptr<const query::RangeFunction> inner_;
  const AnomalyKernel& kernel_;
  Sink& sink_;
};

Result<query::Function> ExplainingRow(const query::FunctionRegistry& registry, Sink& sink) {
  const query::Function* score = registry.Find("anomaly_score");
  if (score == nullptr) return FailedPrecondition("EXPLAIN ANOMALY: the anomaly functions are not registered");
  query::Function row;
  row.name = kFunction;
  row.arguments = AnomalyArguments();
  row.description = "Why the score is what it is.";
  row.make_range = [score, &sink](const RangeCall& call) -> Result<std::unique_ptr<const query::RangeFunction>> {
    AUSPEX_ASSIGN_OR_RETURN(auto inner, score->make_range(call));
    const auto* kernel = dynamic_cast<const AnomalyKernel*>(inner.get());
    if (kernel == nullptr) return FailedPrecondition("EXPLAIN ANOMALY: anomaly_score is not auspex's own");
    return std::unique_ptr<const query::RangeFunction>(std::make_unique<ExplainingFunction>(std::move(inner), *kernel, sink));
  };
  return row;
}

/// The call to evaluate: that of an anomaly function with its own arguments, or of a bare range vector.
Result<std::string> CallOf(std::string_view expr) {
  const RuleExpression read = ReadRuleExpression(expr);
  if (read.family == RuleExpression::Family::kAnomaly) return read.Sibling(kFunction, {});
  AUSPEX_ASSIGN_OR_RETURN(const query::ExprPtr tree, query::Parse(expr));
  if (std::holds_alternative<query::MatrixSelector>(tree->node) || std::holds_alternative<query::Subquery>(tree->node)) {
    return fmt::format("{}({})", kFunction, query::Print(*tree));
  }
  return InvalidArgument(
      "EXPLAIN ANOMALY: found \"{}\", expected a call of anomaly, anomaly_score or anomaly_flag, or a range vector", expr);
}

std::string SpanText(const AnomalyExplanation::Span& span) {
  return FormatTime(span.begin_ms) + " to " + FormatTime(span.end_ms);
}

std::string CounterfactualText(const AnomalyExplanation& e) {
  if (e.no_normal_value) return "No single value here would be normal: the samples before it decide.";
  if (e.anomalous) {
    const auto& edge = e.score > 0 ? e.normal_to : e.normal_from;
    if (!edge) return "";
    return fmt::format("Not anomalous at or {} {}.", e.score > 0 ? "below" : "above", FormatNumber(*edge));
  }
  std::string text;
  if (e.normal_to) text += fmt::format("Anomalous above {}.", FormatNumber(*e.normal_to));
  if (e.normal_from) text += fmt::format("{}Anomalous below {}.", text.empty() ? "" : " ", FormatNumber(*e.normal_from));
  return text.empty() ? "No value would be an anomaly." : text;
}

std::string TextOf(const AnomalyExplanation& e) {
  std::string text = fmt::format("{} at {} was {}", e.labels.ToString(), FormatTime(e.sample_ms), FormatNumber(e.value));
  if (!e.ready) return text + fmt::format(": too little history ({} samples) to say more.", e.history.count);
  text += fmt::format("; expected {}, usual {} to {}. Score {} ({}): ", FormatNumber(e.expected), FormatNumber(e.lower),
                      FormatNumber(e.upper), FormatNumber(e.score), e.anomalous ? "anomalous" : "not anomalous");
  if (e.guard == "range") {
    text += "outside of range=.";
  } else if (e.guard != "none") {
    text += fmt::format("the guard {} decided (without it {}).", e.guard, FormatNumber(e.raw_score));
  } else {
    text += fmt::format("{}.", Name(e.reason));
  }
  text += fmt::format(" Learned from {} samples, {}", e.history.count, SpanText(e.history));
  if (e.season_history) text += fmt::format("; seasons also from {}", SpanText(*e.season_history));
  text += '.';
  for (const AnomalyExplanation::Season& season : e.seasons) {
    text += fmt::format(" Season {}: {} cycles seen, {:.0f} % of what is expected.", season.period, season.cycles,
                        100 * season.weight);
  }
  const std::string counterfactual = CounterfactualText(e);
  return counterfactual.empty() ? text : text + " " + counterfactual;
}

Json SpanJson(const AnomalyExplanation::Span& span, const char* count_name) {
  Json json;
  json["begin"] = FormatTime(span.begin_ms);
  json["end"] = FormatTime(span.end_ms);
  json[count_name] = span.count;
  return json;
}

Json JsonOf(const AnomalyExplanation& e) {
  Json json;
  json["metric"] = Json::object();
  for (const LabelView label : e.labels) json["metric"][std::string(label.name)] = std::string(label.value);
  json["time"] = FormatTime(e.t_ms);
  json["sample_time"] = FormatTime(e.sample_ms);
  json["value"] = e.value;
  json["algorithm"] = e.algorithm;
  json["k"] = e.k;
  json["ready"] = e.ready;
  json["history"] = SpanJson(e.history, "samples");
  if (e.season_history) json["season_history"] = SpanJson(*e.season_history, "means");
  json["seasons"] = Json::array();
  for (const auto& season : e.seasons) {
    json["seasons"].push_back(Json{{"period", season.period}, {"cycles", season.cycles}, {"weight", season.weight}});
  }
  if (e.ready) {
    json["anomalous"] = e.anomalous;
    json["score"] = e.score;
    json["score_before_guards"] = e.raw_score;
    json["expected"] = e.expected;
    json["lower"] = e.lower;
    json["upper"] = e.upper;
    json["reason"] = std::string(Name(e.reason));
    json["guard"] = e.guard;
    Json normal = Json::object();
    if (e.normal_from) normal["from"] = *e.normal_from;
    if (e.normal_to) normal["to"] = *e.normal_to;
    json["not_anomalous"] = e.no_normal_value ? Json(nullptr) : normal;
  }
  json["text"] = e.text;
  return json;
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  return text;
}

/// Unix seconds with a fraction, or RFC 3339, quoted or not.
std::optional<int64_t> ReadTime(std::string_view text) {
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front()) {
    text = text.substr(1, text.size() - 2);
  }
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size()) {
    if (!(std::abs(seconds) < 9e12)) return std::nullopt;
    return static_cast<int64_t>(std::llround(seconds * 1000));
  }
  return ParseTime(text);
}

}  // namespace

Result<std::optional<ExplainAnomalyStatement>> ParseExplainAnomaly(std::string_view text) {
  std::optional<ExplainAnomalyStatement> none;
  text = Trimmed(text);
  if (!text.starts_with(kWords)) return none;
  std::string_view rest = text.substr(kWords.size());
  if (rest.empty() || std::isspace(static_cast<unsigned char>(rest.front())) == 0) return none;
  rest = Trimmed(rest);
  ExplainAnomalyStatement out{std::string(rest), std::nullopt};
  // The last '@' belongs to the statement where a time follows it and what stands before it is an expression.
  if (const size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view before = Trimmed(rest.substr(0, at));
    if (const auto t_ms = ReadTime(Trimmed(rest.substr(at + 1))); t_ms && query::Parse(before).ok()) {
      out = {std::string(before), t_ms};
    }
  }
  if (out.expr.empty()) return InvalidArgument("EXPLAIN ANOMALY: expected an expression");
  return std::optional(std::move(out));
}

Result<std::vector<AnomalyExplanation>> ExplainAnomaly(const SeriesStore& store, const query::FunctionRegistry& registry,
                                                       const query::EngineOptions& engine, std::string_view expr, int64_t t_ms,
                                                       const query::QueryOptions& options) {
  AUSPEX_ASSIGN_OR_RETURN(const std::string call, CallOf(expr));
  Sink sink;
  query::FunctionRegistry own;
  for (const query::Function* function : registry.All()) AUSPEX_RETURN_IF_ERROR(own.Add(*function));
  AUSPEX_ASSIGN_OR_RETURN(query::Function row, ExplainingRow(registry, sink));
  AUSPEX_RETURN_IF_ERROR(own.Add(std::move(row)));
  AUSPEX_ASSIGN_OR_RETURN(const query::QueryResult answer, query::Engine(store, own, engine).Instant(call, t_ms, options));
  (void)answer;
  std::sort(sink.found.begin(), sink.found.end(), [](const auto& a, const auto& b) { return a.labels < b.labels; });
  for (AnomalyExplanation& explanation : sink.found) explanation.text = TextOf(explanation);
  return std::move(sink.found);
}

std::string ToJson(const std::vector<AnomalyExplanation>& explanations) {
  Json json = Json::array();
  for (const AnomalyExplanation& explanation : explanations) json.push_back(JsonOf(explanation));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace auspex::analytics
