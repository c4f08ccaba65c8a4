#include "rule_alert.h"

#include <set>

namespace auspex::analytics {
namespace {

/// The result's labels without the metric name, under the rule's.
Labels LabelsOf(const Rule& rule, const Labels& result, double value) {
  Labels out = result.WithoutMetricName();
  const Labels& original = result;
  for (const auto& [name, text] : rule.labels) out = out.With(name, text.Render({&original, value, 0, nullptr}));
  return out;
}

}  // namespace

std::string_view AlertState::Name() const {
  for (const auto& [labels, alert] : active) {
    if (alert.firing) return "firing";
  }
  return active.empty() ? "inactive" : "pending";
}

Result<LabelledValues> StepAlert(const Rule& rule, const StepMatrix& points, size_t step, int64_t t_ms, AlertState& state) {
  std::set<Labels> present;
  for (const StepPoint& point : points.steps[step]) {
    const Labels labels = LabelsOf(rule, points.series[point.series], point.value).With("alertname", rule.name);
    if (!present.insert(labels).second) {
      return FailedPrecondition("two results become the same alert {}", labels.ToString());
    }
    ActiveAlert& alert = state.active.try_emplace(labels, ActiveAlert{false, t_ms, std::nullopt, 0, {}}).first->second;
    alert.absent_since_ms.reset();
    alert.value = point.value;
    alert.annotations.clear();
    const Labels& original = points.series[point.series];
    for (const auto& [name, text] : rule.annotations) {
      alert.annotations.emplace_back(name, text.Render({&original, point.value, alert.active_since_ms, nullptr}));
    }
  }
  LabelledValues out;
  for (auto at = state.active.begin(); at != state.active.end();) {
    ActiveAlert& alert = at->second;
    if (!present.contains(at->first)) {
      if (!alert.absent_since_ms) alert.absent_since_ms = t_ms;
      const bool kept = alert.firing && rule.keep_firing_for_ms > 0 && t_ms - *alert.absent_since_ms < rule.keep_firing_for_ms;
      if (!kept) {
        at = state.active.erase(at);
        continue;
      }
    }
    if (!alert.firing && t_ms - alert.active_since_ms >= rule.for_ms) alert.firing = true;
    const Labels series = at->first.With(kMetricName, "ALERTS").With("alertstate", alert.firing ? "firing" : "pending");
    out.push_back({series, 1});
    out.push_back({at->first.With(kMetricName, "ALERTS_FOR_STATE"), static_cast<double>(alert.active_since_ms / 1000)});
    ++at;
  }
  return out;
}

Result<LabelledValues> StepRecord(const Rule& rule, const StepMatrix& points, size_t step) {
  LabelledValues out;
  std::set<Labels> seen;
  for (const StepPoint& point : points.steps[step]) {
    Labels labels = points.series[point.series].WithoutMetricName();
    for (const auto& [name, text] : rule.labels) labels = labels.With(name, text.text());
    labels = labels.With(kMetricName, rule.name);
    if (!seen.insert(labels).second) return FailedPrecondition("two results become the same series {}", labels.ToString());
    out.push_back({std::move(labels), point.value, point.histogram});
  }
  return out;
}

}  // namespace auspex::analytics
