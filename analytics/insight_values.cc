#include "insight_values.h"

#include <cmath>

namespace auspex::analytics {
namespace {

/// The value of the one series that agrees with `labels`; none when there is none, or several.
std::optional<double> ValueFor(const RuleEvaluator& evaluator, const std::string& expr, const Labels& labels, int64_t t_ms) {
  if (expr.empty()) return std::nullopt;
  const auto points = StepMatrix::At(evaluator, expr, t_ms);
  if (!points.ok()) return std::nullopt;
  std::optional<double> found;
  for (const StepPoint& point : points->steps[0]) {
    if (!Agree(points->series[point.series], labels)) continue;
    if (found) return std::nullopt;
    found = point.value;
  }
  return found;
}

/// Forecasts further away than this are no times any more.
constexpr double kMaxSeconds = 1e10;

std::optional<int64_t> TimeAfter(int64_t t_ms, std::optional<double> seconds) {
  if (!seconds || !std::isfinite(*seconds) || std::abs(*seconds) > kMaxSeconds) return std::nullopt;
  return t_ms + static_cast<int64_t>(std::llround(*seconds * 1000));
}

}  // namespace

void FillObserved(const RuleEvaluator& evaluator, const RuleExpression& expression, Anomaly& anomaly) {
  if (expression.family == RuleExpression::Family::kOther) return;
  const int64_t t_ms = anomaly.time_range.start_ms;
  anomaly.value_at = ValueFor(evaluator, expression.Observed(anomaly.labels), anomaly.labels, t_ms);
  if (expression.family != RuleExpression::Family::kAnomaly) return;
  const auto ask = [&](std::string_view function) {
    return ValueFor(evaluator, expression.Sibling(function, anomaly.labels), anomaly.labels, t_ms);
  };
  anomaly.expected = ask("anomaly_expected");
  anomaly.lower = ask("anomaly_lower");
  anomaly.upper = ask("anomaly_upper");
}

std::optional<PredictionRange> Predicted(const RuleEvaluator& evaluator, const RuleExpression& expression, const Labels& labels,
                                         int64_t t_ms, double value) {
  if (expression.family != RuleExpression::Family::kExhaustion) return std::nullopt;
  const auto given = TimeAfter(t_ms, value);
  if (!given) return std::nullopt;
  const auto ask = [&](std::string_view function) {
    if (expression.function == function) return given;
    return TimeAfter(t_ms, ValueFor(evaluator, expression.Sibling(function, labels), labels, t_ms));
  };
  PredictionRange out;
  out.expected_ms = ask("forecast_exhaustion");
  out.start_ms = ask("forecast_exhaustion_earliest").value_or(out.expected_ms.value_or(*given));
  out.end_ms = ask("forecast_exhaustion_latest");
  out.limit = expression.limit;
  return out;
}

std::optional<int64_t> GivenBy(const RuleExpression& expression, const PredictionRange& range) {
  if (expression.function == "forecast_exhaustion_earliest") return range.start_ms;
  if (expression.function == "forecast_exhaustion_latest") return range.end_ms;
  return range.expected_ms;
}

}  // namespace auspex::analytics
