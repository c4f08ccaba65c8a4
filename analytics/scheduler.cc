#include "scheduler.h"

#include <algorithm>
#include <set>

namespace auspex::analytics {
namespace {

int64_t FloorTo(int64_t t_ms, int64_t interval_ms) {
  const int64_t rest = t_ms % interval_ms;
  return t_ms - (rest < 0 ? rest + interval_ms : rest);
}

void Count(const Insight& revision, TickReport& report) {
  if (revision.revision == 1) {
    ++report.insights_opened;
  } else if (revision.status == InsightStatus::kClosed) {
    ++report.insights_closed;
  } else {
    ++report.insights_updated;
  }
}

ContinuousQueryStatus StatusOf(const GroupState& state, size_t index) {
  const Rule& rule = state.group->rules[index];
  const RuleHealth& health = state.health[index];
  ContinuousQueryStatus out;
  out.group = state.group->name;
  out.name = rule.name;
  out.kind = Name(rule.kind);
  out.definition = rule.definition;
  out.health = health.evaluations == 0 ? "unknown" : health.last_error.empty() ? "ok" : "err";
  out.last_error = health.last_error;
  out.interval_ms = state.group->interval_ms;
  out.last_evaluation_ms = state.last_evaluation_ms;
  out.last_duration_ns = health.last_duration_ns;
  out.evaluations = health.evaluations;
  out.failures = health.failures;
  out.missed_intervals = state.missed_intervals;
  out.warming_up = health.evaluations == 0;
  if (rule.kind != RuleKind::kAlert) return out;
  out.state = state.rules[index].alert.Name();
  for (const auto& [labels, alert] : state.rules[index].alert.active) {
    out.alerts.push_back({labels, alert.firing, alert.active_since_ms, alert.value, alert.annotations});
  }
  return out;
}

}  // namespace

CheckExpression Scheduler::Checker() const {
  return [this](std::string_view expr) { return parts_.evaluator.Check(expr); };
}

Status Scheduler::Load() {
  const std::lock_guard tick_lock(tick_mu_);
  Status bad;
  const Status scanned =
      parts_.records.ScanRecords(kDefaultTenant, RecordKind::kRuleGroup, "", "", false, [&](const Record& record) {
        bad = LoadGroup(record);
        return bad.ok();
      });
  AUSPEX_RETURN_IF_ERROR(scanned);
  return bad;
}

Status Scheduler::LoadGroup(const Record& record) {
  // Expressions were checked when they were stored; functions that the program adds are not known yet.
  auto loaded = LoadRuleGroups(record.value, {});
  if (!loaded.ok() || loaded->size() != 1) {
    load_errors_.push_back(fmt::format("{}: the stored group cannot be read: {}", record.key, loaded.status().message()));
    return OkStatus();
  }
  GroupState state;
  state.group = std::make_shared<const RuleGroup>(std::move(loaded->front()));
  AUSPEX_RETURN_IF_ERROR(LoadStates(state));
  const std::lock_guard lock(mu_);
  groups_[state.group->name] = std::move(state);
  return OkStatus();
}

Status Scheduler::LoadStates(GroupState& state) const {
  const RuleGroup& group = *state.group;
  state.rules.resize(group.rules.size());
  state.health.resize(group.rules.size());
  AUSPEX_ASSIGN_OR_RETURN(const auto own,
                          parts_.records.GetRecord(kDefaultTenant, RecordKind::kRuleState, GroupStateKey(group.name)));
  if (own) AUSPEX_RETURN_IF_ERROR(GroupStateFromJson(*own, state));
  for (size_t i = 0; i < group.rules.size(); ++i) {
    AUSPEX_ASSIGN_OR_RETURN(const auto stored,
                            parts_.records.GetRecord(kDefaultTenant, RecordKind::kRuleState, RuleStateKey(group, i)));
    if (!stored) continue;
    AUSPEX_ASSIGN_OR_RETURN(state.rules[i], RuleStateFromJson(*stored, parts_.insights));
  }
  return OkStatus();
}

Status Scheduler::Replace(std::shared_ptr<const RuleGroup> next, Transaction& transaction, Outcome& outcome,
                          Groups& ready) const {
  GroupState state;
  state.group = next;
  state.rules.resize(next->rules.size());
  state.health.resize(next->rules.size());
  const auto old = groups_.find(next->name);
  if (old != groups_.end()) {
    state.last_evaluation_ms = old->second.last_evaluation_ms;
    state.missed_intervals = old->second.missed_intervals;
    std::map<std::string, size_t> places;
    for (size_t i = 0; i < next->rules.size(); ++i) places[RuleStateKey(*next, i)] = i;
    for (size_t i = 0; i < old->second.rules.size(); ++i) {
      const auto place = places.find(RuleStateKey(*old->second.group, i));
      if (place != places.end()) {
        state.rules[place->second] = old->second.rules[i];
        state.health[place->second] = old->second.health[i];
      } else {
        AUSPEX_RETURN_IF_ERROR(EndRule(RunParts(), old->second, i, parts_.clock.NowMs(), transaction, outcome.revisions));
      }
    }
    // A longer interval must not make the next evaluation look overdue or done.
    if (state.last_evaluation_ms) state.last_evaluation_ms = FloorTo(*state.last_evaluation_ms, next->interval_ms);
  }
  transaction.Put(RecordKind::kRuleGroup, next->name, next->definition);
  ready[next->name] = std::move(state);
  return OkStatus();
}

Status Scheduler::Install(const Transaction& transaction, Outcome& outcome, Groups ready, std::string_view removed) {
  AUSPEX_ASSIGN_OR_RETURN(const AppendReport stored, parts_.records.Commit(transaction));
  (void)stored;
  for (const Insight& revision : outcome.revisions) {
    parts_.insights.Stored(revision);
    Count(revision, outcome.report);
  }
  const std::lock_guard lock(mu_);
  for (auto& [name, state] : ready) groups_[name] = std::move(state);
  if (const auto gone = groups_.find(removed); gone != groups_.end()) groups_.erase(gone);
  return OkStatus();
}

Result<Scheduler::Outcome> Scheduler::PutGroups(std::string_view yaml) {
  const std::lock_guard tick_lock(tick_mu_);
  AUSPEX_ASSIGN_OR_RETURN(std::vector<RuleGroup> groups, LoadRuleGroups(yaml, Checker()));
  Outcome outcome;
  Transaction transaction;
  Groups ready;
  for (RuleGroup& group : groups) {
    AUSPEX_RETURN_IF_ERROR(Replace(std::make_shared<const RuleGroup>(std::move(group)), transaction, outcome, ready));
  }
  if (transaction.empty()) return outcome;
  AUSPEX_RETURN_IF_ERROR(Install(transaction, outcome, std::move(ready), ""));
  return outcome;
}

Result<Scheduler::Outcome> Scheduler::PutRule(std::string_view group, std::string_view name, std::string_view yaml) {
  const std::lock_guard tick_lock(tick_mu_);
  const auto old = groups_.find(group);
  AUSPEX_RETURN_IF_ERROR(CheckRule(group, yaml, Checker()));
  AUSPEX_ASSIGN_OR_RETURN(const std::string file,
                          PutRuleInto(old == groups_.end() ? "" : old->second.group->definition, group, name, yaml));
  auto groups = LoadRuleGroups(file, Checker());
  if (!groups.ok()) return groups.status();
  Outcome outcome;
  Transaction transaction;
  Groups ready;
  AUSPEX_RETURN_IF_ERROR(Replace(std::make_shared<const RuleGroup>(std::move(groups->front())), transaction, outcome, ready));
  AUSPEX_RETURN_IF_ERROR(Install(transaction, outcome, std::move(ready), ""));
  return outcome;
}

Result<Scheduler::Outcome> Scheduler::DeleteRule(std::string_view group, std::string_view name) {
  const std::lock_guard tick_lock(tick_mu_);
  const auto old = groups_.find(group);
  if (old == groups_.end()) return NotFound("group {}: there is none of that name", group);
  AUSPEX_ASSIGN_OR_RETURN(const std::string file, RemoveRuleFrom(old->second.group->definition, name));
  AUSPEX_ASSIGN_OR_RETURN(std::vector<RuleGroup> groups, LoadRuleGroups(file, {}));
  Outcome outcome;
  Transaction transaction;
  Groups ready;
  AUSPEX_RETURN_IF_ERROR(Replace(std::make_shared<const RuleGroup>(std::move(groups.front())), transaction, outcome, ready));
  AUSPEX_RETURN_IF_ERROR(Install(transaction, outcome, std::move(ready), ""));
  return outcome;
}

Result<Scheduler::Outcome> Scheduler::DeleteGroup(std::string_view group) {
  const std::lock_guard tick_lock(tick_mu_);
  const auto old = groups_.find(group);
  if (old == groups_.end()) return NotFound("group {}: there is none of that name", group);
  Outcome outcome;
  Transaction transaction;
  for (size_t i = 0; i < old->second.rules.size(); ++i) {
    AUSPEX_RETURN_IF_ERROR(EndRule(RunParts(), old->second, i, parts_.clock.NowMs(), transaction, outcome.revisions));
  }
  transaction.Delete(RecordKind::kRuleState, GroupStateKey(group));
  transaction.Delete(RecordKind::kRuleGroup, std::string(group));
  AUSPEX_RETURN_IF_ERROR(Install(transaction, outcome, {}, group));
  return outcome;
}

std::vector<ContinuousQueryStatus> Scheduler::Statuses() const {
  const std::lock_guard lock(mu_);
  std::vector<ContinuousQueryStatus> out;
  for (const auto& [name, state] : groups_) {
    for (size_t i = 0; i < state.rules.size(); ++i) out.push_back(StatusOf(state, i));
  }
  return out;
}

Result<Scheduler::Outcome> Scheduler::Tick(int64_t now_ms) {
  const std::lock_guard tick_lock(tick_mu_);
  Outcome outcome;
  outcome.report.errors = load_errors_;
  for (auto& [name, state] : groups_) {
    const int64_t due_ms = FloorTo(now_ms, state.group->interval_ms);
    if (state.last_evaluation_ms && due_ms <= *state.last_evaluation_ms) continue;
    TickGroup(state, due_ms, now_ms, outcome);
  }
  return outcome;
}

void Scheduler::TickGroup(const GroupState& before, int64_t due_ms, int64_t now_ms, Outcome& outcome) {
  TickReport& report = outcome.report;
  const int64_t interval_ms = before.group->interval_ms;
  const uint64_t missed =
      before.last_evaluation_ms ? static_cast<uint64_t>((due_ms - *before.last_evaluation_ms) / interval_ms - 1) : 0;
  const std::string& name = before.group->name;
  const auto fail = [&](const Status& status) {
    report.rules_failed += before.rules.size();
    report.errors.push_back(fmt::format("{}: nothing of this evaluation was stored: {}", name, status.message()));
  };
  auto run = RunGroup(RunParts(), before, due_ms, now_ms, missed);
  if (!run.ok()) return fail(run.status());
  // Samples, state and revisions in one: after a crash either all of an evaluation happened or none of it.
  const auto stored = parts_.records.Commit(run->transaction);
  if (!stored.ok()) return fail(stored.status());
  if (stored->rejected > 0) {
    run->errors.push_back(
        fmt::format("{}: {} samples were refused: {}", name, stored->rejected, stored->first_rejected.message()));
  }
  ++report.groups_evaluated;
  report.rules_evaluated += before.rules.size();
  report.intervals_missed += missed;
  for (size_t i = 0; i < before.rules.size(); ++i) {
    report.rules_failed += run->state.health[i].failures - before.health[i].failures;
  }
  report.errors.insert(report.errors.end(), run->errors.begin(), run->errors.end());
  for (Insight& revision : run->revisions) {
    Count(revision, report);
    parts_.insights.Stored(revision);
    outcome.revisions.push_back(std::move(revision));
  }
  const std::lock_guard lock(mu_);
  groups_.find(name)->second = std::move(run->state);
}

std::optional<int64_t> Scheduler::NextTickMs() const {
  const std::lock_guard lock(mu_);
  std::optional<int64_t> next;
  for (const auto& [name, state] : groups_) {
    const int64_t interval_ms = state.group->interval_ms;
    const int64_t due_ms =
        state.last_evaluation_ms ? *state.last_evaluation_ms + interval_ms : FloorTo(parts_.clock.NowMs(), interval_ms);
    next = std::min(next.value_or(due_ms), due_ms);
  }
  return next;
}

}  // namespace auspex::analytics
