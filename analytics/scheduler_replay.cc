#include <algorithm>

#include "replay_grid.h"
#include "scheduler.h"

namespace auspex::analytics {
namespace {

/// Steps that one range query answers: few at first, so that progress shows early, then more while answers stay small.
constexpr size_t kFirstChunkSteps = 64;
constexpr size_t kMostChunkSteps = 2048;
constexpr uint64_t kManyPoints = 1'000'000;

/// Insights that one transaction stores.
constexpr size_t kInsightsPerTransaction = 200;

/// One rule over history, chunk by chunk. One thread, one use.
class RuleReplay {
 public:
  RuleReplay(const Scheduler::Parts& parts, const RuleGroup& group, const Rule& rule)
      : parts_(parts), rule_(rule), around_{group, rule, parts.evaluator, parts.events, parts.clock.NowMs(), true, {}} {}

  /// False when cancelled.
  Result<bool> Run(const query::StepGrid& grid, const std::function<bool(const ReplayProgress&)>& progress) {
    size_t chunk_steps = kFirstChunkSteps;
    for (size_t done = 0; done < grid.count;) {
      const query::StepGrid chunk{grid.At(done), grid.step_ms, std::min(chunk_steps, grid.count - done)};
      AUSPEX_ASSIGN_OR_RETURN(const uint64_t points, RunChunk(chunk));
      done += chunk.count;
      steps_count_ = done;
      if (progress && !progress({chunk.end_ms(), done, grid.count})) return false;
      if (points > kManyPoints) {
        chunk_steps = std::max<size_t>(chunk_steps / 2, 1);
      } else if (points < kManyPoints / 4) {
        chunk_steps = std::min(chunk_steps * 2, kMostChunkSteps);
      }
    }
    return true;
  }

  /// What was found; what is still open when the history ends is closed there.
  Result<std::vector<Insight>> Finish() {
    InsightTracker tracker(around_, state_.insight);
    tracker.CloseAll(last_ms_);
    AUSPEX_RETURN_IF_ERROR(Keep(tracker, last_ms_));
    std::vector<Insight> out;
    for (auto& [id, insight] : found_) out.push_back(std::move(insight));
    return out;
  }

  size_t steps_count() const { return steps_count_; }

 private:
  Result<uint64_t> RunChunk(const query::StepGrid& chunk) {
    last_ms_ = chunk.end_ms();
    if (rule_.kind == RuleKind::kInsight) {
      AUSPEX_ASSIGN_OR_RETURN(const InsightPoints points, InsightPoints::Over(parts_.evaluator, rule_, chunk));
      AUSPEX_RETURN_IF_ERROR(WalkInsight(points, chunk));
      return points.expr.points_count + (points.when ? points.when->points_count : 0);
    }
    AUSPEX_ASSIGN_OR_RETURN(const StepMatrix points,
                            StepMatrix::Over(parts_.evaluator, rule_.expr, chunk, HistogramPoints::kTake));
    Transaction transaction;
    for (size_t k = 0; k < chunk.count; ++k) {
      auto values = rule_.kind == RuleKind::kRecord ? StepRecord(rule_, points, k)
                                                    : StepAlert(rule_, points, k, chunk.At(k), state_.alert);
      if (!values.ok()) return values.status();
      WriteSeries(*values, chunk.At(k), state_.series, transaction.samples());
    }
    AUSPEX_ASSIGN_OR_RETURN(const AppendReport stored, parts_.records.Commit(transaction));
    if (stored.rejected > 0) return stored.first_rejected;
    return points.points_count;
  }

  Status WalkInsight(const InsightPoints& points, const query::StepGrid& chunk) {
    InsightTracker tracker(around_, state_.insight);
    for (size_t k = 0; k < chunk.count; ++k) {
      // Nothing is given, pending or open: nothing can happen.
      const bool idle = state_.insight.episodes.empty() && points.expr.steps[k].empty();
      if (idle && tracker.changed().empty()) continue;
      tracker.Step(chunk.At(k), points.Verdicts(rule_, k), 0);
      if (tracker.changed().empty()) continue;
      AUSPEX_RETURN_IF_ERROR(Keep(tracker, chunk.At(k)));
    }
    return OkStatus();
  }

  Status Keep(InsightTracker& tracker, int64_t t_ms) {
    AUSPEX_ASSIGN_OR_RETURN(std::vector<Insight> revisions, tracker.Finish(t_ms, tracker.changed()));
    tracker.changed().clear();
    for (Insight& insight : revisions) found_[insight.id] = std::move(insight);
    return OkStatus();
  }

  const Scheduler::Parts& parts_;
  const Rule& rule_;
  const InsightTracker::Surroundings around_;
  RuleState state_;
  std::map<std::string, Insight> found_;
  int64_t last_ms_ = 0;
  size_t steps_count_ = 0;
};

/// As found again: what a second replay may differ in is when it was reported.
std::string ContentOf(Insight insight) {
  insight.reported_range = {};
  insight.known_from_ms = 0;
  insight.revision = 0;
  for (Anomaly& anomaly : insight.anomalies) anomaly.reported_range = {};
  return ToJson(insight);
}

}  // namespace

Result<Scheduler::Outcome> Scheduler::Replay(std::string_view group, std::string_view name, int64_t from_ms, int64_t to_ms,
                                             const std::function<bool(const ReplayProgress&)>& progress) {
  std::shared_ptr<const RuleGroup> rules;
  {
    const std::lock_guard lock(mu_);
    const auto at = groups_.find(group);
    if (at != groups_.end()) rules = at->second.group;
  }
  if (rules == nullptr) return NotFound("group {}: there is none of that name", group);
  const Rule* rule = rules->Find(name);
  if (rule == nullptr) return NotFound("group {}: it has no rule {}", group, name);
  if (to_ms < from_ms) return InvalidArgument("replay: to is before from");
  if (rule->kind == RuleKind::kInsight && rule->insight.role == AnomalyRole::kContextual) {
    return InvalidArgument("replay: rule {} is contextual: alone it opens no insights", name);
  }
  const query::StepGrid grid = GridOf(*rules, from_ms, to_ms);
  Outcome outcome;
  RuleReplay replay(parts_, *rules, *rule);
  AUSPEX_ASSIGN_OR_RETURN(const bool finished, replay.Run(grid, progress));
  outcome.report.groups_evaluated = replay.steps_count();
  outcome.report.rules_evaluated = replay.steps_count();
  if (!finished) outcome.report.errors.push_back(fmt::format("{}/{}: the replay was cancelled", group, name));
  if (rule->kind != RuleKind::kInsight || grid.count == 0) return outcome;
  AUSPEX_ASSIGN_OR_RETURN(std::vector<Insight> found, replay.Finish());
  AUSPEX_RETURN_IF_ERROR(StoreReplayed(from_ms, std::move(found), outcome));
  return outcome;
}

Result<bool> Scheduler::KnownBetter(const Insight& found, int64_t from_ms) const {
  InsightFilter overlapping;
  overlapping.group = found.group;
  overlapping.cq = found.cq;
  overlapping.begin_ms = found.time_range.start_ms;
  overlapping.end_ms = found.time_range.end_ms;
  AUSPEX_ASSIGN_OR_RETURN(const std::vector<Insight> known, parts_.insights.Find(overlapping));
  return std::any_of(known.begin(), known.end(), [&](const Insight& insight) {
    if (insight.collection != found.collection) return false;
    // Found as it happened, or by a replay that began before it did.
    return !insight.replayed || (insight.id != found.id && insight.time_range.start_ms < from_ms);
  });
}

void Scheduler::HandOver(const std::vector<Insight>& replayed) {
  const std::lock_guard lock(mu_);
  for (const Insight& insight : replayed) {
    const auto group = groups_.find(insight.group);
    if (group == groups_.end() || !insight.time_range.end_ms) continue;
    GroupState& state = group->second;
    const int64_t now_ms = state.last_evaluation_ms.value_or(parts_.clock.NowMs());
    for (size_t i = 0; i < state.rules.size(); ++i) {
      const Rule& rule = state.group->rules[i];
      if (rule.kind != RuleKind::kInsight || rule.name != insight.cq) continue;
      const int64_t ago_ms = now_ms - *insight.time_range.end_ms;
      if (ago_ms <= rule.insight.reopen_within_ms) state.rules[i].insight.insights.try_emplace(insight.id, insight);
    }
  }
}

Status Scheduler::StoreReplayed(int64_t from_ms, std::vector<Insight> found, Outcome& outcome) {
  const std::lock_guard tick_lock(tick_mu_);
  std::vector<Insight> changed;
  for (Insight& insight : found) {
    AUSPEX_ASSIGN_OR_RETURN(const bool known_better, KnownBetter(insight, from_ms));
    if (known_better) continue;
    insight.revision = 1;
    const auto stored = parts_.insights.Get(insight.id, std::nullopt);
    if (stored.ok()) {
      if (ContentOf(*stored) == ContentOf(insight)) continue;
      insight.revision = stored->revision + 1;
      insight.reported_range.start_ms = stored->reported_range.start_ms;
    }
    changed.push_back(std::move(insight));
  }
  for (size_t begin = 0; begin < changed.size(); begin += kInsightsPerTransaction) {
    const size_t end = std::min(begin + kInsightsPerTransaction, changed.size());
    Transaction transaction;
    for (size_t i = begin; i < end; ++i) InsightLog::Put(transaction, changed[i]);
    AUSPEX_ASSIGN_OR_RETURN(const AppendReport report, parts_.records.Commit(transaction));
    (void)report;
    HandOver({changed.begin() + static_cast<std::ptrdiff_t>(begin), changed.begin() + static_cast<std::ptrdiff_t>(end)});
    for (size_t i = begin; i < end; ++i) {
      parts_.insights.Stored(changed[i]);
      outcome.report.insights_opened += changed[i].revision == 1 ? 1 : 0;
      outcome.report.insights_updated += changed[i].revision == 1 ? 0 : 1;
      outcome.revisions.push_back(std::move(changed[i]));
    }
  }
  return OkStatus();
}

}  // namespace auspex::analytics
