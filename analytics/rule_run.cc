#include "rule_run.h"

#include <algorithm>
#include <memory>
#include <set>

namespace auspex::analytics {
namespace {

/// Evaluates one group once. One thread, one use.
class GroupEvaluation {
 public:
  GroupEvaluation(const GroupRunParts& parts, const GroupState& before, int64_t due_ms, int64_t now_ms, uint64_t missed)
      : parts_(parts), group_(*before.group), t_ms_(due_ms - before.group->query_offset_ms), now_ms_(now_ms), missed_(missed) {
    run_.state = before;
    run_.state.last_evaluation_ms = due_ms;
    run_.state.missed_intervals += missed;
  }

  Result<GroupRun> Run() {
    for (size_t i = 0; i < group_.rules.size(); ++i) EvaluateTimed(i);
    for (size_t i = 0; i < group_.rules.size(); ++i) {
      if (group_.rules[i].kind == RuleKind::kInsight) AUSPEX_RETURN_IF_ERROR(FinishInsights(i));
    }
    for (size_t i = 0; i < group_.rules.size(); ++i) StoreState(i);
    run_.transaction.Put(RecordKind::kRuleState, GroupStateKey(group_.name), GroupStateToJson(run_.state));
    return std::move(run_);
  }

 private:
  void EvaluateTimed(size_t index) {
    const int64_t start_ns = parts_.clock.MonotonicNs();
    const Status status = Evaluate(index);
    RuleHealth& health = run_.state.health[index];
    health.last_duration_ns = parts_.clock.MonotonicNs() - start_ns;
    ++health.evaluations;
    health.last_error = status.message();
    if (status.ok()) return;
    ++health.failures;
    run_.errors.push_back(fmt::format("{}/{}: {}", group_.name, group_.rules[index].name, status.message()));
  }

  Status Evaluate(size_t index) {
    const Rule& rule = group_.rules[index];
    RuleState& state = run_.state.rules[index];
    if (rule.kind == RuleKind::kInsight) return EvaluateInsight(rule, state);
    AUSPEX_ASSIGN_OR_RETURN(const StepMatrix points, StepMatrix::At(Evaluator(), rule.expr, t_ms_, HistogramPoints::kTake));
    AUSPEX_RETURN_IF_ERROR(CheckLimit(points));
    LabelledValues values;
    if (rule.kind == RuleKind::kRecord) {
      AUSPEX_ASSIGN_OR_RETURN(values, StepRecord(rule, points, 0));
    } else {
      AlertState alert = state.alert;
      AUSPEX_ASSIGN_OR_RETURN(values, StepAlert(rule, points, 0, t_ms_, alert));
      state.alert = std::move(alert);
    }
    WriteSeries(values, t_ms_, state.series, run_.transaction.samples());
    return OkStatus();
  }

  Status EvaluateInsight(const Rule& rule, RuleState& state) {
    AUSPEX_ASSIGN_OR_RETURN(const InsightPoints points, InsightPoints::At(Evaluator(), rule, t_ms_));
    AUSPEX_RETURN_IF_ERROR(CheckLimit(points.expr));
    if (points.expr.points_count == 0 && points.expr.histograms_left_out > 0) {
      return FailedPrecondition(
          "gives {} native histogram(s): an insight rule judges numbers, such as histogram_quantile(0.99, ...) of them",
          points.expr.histograms_left_out);
    }
    const InsightTracker::Surroundings around = Around(rule);
    InsightTracker tracker(around, state.insight);
    tracker.Step(t_ms_, points.Verdicts(rule, 0), missed_);
    changed_.merge(tracker.changed());
    return OkStatus();
  }

  Status FinishInsights(size_t index) {
    const InsightTracker::Surroundings around = Around(group_.rules[index]);
    InsightTracker tracker(around, run_.state.rules[index].insight);
    AUSPEX_ASSIGN_OR_RETURN(std::vector<Insight> revisions, tracker.Finish(t_ms_, changed_));
    for (Insight& insight : revisions) {
      InsightLog::Put(run_.transaction, insight);
      run_.revisions.push_back(std::move(insight));
    }
    return OkStatus();
  }

  void StoreState(size_t index) {
    RuleState& state = run_.state.rules[index];
    std::string now = RuleStateToJson(state);
    if (now == state.stored) return;
    run_.transaction.Put(RecordKind::kRuleState, RuleStateKey(group_, index), now);
    state.stored = std::move(now);
  }

  Status CheckLimit(const StepMatrix& points) const {
    if (group_.limit == 0 || points.points_count <= group_.limit) return OkStatus();
    return ResourceExhausted("gives {} series, the group's limit is {}", points.points_count, group_.limit);
  }

  /// Sees what this run has written so far.
  const RuleEvaluator& Evaluator() {
    const WriteBatch& written = run_.transaction.samples();
    if (written.empty()) return parts_.evaluator;
    const size_t rows = written.samples_count() + written.histograms().size();
    if (overlay_ == nullptr || seen_rows_ != rows) {
      overlay_ = parts_.evaluator.Seeing(written);
      seen_rows_ = rows;
    }
    return *overlay_;
  }

  InsightTracker::Surroundings Around(const Rule& rule) {
    return {
        group_, rule, Evaluator(), parts_.events, now_ms_, false, [this](const Labels& labels) { return FindOpen(labels); }};
  }

  /// The open insight of this group that a series with these labels belongs to: the one that began last.
  Insight* FindOpen(const Labels& labels) {
    Insight* found = nullptr;
    for (RuleState& state : run_.state.rules) {
      for (auto& [id, insight] : state.insight.insights) {
        if (insight.status != InsightStatus::kOngoing || !Agree(insight.collection, labels)) continue;
        const bool near = std::any_of(insight.anomalies.begin(), insight.anomalies.end(),
                                      [&](const Anomaly& anomaly) { return Agree(anomaly.labels, labels); });
        if (near && (found == nullptr || insight.time_range.start_ms > found->time_range.start_ms)) found = &insight;
      }
    }
    return found;
  }

  const GroupRunParts& parts_;
  const RuleGroup& group_;
  const int64_t t_ms_;  ///< behaviour time
  const int64_t now_ms_;
  const uint64_t missed_;
  GroupRun run_;
  std::set<std::string> changed_;
  std::unique_ptr<RuleEvaluator> overlay_;
  size_t seen_rows_ = 0;
};

template <typename Ask>
Result<InsightPoints> AskAll(const Rule& rule, const Ask& ask) {
  InsightPoints out;
  AUSPEX_ASSIGN_OR_RETURN(out.expr, ask(rule.expr));
  out.bounds.resize(rule.insight.bounds.size());
  if (out.expr.points_count == 0) return out;
  if (!rule.insight.when.empty()) {
    AUSPEX_ASSIGN_OR_RETURN(out.when, ask(rule.insight.when));
  }
  for (size_t i = 0; i < out.bounds.size(); ++i) {
    const std::string& expr = rule.insight.bounds[i].or_expr;
    if (expr.empty()) continue;
    AUSPEX_ASSIGN_OR_RETURN(out.bounds[i], ask(expr));
  }
  return out;
}

}  // namespace

Result<InsightPoints> InsightPoints::At(const RuleEvaluator& evaluator, const Rule& rule, int64_t t_ms) {
  return AskAll(rule, [&](const std::string& text) { return StepMatrix::At(evaluator, text, t_ms); });
}

Result<InsightPoints> InsightPoints::Over(const RuleEvaluator& evaluator, const Rule& rule, const query::StepGrid& grid) {
  return AskAll(rule, [&](const std::string& text) { return StepMatrix::Over(evaluator, text, grid); });
}

std::vector<Verdict> InsightPoints::Verdicts(const Rule& rule, size_t step) const {
  std::vector<const StepMatrix*> given;
  for (const auto& points : bounds) given.push_back(points ? &*points : nullptr);
  return ReadVerdicts(rule, expr, when ? &*when : nullptr, given, step);
}

void WriteSeries(const LabelledValues& values, int64_t t_ms, std::vector<Labels>& previous, WriteBatch& batch) {
  std::vector<Labels> now;
  for (const LabelledValue& one : values) {
    const SeriesRef ref = batch.AddSeries(one.labels);
    if (one.histogram != nullptr) {
      batch.AddHistogram(ref, t_ms, one.histogram);
    } else {
      batch.Add(ref, t_ms, one.value);
    }
    now.push_back(one.labels);
  }
  std::sort(now.begin(), now.end());
  for (const Labels& labels : previous) {
    if (!std::binary_search(now.begin(), now.end(), labels)) batch.Add(batch.AddSeries(labels), t_ms, StaleMarker());
  }
  previous = std::move(now);
}

Result<GroupRun> RunGroup(const GroupRunParts& parts, const GroupState& before, int64_t due_ms, int64_t now_ms,
                          uint64_t missed) {
  return GroupEvaluation(parts, before, due_ms, now_ms, missed).Run();
}

Status EndRule(const GroupRunParts& parts, const GroupState& state, size_t index, int64_t now_ms, Transaction& transaction,
               std::vector<Insight>& revisions) {
  const RuleGroup& group = *state.group;
  const int64_t t_ms = state.last_evaluation_ms.value_or(now_ms) - group.query_offset_ms;
  RuleState ended = state.rules[index];
  // A marker at the last evaluation's time would lose against its number.
  WriteSeries({}, t_ms + 1, ended.series, transaction.samples());
  const InsightTracker::Surroundings around{group, group.rules[index], parts.evaluator, parts.events, now_ms, false, {}};
  InsightTracker tracker(around, ended.insight);
  tracker.CloseAll(t_ms);
  AUSPEX_ASSIGN_OR_RETURN(std::vector<Insight> closed, tracker.Finish(t_ms, tracker.changed()));
  for (Insight& insight : closed) {
    InsightLog::Put(transaction, insight);
    revisions.push_back(std::move(insight));
  }
  transaction.Delete(RecordKind::kRuleState, RuleStateKey(group, index));
  return OkStatus();
}

}  // namespace auspex::analytics
