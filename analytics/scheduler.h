#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/analytics/backtest.h"
#include "auspex/analytics/continuous_query.h"
#include "auspex/storage/base/clock.h"
#include "auspex/storage/record_store.h"
#include "event_log.h"
#include "insight_log.h"
#include "rule_file.h"
#include "rule_run.h"
#include "rule_state.h"

namespace auspex::analytics {

/// Owns the rule groups: stores them, evaluates what is due, replays history. Thread-safe: ticks and changes of rules wait
/// for each other, listings wait for neither. Borrows all its parts.
///
/// A group's evaluations lie on the multiples of its interval since 1970, UTC. A tick evaluates each due group once, at the
/// last multiple that has passed; those skipped are counted as missed. Groups are evaluated in order of name.
class Scheduler {
 public:
  struct Parts {
    RecordStore& records;
    const RuleEvaluator& evaluator;
    const EventLog& events;
    InsightLog& insights;
    const Clock& clock;
  };
  explicit Scheduler(const Parts& parts) : parts_(parts) {}

  /// What a tick, a replay or a change of rules did; the revisions are stored already.
  struct Outcome {
    TickReport report;
    std::vector<Insight> revisions;
  };

  /// Reads the stored groups and where they stand. Before anything else.
  Status Load();

  /// As Database says of them.
  Result<Outcome> PutGroups(std::string_view yaml);
  Result<Outcome> PutRule(std::string_view group, std::string_view name, std::string_view yaml);
  Result<Outcome> DeleteRule(std::string_view group, std::string_view name);
  Result<Outcome> DeleteGroup(std::string_view group);
  std::vector<ContinuousQueryStatus> Statuses() const;

  Result<Outcome> Tick(int64_t now_ms);
  std::optional<int64_t> NextTickMs() const;
  Result<Outcome> Replay(std::string_view group, std::string_view name, int64_t from_ms, int64_t to_ms,
                         const std::function<bool(const ReplayProgress&)>& progress);
  /// One row for each sensitivity and hold time; a single row for a plain backtest. Stores nothing.
  Result<std::vector<WhatIfRow>> JudgeVariants(const WhatIfRequest& request) const;

 private:
  using Groups = std::map<std::string, GroupState, std::less<>>;

  Status LoadGroup(const Record& record);
  Status LoadStates(GroupState& state) const;
  GroupRunParts RunParts() const { return {parts_.evaluator, parts_.events, parts_.clock}; }
  /// `next` in the place of the group of its name, with what its rules know already; ends the rules that it has no more.
  Status Replace(std::shared_ptr<const RuleGroup> next, Transaction& transaction, Outcome& outcome, Groups& ready) const;
  Status Install(const Transaction& transaction, Outcome& outcome, Groups ready, std::string_view removed);
  void TickGroup(const GroupState& before, int64_t due_ms, int64_t now_ms, Outcome& outcome);
  /// Insights that ended just now: the live rule may reopen them.
  void HandOver(const std::vector<Insight>& replayed);
  Status StoreReplayed(int64_t from_ms, std::vector<Insight> found, Outcome& outcome);
  Result<bool> KnownBetter(const Insight& found, int64_t from_ms) const;
  CheckExpression Checker() const;
  /// The group with the rule that a backtest asks about; a copy of its own where it brings the rule along.
  Result<std::shared_ptr<const RuleGroup>> GroupToJudge(const BacktestRequest& request) const;

  const Parts parts_;
  mutable std::mutex tick_mu_;  ///< one tick, or one change of rules, at a time; held over I/O on purpose
  mutable std::mutex mu_;       ///< groups_ is written under both, read under either
  Groups groups_;
  std::vector<std::string> load_errors_;  ///< stored groups that this version cannot read
};

}  // namespace auspex::analytics
