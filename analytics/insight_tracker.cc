#include "insight_tracker.h"

#include <algorithm>
#include <cmath>

#include <xxhash.h>

#include "insight_text.h"
#include "insight_values.h"
#include "time_text.h"

namespace auspex::analytics {
namespace {

/// An insight with this many anomalies takes no more: a series that flaps for days goes on in a new insight.
constexpr size_t kMaxAnomalies = 100;

/// A prediction that moved by less than this share of the time that is left says nothing new.
constexpr double kNewsworthyShare = 0.25;

/// 26 characters that sort by `start_ms`, as a ULID does: 10 of time, 16 of hash, in Crockford's base 32.
std::string MakeId(std::string_view content, int64_t start_ms) {
  constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const XXH128_hash_t hash = XXH3_128bits(content.data(), content.size());
  uint64_t time = static_cast<uint64_t>(std::max<int64_t>(start_ms, 0)) & ((uint64_t{1} << 48) - 1);
  std::string out(26, '0');
  for (size_t i = 10; i-- > 0; time >>= 5) out[i] = kDigits[time & 31];
  uint64_t half = hash.high64;
  for (size_t i = 18; i-- > 10; half >>= 5) out[i] = kDigits[half & 31];
  half = hash.low64;
  for (size_t i = 26; i-- > 18; half >>= 5) out[i] = kDigits[half & 31];
  return out;
}

std::string MakeId(const RuleGroup& group, const Rule& rule, char what, const Labels& labels, int64_t start_ms) {
  return MakeId(fmt::format("{}{}{}{}{}{}{}{}", group.name, '\0', rule.name, '\0', what, labels.bytes(), '\0', start_ms),
                start_ms);
}

bool HasOngoing(const Insight& insight, AnomalyRole role) {
  return std::any_of(insight.anomalies.begin(), insight.anomalies.end(),
                     [&](const Anomaly& anomaly) { return anomaly.role == role && anomaly.status == InsightStatus::kOngoing; });
}

Anomaly* OngoingAnomaly(Insight& insight, const Labels& labels, const std::string& expr) {
  for (Anomaly& anomaly : insight.anomalies) {
    if (anomaly.status == InsightStatus::kOngoing && anomaly.labels == labels && anomaly.expr == expr) return &anomaly;
  }
  return nullptr;
}

bool SameLinks(const std::vector<LinkedEvent>& a, const std::vector<LinkedEvent>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const LinkedEvent& x, const LinkedEvent& y) {
    return x.event.id == y.event.id && x.delta_seconds == y.delta_seconds && x.relevance == y.relevance;
  });
}

std::string_view Symbol(SeverityBound::Op op) {
  switch (op) {
    case SeverityBound::Op::kGreater:
      return ">";
    case SeverityBound::Op::kGreaterEqual:
      return ">=";
    case SeverityBound::Op::kLess:
      return "<";
    case SeverityBound::Op::kLessEqual:
      return "<=";
  }
  return "";
}

}  // namespace

std::vector<Verdict> ReadVerdicts(const Rule& rule, const StepMatrix& points, const StepMatrix* when,
                                  const std::vector<const StepMatrix*>& bounds, size_t step) {
  std::vector<Verdict> out;
  for (const StepPoint& point : points.steps[step]) {
    Verdict verdict{points.series[point.series].WithoutMetricName(), point.value, rule.insight.severity, ""};
    if (when != nullptr && !when->HasPartner(step, verdict.labels)) continue;
    if (rule.insight.bounds.empty()) verdict.why = fmt::format("as the rule says, with value {}", FormatNumber(point.value));
    for (size_t i = 0; i < rule.insight.bounds.size(); ++i) {
      const SeverityBound& bound = rule.insight.bounds[i];
      if (bound.Holds(std::abs(point.value))) {
        verdict.why = fmt::format("value {} {} {}", FormatNumber(point.value), Symbol(bound.op), FormatNumber(bound.bound));
      } else if (bounds[i] != nullptr && bounds[i]->HasPartner(step, verdict.labels)) {
        verdict.why = bound.or_expr;
      } else {
        continue;
      }
      verdict.severity = bound.severity;
      break;
    }
    if (verdict.why.empty()) verdict.why = fmt::format("value {} passes no bound", FormatNumber(point.value));
    out.push_back(std::move(verdict));
  }
  return out;
}

bool InsightTracker::worse(double a, double b) const {
  const bool smaller_is_worse = around_.rule.expression.family == RuleExpression::Family::kExhaustion;
  return smaller_is_worse ? std::abs(a) < std::abs(b) : std::abs(a) > std::abs(b);
}

void InsightTracker::Step(int64_t t_ms, const std::vector<Verdict>& verdicts, uint64_t missed) {
  for (auto& [id, insight] : state_.insights) {
    if (missed == 0 || insight.status != InsightStatus::kOngoing) continue;
    insight.missed_evaluations += static_cast<uint32_t>(missed);
    changed_.insert(id);
  }
  Observe(t_ms, verdicts, missed);
  for (auto at = state_.episodes.begin(); at != state_.episodes.end();) {
    Episode& episode = at->second;
    const bool seen = episode.last_ms == t_ms;
    if (!seen && (!episode.active || t_ms - episode.last_ms > around_.rule.keep_firing_for_ms)) {
      if (episode.active) Deactivate(t_ms, at->first, episode);
      at = state_.episodes.erase(at);
      continue;
    }
    if (seen && !episode.active && t_ms - episode.start_ms >= around_.rule.for_ms) episode.active = true;
    if (seen && episode.active) Activate(t_ms, at->first, episode);
    ++at;
  }
  Predict(t_ms);
  CloseFinished(t_ms);
}

void InsightTracker::Observe(int64_t t_ms, const std::vector<Verdict>& verdicts, uint64_t missed) {
  for (const Verdict& verdict : verdicts) {
    const auto [at, added] = state_.episodes.try_emplace(verdict.labels);
    Episode& episode = at->second;
    if (added) {
      episode.start_ms = t_ms;
    } else {
      episode.missed += episode.active ? 0 : missed;
    }
    // Several series may lose their names and become one: the worst of them counts.
    const bool again = !added && episode.last_ms == t_ms;
    if (!again || worse(verdict.value, episode.value)) episode.value = verdict.value;
    if (added || worse(verdict.value, episode.worst)) episode.worst = verdict.value;
    if (added || verdict.severity > episode.severity) {
      episode.severity = verdict.severity;
      episode.why = verdict.why;
    }
    episode.last_ms = t_ms;
  }
}

Labels InsightTracker::CollectionOf(const Labels& labels) const {
  Labels out = labels;
  if (around_.rule.insight.group_by) {
    const std::vector<std::string_view> names(around_.rule.insight.group_by->begin(), around_.rule.insight.group_by->end());
    out = labels.Keep(names);
  }
  for (const auto& [name, text] : around_.rule.labels) out = out.With(name, text.Render({&labels, 0, 0, nullptr}));
  return out;
}

Insight* InsightTracker::Joinable(const Labels& collection, const Episode& episode) {
  Insight* open = nullptr;
  Insight* closed = nullptr;
  for (auto& [id, insight] : state_.insights) {
    if (insight.collection != collection || insight.anomalies.size() >= kMaxAnomalies) continue;
    if (insight.status == InsightStatus::kOngoing) {
      const bool near = episode.start_ms - insight.time_range.start_ms <= around_.rule.insight.merge_within_ms;
      if (near && (open == nullptr || insight.time_range.start_ms > open->time_range.start_ms)) open = &insight;
    } else {
      const int64_t end_ms = insight.time_range.end_ms.value_or(insight.time_range.start_ms);
      const bool near = episode.start_ms - end_ms <= around_.rule.insight.reopen_within_ms;
      if (near && (closed == nullptr || insight.time_range.start_ms > closed->time_range.start_ms)) closed = &insight;
    }
  }
  return open != nullptr ? open : closed;
}

Insight& InsightTracker::Open(const Labels& collection, const Episode& episode) {
  Insight insight;
  insight.id = MakeId(around_.group, around_.rule, 'i', collection, episode.start_ms);
  insight.group = around_.group.name;
  insight.cq = around_.rule.name;
  insight.cq_version = around_.rule.version;
  insight.type = around_.rule.insight.type;
  insight.severity = episode.severity;
  insight.severity_history.push_back({episode.last_ms, episode.severity, episode.why});
  insight.time_range.start_ms = episode.start_ms;
  insight.reported_range.start_ms = around_.now_ms;
  insight.collection = collection;
  insight.revision = 0;  // Finish counts
  insight.replayed = around_.replayed;
  Insight& kept = state_.insights[insight.id];
  kept = std::move(insight);
  return kept;
}

Anomaly InsightTracker::MakeAnomaly(const Labels& labels, const Episode& episode) const {
  Anomaly out;
  out.id = MakeId(around_.group, around_.rule, 'a', labels, episode.start_ms);
  out.role = around_.rule.insight.role;
  out.expr = around_.rule.expr;
  out.labels = labels;
  out.severity = episode.severity;
  out.time_range.start_ms = episode.start_ms;
  out.reported_range.start_ms = around_.now_ms;
  out.score = episode.worst;
  FillObserved(around_.evaluator, around_.rule.expression, out);
  return out;
}

Insight* InsightTracker::InsightOf(const Episode& episode, const Labels& labels) {
  if (episode.insight_id.empty()) return nullptr;
  if (const auto own = state_.insights.find(episode.insight_id); own != state_.insights.end()) return &own->second;
  if (!around_.find_open) return nullptr;
  Insight* other = around_.find_open(labels);
  return other != nullptr && other->id == episode.insight_id ? other : nullptr;
}

void InsightTracker::Activate(int64_t t_ms, const Labels& labels, Episode& episode) {
  if (Insight* insight = InsightOf(episode, labels)) {
    Anomaly* anomaly = OngoingAnomaly(*insight, labels, around_.rule.expr);
    if (anomaly != nullptr) return Upgrade(t_ms, *insight, *anomaly, episode);
  }
  Insight* insight = nullptr;
  if (around_.rule.insight.role == AnomalyRole::kContextual) {
    insight = around_.find_open ? around_.find_open(labels) : nullptr;
    if (insight == nullptr) return;
  } else {
    const Labels collection = CollectionOf(labels);
    insight = Joinable(collection, episode);
    if (insight == nullptr) insight = &Open(collection, episode);
    if (insight->status == InsightStatus::kClosed) {
      insight->status = InsightStatus::kOngoing;
      insight->time_range.end_ms.reset();
      insight->reported_range.end_ms.reset();
      ++insight->reopen_count;
      insight->replayed = around_.replayed;  // once it goes on before our eyes, replays leave it alone
    }
    // A series that lost its rows while others were pending may have begun before the one that opened the insight.
    insight->time_range.start_ms = std::min(insight->time_range.start_ms, episode.start_ms);
  }
  episode.insight_id = insight->id;
  insight->missed_evaluations = std::max(insight->missed_evaluations, static_cast<uint32_t>(episode.missed));
  changed_.insert(insight->id);
  insight->anomalies.push_back(MakeAnomaly(labels, episode));
  Upgrade(t_ms, *insight, insight->anomalies.back(), episode);
  if (insight->anomalies.back().role == AnomalyRole::kContextual) return;
  const auto predicted = Predicted(around_.evaluator, around_.rule.expression, labels, t_ms, episode.value);
  const auto soonest = [](const PredictionRange& range) { return range.expected_ms.value_or(range.start_ms); };
  if (predicted && (!insight->prediction_range || soonest(*predicted) < soonest(*insight->prediction_range))) {
    insight->prediction_range = predicted;
  }
}

void InsightTracker::Upgrade(int64_t t_ms, Insight& insight, Anomaly& anomaly, const Episode& episode) {
  if (episode.severity > anomaly.severity) {
    anomaly.severity = episode.severity;
    changed_.insert(insight.id);
  }
  if (anomaly.role == AnomalyRole::kCausal && episode.severity > insight.severity) {
    insight.severity = episode.severity;
    insight.severity_history.push_back({t_ms, episode.severity, episode.why});
    changed_.insert(insight.id);
  }
}

void InsightTracker::Deactivate(int64_t, const Labels& labels, Episode& episode) {
  Insight* insight = InsightOf(episode, labels);
  Anomaly* anomaly = insight == nullptr ? nullptr : OngoingAnomaly(*insight, labels, around_.rule.expr);
  if (anomaly == nullptr) return;
  anomaly->status = InsightStatus::kClosed;
  anomaly->time_range.end_ms = episode.last_ms;
  anomaly->reported_range.end_ms = around_.now_ms;
  anomaly->score = episode.worst;
  changed_.insert(insight->id);
}

void InsightTracker::Predict(int64_t t_ms) {
  if (around_.rule.expression.family != RuleExpression::Family::kExhaustion) return;
  // The series of each insight that is nearest to its limit.
  std::map<std::string, std::pair<const Labels*, double>> nearest;
  for (const auto& [labels, episode] : state_.episodes) {
    if (!episode.active || episode.last_ms != t_ms || !std::isfinite(episode.value)) continue;
    const auto [at, added] = nearest.try_emplace(episode.insight_id, &labels, episode.value);
    if (!added && episode.value < at->second.second) at->second = {&labels, episode.value};
  }
  for (const auto& [id, series] : nearest) {
    const auto insight = state_.insights.find(id);
    if (insight == state_.insights.end() || !insight->second.prediction_range) continue;
    const auto before = GivenBy(around_.rule.expression, *insight->second.prediction_range);
    const double after_seconds = series.second;
    const double before_seconds = before ? static_cast<double>(*before - t_ms) / 1000 : INFINITY;
    const double moved = std::abs(after_seconds - before_seconds);
    const double interval_seconds = static_cast<double>(around_.group.interval_ms) / 1000;
    if (moved <= std::max(kNewsworthyShare * std::max(after_seconds, before_seconds), interval_seconds)) continue;
    if (auto predicted = Predicted(around_.evaluator, around_.rule.expression, *series.first, t_ms, after_seconds)) {
      insight->second.prediction_range = predicted;
      changed_.insert(id);
    }
  }
}

void InsightTracker::CloseFinished(int64_t t_ms) {
  for (auto& [id, insight] : state_.insights) {
    if (insight.status != InsightStatus::kOngoing || HasOngoing(insight, AnomalyRole::kCausal)) continue;
    insight.status = InsightStatus::kClosed;
    insight.time_range.end_ms = insight.time_range.start_ms;
    for (Anomaly& anomaly : insight.anomalies) {
      if (anomaly.status == InsightStatus::kOngoing) {  // context alone keeps nothing open
        anomaly.status = InsightStatus::kClosed;
        anomaly.time_range.end_ms = t_ms;
        anomaly.reported_range.end_ms = around_.now_ms;
      } else if (anomaly.role == AnomalyRole::kCausal) {
        insight.time_range.end_ms = std::max(*insight.time_range.end_ms, anomaly.time_range.end_ms.value_or(t_ms));
      }
    }
    insight.reported_range.end_ms = around_.now_ms;
    changed_.insert(id);
  }
}

void InsightTracker::CloseAll(int64_t t_ms) {
  for (auto& [labels, episode] : state_.episodes) {
    if (episode.active) Deactivate(t_ms, labels, episode);
  }
  state_.episodes.clear();
  CloseFinished(t_ms);
}

void InsightTracker::Forget(int64_t t_ms) {
  std::erase_if(state_.insights, [&](const auto& entry) {
    const Insight& insight = entry.second;
    return insight.status == InsightStatus::kClosed &&
           t_ms - insight.time_range.end_ms.value_or(t_ms) > around_.rule.insight.reopen_within_ms + around_.rule.for_ms;
  });
}

Result<bool> InsightTracker::Link(Insight& insight) const {
  const int64_t window_ms = around_.rule.insight.correlate_events_ms;
  const int64_t start_ms = insight.time_range.start_ms;
  AUSPEX_ASSIGN_OR_RETURN(const std::vector<Event> events, around_.events.Find(start_ms - window_ms, start_ms, {}, 0));
  std::vector<LinkedEvent> linked = LinkEvents(insight, events, window_ms);
  const bool same = SameLinks(linked, insight.events);
  insight.events = std::move(linked);
  return !same;
}

Result<std::vector<Insight>> InsightTracker::Finish(int64_t t_ms, const std::set<std::string>& changed) {
  const uint64_t version = around_.events.version();
  const bool relink = version != state_.linked_events_version;
  state_.linked_events_version = version;
  std::vector<Insight> out;
  for (auto& [id, insight] : state_.insights) {
    bool revise = changed.contains(id);
    if (revise || relink) {
      AUSPEX_ASSIGN_OR_RETURN(const bool linked, Link(insight));
      revise = revise || linked;
    }
    if (!revise) continue;
    for (const auto& [labels, episode] : state_.episodes) {
      if (episode.insight_id != id) continue;
      if (Anomaly* anomaly = OngoingAnomaly(insight, labels, around_.rule.expr)) anomaly->score = episode.worst;
    }
    WriteWords(around_.rule, t_ms, insight);
    ++insight.revision;
    insight.known_from_ms = around_.now_ms;
    out.push_back(insight);
  }
  Forget(t_ms);
  return out;
}

}  // namespace auspex::analytics
