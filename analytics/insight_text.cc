#include "insight_text.h"

#include <algorithm>
#include <cmath>

#include "time_text.h"

namespace auspex::analytics {
namespace {

double SecondsBetween(int64_t from_ms, int64_t to_ms) { return static_cast<double>(to_ms - from_ms) / 1000; }

/// The causal anomaly with the most to say: the worst severity, the first of those.
const Anomaly* Leading(const Insight& insight) {
  const Anomaly* best = nullptr;
  for (const Anomaly& anomaly : insight.anomalies) {
    if (anomaly.role == AnomalyRole::kCausal && (best == nullptr || anomaly.severity > best->severity)) best = &anomaly;
  }
  return best;
}

/// "4.1 times as much", "28 % of it", where that says something.
std::string Proportion(double value, double expected) {
  const double ratio = value / expected;
  if (!std::isfinite(ratio) || ratio <= 0) return "";
  if (ratio >= 1.1) return fmt::format(", {} times as much", FormatNumber(std::round(ratio * 10) / 10));
  if (ratio <= 0.9) return fmt::format(", {} % of it", FormatNumber(std::round(ratio * 1000) / 10));
  return "";
}

std::string Observation(const Rule& rule, const Anomaly& anomaly) {
  const std::string subject = SubjectText(rule.expression, anomaly.labels);
  const std::string start = FormatTime(anomaly.time_range.start_ms);
  if (!anomaly.value_at || !anomaly.expected) {
    return fmt::format("{} is not as it should be: {} gives {}.", subject, rule.expr, FormatNumber(anomaly.score));
  }
  std::string out = fmt::format("{} was {} at {}", subject, FormatNumber(*anomaly.value_at), start);
  const bool above = anomaly.upper && *anomaly.value_at > *anomaly.upper;
  const bool below = anomaly.lower && *anomaly.value_at < *anomaly.lower;
  if (anomaly.lower && anomaly.upper && (above || below)) {
    out += fmt::format(", {} the expected range {} to {}", above ? "above" : "below", FormatNumber(*anomaly.lower),
                       FormatNumber(*anomaly.upper));
  }
  return out +
         fmt::format(" (expected {}{}).", FormatNumber(*anomaly.expected), Proportion(*anomaly.value_at, *anomaly.expected));
}

std::string LimitText(const Insight& insight) {
  return insight.prediction_range->limit ? FormatNumber(*insight.prediction_range->limit) : "its limit";
}

int64_t PredictedAt(const Insight& insight) {
  return insight.prediction_range->expected_ms.value_or(insight.prediction_range->start_ms);
}

std::string Forecast(const Rule& rule, const Insight& insight, const Anomaly& anomaly, int64_t t_ms) {
  const PredictionRange& range = *insight.prediction_range;
  const bool ongoing = insight.status == InsightStatus::kOngoing;
  std::string out = fmt::format("{} {} forecast to reach {} at {}", SubjectText(rule.expression, anomaly.labels),
                                ongoing ? "is" : "was", LimitText(insight), FormatTime(PredictedAt(insight)));
  if (ongoing && PredictedAt(insight) > t_ms)
    out += fmt::format(", in {}", FormatSpan(SecondsBetween(t_ms, PredictedAt(insight))));
  if (range.end_ms && *range.end_ms > range.start_ms) {
    out += fmt::format(", between {} and {}", FormatTime(range.start_ms), FormatTime(*range.end_ms));
  } else if (range.start_ms < PredictedAt(insight)) {
    out += fmt::format(", at the earliest {}", FormatTime(range.start_ms));
  }
  out += '.';
  if (anomaly.value_at) {
    out += fmt::format(" It was {} at {}.", FormatNumber(*anomaly.value_at), FormatTime(anomaly.time_range.start_ms));
  }
  return out;
}

std::string Duration(const Insight& insight) {
  const TimeRange& range = insight.time_range;
  if (insight.status == InsightStatus::kClosed && range.end_ms == range.start_ms)
    return " One evaluation saw it, the next did not.";
  if (insight.status == InsightStatus::kClosed && range.end_ms) {
    return fmt::format(" It lasted {}, from {} to {}.", FormatSpan(SecondsBetween(range.start_ms, *range.end_ms)),
                       FormatTime(range.start_ms), FormatTime(*range.end_ms));
  }
  return fmt::format(" Since {}.", FormatTime(range.start_ms));
}

std::string Breadth(const Insight& insight) {
  const auto count = std::count_if(insight.anomalies.begin(), insight.anomalies.end(),
                                   [](const Anomaly& anomaly) { return anomaly.role == AnomalyRole::kCausal; });
  const auto contextual = static_cast<std::ptrdiff_t>(insight.anomalies.size()) - count;
  std::string out;
  if (count > 1) out += fmt::format(" {} anomalies belong together.", count);
  if (contextual > 0) out += fmt::format(" {} more {} as context.", contextual, contextual == 1 ? "is given" : "are given");
  if (insight.reopen_count > 0)
    out += fmt::format(" It came back {}.", insight.reopen_count == 1 ? "once" : fmt::format("{} times", insight.reopen_count));
  return out;
}

std::string Change(const Insight& insight) {
  if (insight.events.empty()) return "";
  const LinkedEvent& linked = insight.events.front();
  const std::string kind = linked.event.kind.empty() ? "change" : linked.event.kind;
  return fmt::format(" {} before it began: {} \"{}\".", FormatSpan(linked.delta_seconds), kind, linked.event.name);
}

std::string DefaultName(const Rule& rule, const Insight& insight, const Anomaly& anomaly, int64_t t_ms) {
  const std::string subject = SubjectText(rule.expression, anomaly.labels);
  if (!insight.prediction_range) return fmt::format("{}: {}", rule.name, subject);
  const int64_t at = PredictedAt(insight);
  if (at <= t_ms) return fmt::format("{} reaches {}", subject, LimitText(insight));
  return fmt::format("{} reaches {} in {}, at {}", subject, LimitText(insight), FormatSpan(SecondsBetween(t_ms, at)),
                     FormatTime(at));
}

void WriteRecommendations(const Rule& rule, const Template::Context& context, Insight& insight) {
  insight.recommendations.clear();
  for (const RecommendationTemplate& item : rule.insight.recommend) {
    // Advice about a change says nothing while no change is known.
    const bool needs_event = item.text.needs_event() || item.reason.needs_event() || item.link.needs_event();
    if (needs_event && context.event == nullptr) continue;
    insight.recommendations.push_back(
        {item.name, item.text.Render(context), item.reason.Render(context), item.link.Render(context)});
  }
}

}  // namespace

std::string SubjectText(const RuleExpression& expression, const Labels& labels) {
  if (expression.plain_metric) return labels.With(kMetricName, expression.subject).ToString();
  const std::string what = expression.subject.empty() ? expression.text : expression.subject;
  return labels.empty() ? what : fmt::format("{} for {}", what, labels.ToString());
}

void WriteWords(const Rule& rule, int64_t t_ms, Insight& insight) {
  const Anomaly* anomaly = Leading(insight);
  if (anomaly == nullptr) return;
  const LinkedEvent* event = insight.events.empty() ? nullptr : &insight.events.front();
  const Template::Context context{&anomaly->labels, anomaly->score, insight.time_range.start_ms, event};
  const auto annotation = [&](std::string_view name) -> std::optional<std::string> {
    for (const auto& [key, text] : rule.annotations) {
      if (key == name) return text.Render(context);
    }
    return std::nullopt;
  };
  const bool ongoing = insight.status == InsightStatus::kOngoing;
  // A closed insight keeps the name that people have seen.
  if (ongoing || insight.name.empty())
    insight.name = annotation("summary").value_or(DefaultName(rule, insight, *anomaly, t_ms));
  std::string text = insight.prediction_range ? Forecast(rule, insight, *anomaly, t_ms) : Observation(rule, *anomaly);
  text += Duration(insight) + Breadth(insight) + Change(insight);
  const uint32_t missed = insight.missed_evaluations;
  if (missed > 0) text += fmt::format(" {} evaluation{} did not happen meanwhile.", missed, missed == 1 ? "" : "s");
  insight.description = annotation("description").value_or(text);
  WriteRecommendations(rule, context, insight);
}

}  // namespace auspex::analytics
