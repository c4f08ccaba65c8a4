#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "auspex/storage/base/clock.h"
#include "auspex/storage/record_store.h"
#include "event_log.h"
#include "rule_state.h"

namespace auspex::analytics {

/// What an insight rule asks of the engine for some steps: its expression, and, where that has points at all, the rest.
struct InsightPoints {
  StepMatrix expr;
  std::optional<StepMatrix> when;
  std::vector<std::optional<StepMatrix>> bounds;

  static Result<InsightPoints> At(const RuleEvaluator& evaluator, const Rule& rule, int64_t t_ms);
  static Result<InsightPoints> Over(const RuleEvaluator& evaluator, const Rule& rule, const query::StepGrid& grid);
  std::vector<Verdict> Verdicts(const Rule& rule, size_t step) const;
};

/// Adds the samples that a rule gave at `t_ms`, and stale markers for the series of `previous` that it gives no more.
void WriteSeries(const LabelledValues& values, int64_t t_ms, std::vector<Labels>& previous, WriteBatch& batch);

/// One evaluation of one group: what it will be once `transaction` is stored. Nothing is changed before.
struct GroupRun {
  GroupState state;
  Transaction transaction;
  std::vector<Insight> revisions;
  std::vector<std::string> errors;  ///< "group/rule: ..."
};

struct GroupRunParts {
  const RuleEvaluator& evaluator;
  const EventLog& events;
  const Clock& clock;  ///< for durations
};

/// Evaluates a group's rules in order; later rules see what earlier ones wrote. A rule that fails does not stop the others.
///   due_ms: the evaluation's place on the group's grid     now_ms: when this happens     missed: evaluations skipped before
/// Errors: what makes the whole evaluation worthless (the event log cannot be read).
Result<GroupRun> RunGroup(const GroupRunParts& parts, const GroupState& before, int64_t due_ms, int64_t now_ms,
                          uint64_t missed);

/// The ends of a rule that goes away: closed insights, stale markers, no state.
Status EndRule(const GroupRunParts& parts, const GroupState& state, size_t index, int64_t now_ms, Transaction& transaction,
               std::vector<Insight>& revisions);

}  // namespace auspex::analytics
