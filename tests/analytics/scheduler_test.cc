#include "analytics/scheduler.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_evaluator.h"
#include "tests/support/model_store.h"

namespace auspex::analytics {
namespace {

using auspex::testing::FakeEvaluator;
using auspex::testing::ModelStore;
using ::testing::HasSubstr;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kStart = 1'700'000'040'000;  // a full minute

class StillClock final : public Clock {
 public:
  int64_t NowMs() const override { return now_ms; }
  int64_t MonotonicNs() const override { return 0; }
  int64_t now_ms = kStart + 1000 * kMinute;
};

/// Refuses commits while `refuse` is set.
class RefusingStore final : public RecordStore {
 public:
  Result<AppendReport> Commit(const Transaction& transaction) override {
    if (refuse) return IoError("the disk said no");
    ++commits;
    return model.Commit(transaction);
  }
  Result<std::optional<std::string>> GetRecord(TenantId tenant, RecordKind kind, std::string_view key) const override {
    return model.GetRecord(tenant, kind, key);
  }
  Status ScanRecords(TenantId tenant, RecordKind kind, std::string_view begin, std::string_view end, bool reverse,
                     const std::function<bool(const Record&)>& visit) const override {
    return model.ScanRecords(tenant, kind, begin, end, reverse, visit);
  }
  ModelStore model;
  bool refuse = false;
  int commits = 0;
};

/// A scheduler over a model store; expressions answer from lists of minutes.
class World {
 public:
  World() { Reopen(); }

  void Reopen() {
    scheduler_.reset();
    insights_ = std::make_unique<InsightLog>(store);
    events_ = std::make_unique<EventLog>(store);
    scheduler_ = std::make_unique<Scheduler>(Scheduler::Parts{store, evaluator, *events_, *insights_, clock});
    EXPECT_TRUE(insights_->Load().ok());
    EXPECT_TRUE(scheduler_->Load().ok());
  }
  void Put(std::string_view yaml) {
    const auto put = scheduler_->PutGroups(yaml);
    ASSERT_TRUE(put.ok()) << put.status().ToString();
  }
  TickReport Tick(int64_t minute) {
    auto outcome = scheduler_->Tick(kStart + minute * kMinute);
    EXPECT_TRUE(outcome.ok()) << outcome.status().ToString();
    for (Insight& insight : outcome->revisions) revisions.push_back(std::move(insight));
    return outcome->report;
  }
  void TickThrough(int64_t first_minute, int64_t last_minute) {
    for (int64_t minute = first_minute; minute <= last_minute; ++minute) Tick(minute);
  }
  std::vector<Insight> All() const {
    auto found = insights_->Find({});
    EXPECT_TRUE(found.ok()) << found.status().ToString();
    std::reverse(found->begin(), found->end());
    return *found;
  }
  Scheduler& scheduler() { return *scheduler_; }
  EventLog& events() { return *events_; }
  InsightLog& insights() { return *insights_; }
  /// Samples of a series as "minute=value".
  std::string Samples(const Labels& labels) const {
    std::string out;
    const auto selection = store.model.Select({}).value();
    for (size_t i = 0; i < selection->size(); ++i) {
      if (selection->labels(i) != labels) continue;
      SampleColumns columns;
      EXPECT_TRUE(selection->NewReader()->Read(i, columns).ok());
      for (size_t k = 0; k < columns.t_ms.size(); ++k) {
        out += fmt::format("{}{}={}", out.empty() ? "" : " ", (columns.t_ms[k] - kStart) / kMinute,
                           IsStaleMarker(columns.values[k]) ? "stale" : fmt::format("{}", columns.values[k]));
      }
    }
    return out;
  }

  RefusingStore store;
  FakeEvaluator evaluator;
  StillClock clock;
  std::vector<Insight> revisions;

 private:
  std::unique_ptr<InsightLog> insights_;
  std::unique_ptr<EventLog> events_;
  std::unique_ptr<Scheduler> scheduler_;
};

const Labels kA = Labels::Of({{"__name__", "lat"}, {"service", "a"}, {"instance", "1"}});
const Labels kB = Labels::Of({{"__name__", "lat"}, {"service", "a"}, {"instance", "2"}});

int64_t MinuteOf(int64_t t_ms) { return (t_ms - kStart) / kMinute; }

/// Gives `labels` with `value` in the minutes of the half-open ranges.
FakeEvaluator::Answer During(const Labels& labels, double value, std::vector<std::pair<int64_t, int64_t>> ranges) {
  return [=](int64_t t_ms) {
    FakeEvaluator::Points out;
    for (const auto& [begin, end] : ranges) {
      if (MinuteOf(t_ms) >= begin && MinuteOf(t_ms) < end) out.emplace_back(labels, value);
    }
    return out;
  };
}
FakeEvaluator::Answer Both(FakeEvaluator::Answer a, FakeEvaluator::Answer b) {
  return [=](int64_t t_ms) {
    FakeEvaluator::Points out = a(t_ms);
    for (const auto& point : b(t_ms)) out.push_back(point);
    return out;
  };
}

std::string Rule(std::string_view more) {
  return fmt::format("groups:\n- name: g\n  rules:\n  - insight: Slow\n    expr: x\n    {}\n", more);
}

/// "[3,7] closed LOW a=2 re=0" per insight, in order of start.
std::string Summary(const std::vector<Insight>& insights) {
  std::string out;
  for (const Insight& insight : insights) {
    const auto end = insight.time_range.end_ms;
    out += fmt::format("{}[{},{}] {} {} a={} re={}", out.empty() ? "" : "; ", MinuteOf(insight.time_range.start_ms),
                       end ? fmt::format("{}", MinuteOf(*end)) : "", Name(insight.status), Name(insight.severity),
                       insight.anomalies.size(), insight.reopen_count);
  }
  return out;
}

TEST(Scheduler, InsightStatesOverTime) {
  using Ranges = std::vector<std::pair<int64_t, int64_t>>;
  const struct {
    const char* name;
    const char* rule;
    Ranges a;
    Ranges b;
    const char* want;
  } kRows[] = {
      {"at once", "for: 0s", {{3, 6}}, {}, "[3,5] CLOSED MEDIUM a=1 re=0"},
      {"too short for `for`", "for: 5m", {{3, 7}}, {}, ""},
      {"behaviour begins when pending does", "for: 5m", {{3, 20}}, {}, "[3,19] CLOSED MEDIUM a=1 re=0"},
      {"a gap resets pending", "for: 5m", {{3, 7}, {8, 14}}, {}, "[8,13] CLOSED MEDIUM a=1 re=0"},
      {"keep_firing_for bridges a gap", "keep_firing_for: 2m", {{3, 5}, {7, 9}}, {}, "[3,8] CLOSED MEDIUM a=1 re=0"},
      {"reopened soon", "reopen_within: 10m", {{3, 5}, {10, 12}}, {}, "[3,11] CLOSED MEDIUM a=2 re=1"},
      {"not reopened late",
       "reopen_within: 4m",
       {{3, 5}, {10, 12}},
       {},
       "[3,4] CLOSED MEDIUM a=1 re=0; [10,11] CLOSED MEDIUM a=1 re=0"},
      {"one insight per series", "for: 0s", {{3, 5}}, {{4, 6}}, "[3,4] CLOSED MEDIUM a=1 re=0; [4,5] CLOSED MEDIUM a=1 re=0"},
      {"grouped", "group_by: [service]", {{3, 5}}, {{4, 8}}, "[3,7] CLOSED MEDIUM a=2 re=0"},
      {"one for the rule", "group_by: []", {{3, 5}}, {{4, 8}}, "[3,7] CLOSED MEDIUM a=2 re=0"},
      {"still open at the end", "for: 0s", {{35, 99}}, {}, "[35,] ONGOING MEDIUM a=1 re=0"},
  };
  for (const auto& row : kRows) {
    World world;
    world.evaluator.Set("x", Both(During(kA, 2, row.a), During(kB, 2, row.b)));
    world.Put(Rule(row.rule));
    world.TickThrough(0, 40);
    EXPECT_EQ(Summary(world.All()), row.want) << row.name;
  }
}

TEST(Scheduler, MergeWithinEndsAnInsight) {
  World world;
  world.evaluator.Set("x", Both(During(kA, 2, {{3, 30}}), During(kB, 2, {{20, 25}})));
  world.Put(Rule("group_by: [service]\n    merge_within: 10m"));
  world.TickThrough(0, 40);
  EXPECT_EQ(Summary(world.All()), "[3,29] CLOSED MEDIUM a=1 re=0; [20,24] CLOSED MEDIUM a=1 re=0");
}

TEST(Scheduler, KeepFiringForEndsAfterItsTime) {
  World world;
  world.evaluator.Set("x", During(kA, 2, {{3, 5}, {8, 10}}));
  world.Put(Rule("keep_firing_for: 2m\n    reopen_within: 0"));
  world.TickThrough(0, 20);
  EXPECT_EQ(Summary(world.All()), "[3,4] CLOSED MEDIUM a=1 re=0; [8,9] CLOSED MEDIUM a=1 re=0");
}

TEST(Scheduler, SeverityIsUpgradedWithItsHistory) {
  World world;
  world.evaluator.Set("x", [](int64_t t_ms) {
    const int64_t minute = MinuteOf(t_ms);
    FakeEvaluator::Points out;
    if (minute >= 3 && minute < 10) out.emplace_back(kA, minute == 6 ? -5.0 : 1.5);
    return out;
  });
  world.evaluator.Set("errors", During(Labels::Of({{"service", "a"}}), 1, {{8, 9}}));
  world.Put(Rule("severity: {low: \"> 1\", medium: \"> 4\", high: \"> 9 or errors\"}"));
  world.TickThrough(0, 20);
  const auto all = world.All();
  ASSERT_EQ(Summary(all), "[3,9] CLOSED HIGH a=1 re=0");
  ASSERT_EQ(all[0].severity_history.size(), 3u);
  EXPECT_EQ(all[0].severity_history[0].severity, Severity::kLow);
  EXPECT_EQ(all[0].severity_history[1].why, "value -5 > 4");
  EXPECT_EQ(MinuteOf(all[0].severity_history[2].t_ms), 8);
  EXPECT_EQ(all[0].severity_history[2].why, "errors");
  EXPECT_EQ(all[0].anomalies[0].score, -5);
  const auto revisions = world.insights().Revisions(all[0].id).value();
  ASSERT_EQ(revisions.size(), 4u);  // open, two upgrades, closed
  for (size_t i = 0; i < revisions.size(); ++i) EXPECT_EQ(revisions[i].revision, i + 1);
  EXPECT_EQ(revisions[0].severity, Severity::kLow);
  EXPECT_EQ(world.insights().Get(all[0].id, kStart + 7 * kMinute)->severity, Severity::kMedium);
  EXPECT_EQ(world.insights().Get(all[0].id, kStart + 2 * kMinute).status().code(), StatusCode::kNotFound);
}

TEST(Scheduler, WhenGatesOnCommonLabels) {
  World world;
  world.evaluator.Set("x", Both(During(kA, 2, {{3, 6}}), During(Labels::Of({{"service", "b"}}), 2, {{3, 6}})));
  world.evaluator.Set("traffic", During(Labels::Of({{"__name__", "rps"}, {"service", "b"}, {"zone", "z"}}), 1, {{0, 99}}));
  world.Put(Rule("when: traffic"));
  world.TickThrough(0, 10);
  const auto all = world.All();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].collection.Get("service"), "b");
}

TEST(Scheduler, BehaviourAndReportedTimesAreKeptApart) {
  World world;
  world.evaluator.Set("x", During(kA, 2, {{3, 10}}));
  world.Put("groups:\n- name: g\n  query_offset: 1m\n  rules:\n  - insight: Slow\n    expr: x\n    for: 2m\n");
  world.TickThrough(0, 20);
  const auto all = world.All();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(MinuteOf(all[0].time_range.start_ms), 3);
  EXPECT_EQ(MinuteOf(*all[0].time_range.end_ms), 9);
  EXPECT_EQ(MinuteOf(all[0].reported_range.start_ms), 6);
  EXPECT_EQ(MinuteOf(*all[0].reported_range.end_ms), 11);
  EXPECT_FALSE(all[0].replayed);
}

/// What a restart, or a replay, must not change.
std::vector<std::string> Contents(std::vector<Insight> insights, bool reported) {
  std::vector<std::string> out;
  for (Insight& insight : insights) {
    if (!reported) {
      insight.reported_range = {};
      insight.known_from_ms = 0;
      insight.revision = 0;
      insight.replayed = false;
      for (Anomaly& anomaly : insight.anomalies) anomaly.reported_range = {};
    }
    out.push_back(ToJson(insight));
  }
  return out;
}

void SetBusyHistory(World& world) {
  world.evaluator.Set(
      "x", Both(During(kA, 2, {{3, 9}, {12, 13}, {30, 44}, {100, 130}}), During(kB, -7, {{5, 8}, {40, 60}, {101, 102}})));
  world.Put(
      Rule("for: 2m\n    keep_firing_for: 1m\n    group_by: [service]\n    reopen_within: 15m\n    severity: {low: '> 1', "
           "high: '> 4'}"));
}

TEST(Scheduler, ARestartBetweenAnyTwoTicksChangesNothing) {
  World straight;
  SetBusyHistory(straight);
  straight.TickThrough(0, 150);
  World restarted;
  SetBusyHistory(restarted);
  for (int64_t minute = 0; minute <= 150; ++minute) {
    restarted.Tick(minute);
    restarted.Reopen();
  }
  ASSERT_FALSE(straight.All().empty());
  EXPECT_EQ(Contents(straight.All(), true), Contents(restarted.All(), true));
}

TEST(Scheduler, ReplayFindsWhatTicksFound) {
  World live;
  SetBusyHistory(live);
  live.TickThrough(0, 150);
  World replayed;
  SetBusyHistory(replayed);
  uint64_t last_done = 0;
  const auto progress = [&](const ReplayProgress& at) {
    EXPECT_GT(at.evaluations_done, last_done);
    last_done = at.evaluations_done;
    EXPECT_EQ(at.evaluations_total, 151u);
    return true;
  };
  const auto outcome = replayed.scheduler().Replay("g", "Slow", kStart, kStart + 150 * kMinute, progress);
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(last_done, 151u);
  EXPECT_EQ(outcome->report.rules_evaluated, 151u);
  EXPECT_EQ(Contents(live.All(), false), Contents(replayed.All(), false));
  for (const Insight& insight : replayed.All()) {
    EXPECT_TRUE(insight.replayed);
    EXPECT_EQ(insight.reported_range.start_ms, replayed.clock.now_ms);
    EXPECT_EQ(insight.known_from_ms, replayed.clock.now_ms);
  }
  EXPECT_FALSE(replayed.scheduler().Statuses()[0].last_evaluation_ms.has_value());
}

TEST(Scheduler, ReplayTwiceIsOnce) {
  World world;
  SetBusyHistory(world);
  const auto first = world.scheduler().Replay("g", "Slow", kStart, kStart + 150 * kMinute, {});
  ASSERT_TRUE(first.ok());
  EXPECT_GT(first->report.insights_opened, 0u);
  const auto before = Contents(world.All(), true);
  world.clock.now_ms += kMinute;
  const auto second = world.scheduler().Replay("g", "Slow", kStart, kStart + 150 * kMinute, {});
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->report.insights_opened + second->report.insights_updated, 0u);
  EXPECT_EQ(Contents(world.All(), true), before);

  // Something differs: a new revision of the same insight.
  ASSERT_TRUE(world.events().Add({{"", "deployment", "v42", "", kStart + 1 * kMinute, {}}}, 0).ok());
  const auto third = world.scheduler().Replay("g", "Slow", kStart, kStart + 150 * kMinute, {});
  ASSERT_TRUE(third.ok());
  EXPECT_EQ(third->report.insights_opened, 0u);
  EXPECT_EQ(third->report.insights_updated, 2u);
  EXPECT_EQ(world.All()[0].revision, 2u);
  EXPECT_EQ(world.All()[0].events.size(), 1u);
}

TEST(Scheduler, ReplayLeavesWhatTicksFoundAlone) {
  World world;
  SetBusyHistory(world);
  world.TickThrough(0, 150);
  const auto before = Contents(world.All(), true);
  const auto outcome = world.scheduler().Replay("g", "Slow", kStart + 4 * kMinute, kStart + 150 * kMinute, {});
  ASSERT_TRUE(outcome.ok());
  EXPECT_TRUE(outcome->revisions.empty());
  EXPECT_EQ(Contents(world.All(), true), before);
}

TEST(Scheduler, ReplayCanBeCancelledAndRefused) {
  World world;
  SetBusyHistory(world);
  const auto outcome =
      world.scheduler().Replay("g", "Slow", kStart, kStart + 150 * kMinute, [](const ReplayProgress&) { return false; });
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->report.rules_evaluated, 64u);
  EXPECT_EQ(outcome->report.insights_opened, 2u);  // what was found stays
  EXPECT_EQ(world.scheduler().Replay("h", "Slow", 0, 1, {}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(world.scheduler().Replay("g", "Fast", 0, 1, {}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(world.scheduler().Replay("g", "Slow", 1, 0, {}).status().code(), StatusCode::kInvalidArgument);
}

TEST(Scheduler, AFailedCommitLeavesNothingBehind) {
  World world;
  world.evaluator.Set("x", During(kA, 2, {{3, 10}}));
  world.evaluator.Set("y", During(kA, 1, {{0, 99}}));
  world.Put("groups:\n- name: g\n  rules:\n  - {record: r, expr: y}\n  - {insight: Slow, expr: x}\n");
  world.TickThrough(0, 2);
  world.store.refuse = true;
  const TickReport report = world.Tick(3);
  EXPECT_EQ(report.groups_evaluated, 0u);
  ASSERT_EQ(report.errors.size(), 1u);
  EXPECT_THAT(report.errors[0], HasSubstr("the disk said no"));
  EXPECT_TRUE(world.All().empty());
  world.store.refuse = false;
  const int commits = world.store.commits;
  const TickReport again = world.Tick(3);
  EXPECT_EQ(world.store.commits, commits + 1);  // one transaction per group
  EXPECT_EQ(again.insights_opened, 1u);
  EXPECT_EQ(again.intervals_missed, 0u);
  EXPECT_EQ(Summary(world.All()), "[3,] ONGOING MEDIUM a=1 re=0");
  EXPECT_EQ(world.Samples(kA.With("__name__", "r")), "0=1 1=1 2=1 3=1");
}

TEST(Scheduler, MissedIntervalsAreSaid) {
  World world;
  world.evaluator.Set("x", During(kA, 2, {{3, 99}}));
  world.Put(Rule("for: 0s"));
  world.TickThrough(0, 4);
  EXPECT_EQ(world.Tick(4).groups_evaluated, 0u);  // not due twice
  EXPECT_EQ(world.scheduler().NextTickMs(), kStart + 5 * kMinute);
  const TickReport report = world.Tick(10);
  EXPECT_EQ(report.intervals_missed, 5u);
  EXPECT_EQ(report.groups_evaluated, 1u);
  EXPECT_EQ(world.scheduler().Statuses()[0].missed_intervals, 5u);
  EXPECT_FALSE(world.scheduler().Statuses()[0].warming_up);
  world.Reopen();
  EXPECT_TRUE(world.scheduler().Statuses()[0].warming_up);
  EXPECT_EQ(world.Tick(12).intervals_missed, 1u);
  EXPECT_FALSE(world.scheduler().Statuses()[0].warming_up);
  EXPECT_EQ(world.scheduler().Statuses()[0].missed_intervals, 6u);
  world.evaluator.Set("x", During(kA, 2, {}));
  world.Tick(13);
  EXPECT_THAT(world.All()[0].description, HasSubstr("6 evaluations did not happen"));
}

TEST(Scheduler, RecordsWriteSeriesAndStaleMarkers) {
  World world;
  world.evaluator.Set("x", Both(During(kA, 2, {{1, 3}, {5, 6}}), During(kB, 3, {{0, 9}})));
  world.Put("groups:\n- name: g\n  labels: {team: t}\n  rules:\n  - {record: r, expr: x, labels: {instance: '', more: m}}\n");
  // Without `instance` both series become one: the rule fails, the others of the group would go on.
  EXPECT_EQ(world.Tick(0).rules_failed, 0u);
  const TickReport report = world.Tick(1);
  EXPECT_EQ(report.rules_failed, 1u);
  EXPECT_THAT(report.errors[0], HasSubstr("g/r: two results become the same series"));
  EXPECT_EQ(world.scheduler().Statuses()[0].health, "err");

  World plain;
  plain.evaluator.Set("x", During(kA, 2, {{1, 3}, {5, 6}}));
  plain.Put("groups:\n- name: g\n  labels: {team: t}\n  rules:\n  - {record: r, expr: x, labels: {more: m}}\n");
  plain.TickThrough(0, 7);
  EXPECT_EQ(plain.Samples(kA.With("__name__", "r").With("team", "t").With("more", "m")), "1=2 2=2 3=stale 5=2 6=stale");
  EXPECT_EQ(plain.scheduler().Statuses()[0].kind, "record");
}

TEST(Scheduler, AlertsAsPrometheus) {
  World world;
  world.evaluator.Set("x", During(kA, 2, {{1, 6}}));
  world.Put(
      "groups:\n- name: g\n  rules:\n  - {alert: Slow, expr: x, for: 2m, keep_firing_for: 2m, labels: {v: 'is {{ $value "
      "}}'}}\n");
  world.TickThrough(0, 1);
  EXPECT_EQ(world.scheduler().Statuses()[0].state, "pending");
  world.Reopen();
  world.TickThrough(2, 4);
  EXPECT_EQ(world.scheduler().Statuses()[0].state, "firing");
  world.TickThrough(5, 10);
  EXPECT_EQ(world.scheduler().Statuses()[0].state, "inactive");
  const Labels alert = kA.With("alertname", "Slow").With("v", "is 2");
  const Labels alerts = alert.With("__name__", "ALERTS");
  EXPECT_EQ(world.Samples(alerts.With("alertstate", "pending")), "1=1 2=1 3=stale");
  EXPECT_EQ(world.Samples(alerts.With("alertstate", "firing")), "3=1 4=1 5=1 6=1 7=1 8=stale");
  EXPECT_THAT(world.Samples(alert.With("__name__", "ALERTS_FOR_STATE")),
              HasSubstr(fmt::format("7={}", (kStart + kMinute) / 1000)));
}

TEST(Scheduler, AFailingRuleStopsNoOther) {
  World world;
  world.evaluator.Set("x", During(kA, 2, {{0, 9}}));
  world.evaluator.Set("gone", During(kA, 2, {{0, 9}}));
  world.Put("groups:\n- name: g\n  limit: 1\n  rules:\n  - {insight: A, expr: gone}\n  - {insight: B, expr: x}\n");
  FakeEvaluator without;
  without.Set("x", During(kA, 2, {{0, 9}}));
  world.evaluator = without;
  const TickReport report = world.Tick(0);
  EXPECT_EQ(report.rules_failed, 1u);
  EXPECT_EQ(report.insights_opened, 1u);
  EXPECT_THAT(report.errors[0], HasSubstr("g/A: "));
  world.evaluator.Set("x", Both(During(kA, 2, {{0, 9}}), During(kB, 2, {{0, 9}})));
  EXPECT_THAT(world.Tick(1).errors[1], HasSubstr("the group's limit is 1"));
}

TEST(Scheduler, ABadFileChangesNothing) {
  World world;
  world.evaluator.Set("x", During(kA, 2, {{0, 99}}));
  world.Put(Rule("for: 0s"));
  const auto put = world.scheduler().PutGroups(
      "groups:\n- {name: h, rules: [{insight: I, expr: x}]}\n- {name: g, rules: [{insight: I, expr: y}]}");
  EXPECT_EQ(put.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(world.scheduler().Statuses().size(), 1u);
  world.Reopen();
  EXPECT_EQ(world.scheduler().Statuses().size(), 1u);
}

TEST(Scheduler, DeletedRulesCloseTheirInsights) {
  World world;
  world.evaluator.Set("x", During(kA, 2, {{0, 99}}));
  world.Put("groups:\n- name: g\n  rules:\n  - {insight: A, expr: x}\n  - {insight: B, expr: x}\n");
  world.TickThrough(0, 3);
  const auto deleted = world.scheduler().DeleteRule("g", "A");
  ASSERT_TRUE(deleted.ok()) << deleted.status().ToString();
  EXPECT_EQ(deleted->report.insights_closed, 1u);
  EXPECT_EQ(world.scheduler().Statuses().size(), 1u);
  ASSERT_TRUE(world.scheduler().DeleteGroup("g").ok());
  EXPECT_EQ(Summary(world.All()), "[0,3] CLOSED MEDIUM a=1 re=0; [0,3] CLOSED MEDIUM a=1 re=0");
  EXPECT_EQ(world.scheduler().DeleteGroup("g").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(world.scheduler().DeleteRule("g", "B").status().code(), StatusCode::kNotFound);
  EXPECT_FALSE(world.scheduler().NextTickMs().has_value());
  world.Reopen();
  EXPECT_TRUE(world.scheduler().Statuses().empty());
}

TEST(Scheduler, AChangedRuleGoesOnWithItsInsights) {
  World world;
  world.evaluator.Set("x", During(kA, 2, {{0, 99}}));
  world.Put(Rule("for: 0s"));
  world.TickThrough(0, 3);
  const auto put = world.scheduler().PutRule("g", "Slow", "insight: Slow\nexpr: x\nseverity: high");
  ASSERT_TRUE(put.ok()) << put.status().ToString();
  world.Tick(4);
  EXPECT_EQ(Summary(world.All()), "[0,] ONGOING HIGH a=1 re=0");
}

TEST(Scheduler, PuttingOneRuleSaysWhereItIsWrong) {
  World world;
  world.evaluator.Set("x", During(kA, 2, {}));
  const auto put = world.scheduler().PutRule("g", "Slow", "insight: Slow\nexpr: x\nforr: 1m");
  EXPECT_THAT(put.status().message(), ::testing::StartsWith("3:1: group g, rule Slow: insight rule: unknown key 'forr'"));
  EXPECT_TRUE(world.scheduler().Statuses().empty());
}

TEST(Scheduler, TicksGoOnWithWhatAReplayUpToNowFound) {
  World world;
  world.evaluator.Set("x", During(kA, 2, {{90, 130}}));
  world.Put(Rule("for: 0s"));
  world.clock.now_ms = kStart + 100 * kMinute;
  ASSERT_TRUE(world.scheduler().Replay("g", "Slow", kStart, world.clock.now_ms, {}).ok());
  EXPECT_EQ(Summary(world.All()), "[90,100] CLOSED MEDIUM a=1 re=0");
  world.Tick(101);
  EXPECT_EQ(Summary(world.All()), "[90,] ONGOING MEDIUM a=2 re=1");
  world.Reopen();
  EXPECT_TRUE(world.scheduler().Replay("g", "Slow", kStart, kStart + 101 * kMinute, {})->revisions.empty());
  world.TickThrough(102, 140);
  EXPECT_EQ(Summary(world.All()), "[90,129] CLOSED MEDIUM a=2 re=1");
}

TEST(Scheduler, ContextualRulesOnlyAttach) {
  World world;
  world.evaluator.Set("x", During(kA, 2, {{5, 10}}));
  world.evaluator.Set("cpu", Both(During(Labels::Of({{"instance", "1"}}), 9, {{2, 15}}),
                                  During(Labels::Of({{"instance", "2"}}), 9, {{2, 15}})));
  world.Put(
      "groups:\n- name: g\n  rules:\n  - {insight: Slow, expr: x}\n  - {insight: Cpu, expr: cpu, role: contextual, severity: "
      "high}\n");
  world.TickThrough(0, 20);
  const auto all = world.All();
  ASSERT_EQ(Summary(all), "[5,9] CLOSED MEDIUM a=2 re=0");
  EXPECT_EQ(all[0].anomalies[1].role, AnomalyRole::kContextual);
  EXPECT_EQ(all[0].anomalies[1].labels.Get("instance"), "1");
  EXPECT_EQ(all[0].anomalies[1].status, InsightStatus::kClosed);
  EXPECT_EQ(world.scheduler().Replay("g", "Cpu", kStart, kStart + kMinute, {}).status().code(), StatusCode::kInvalidArgument);
}

TEST(Scheduler, LinksEventsAlsoLateOnes) {
  World world;
  world.evaluator.Set("x", During(kA, 2, {{60, 99}}));
  world.Put(
      Rule("correlate: {events: 20m}\n    recommend: [{name: look, text: '{{ .event.name }} {{ .event.delta }} earlier'}]"));
  const auto event = [](const char* name, int64_t minute, const Labels& labels) {
    return Event{"", "deployment", name, "ci", kStart + minute * kMinute, labels};
  };
  ASSERT_TRUE(world.events()
                  .Add({event("too early", 39, {}), event("global", 58, {}),
                        event("other service", 59, Labels::Of({{"service", "b"}})), event("after", 61, {})},
                       0)
                  .ok());
  world.TickThrough(55, 62);
  ASSERT_EQ(world.All()[0].events.size(), 1u);
  EXPECT_EQ(world.All()[0].events[0].event.name, "global");
  EXPECT_EQ(world.All()[0].revision, 1u);
  EXPECT_EQ(world.All()[0].recommendations[0].description, "global 2 min earlier");
  ASSERT_TRUE(world.events().Add({event("late", 50, Labels::Of({{"service", "a"}}))}, 0).ok());
  EXPECT_EQ(world.Tick(63).insights_updated, 1u);
  const Insight linked = world.All()[0];
  EXPECT_EQ(linked.revision, 2u);
  ASSERT_EQ(linked.events.size(), 2u);
  EXPECT_EQ(linked.events[0].event.name, "late");  // it names the service
  EXPECT_EQ(linked.events[0].delta_seconds, 600);
  EXPECT_DOUBLE_EQ(linked.events[0].relevance, 0.75);
  EXPECT_DOUBLE_EQ(linked.events[1].relevance, (1 - 0.5 * 2 / 20) * 0.5);
  EXPECT_THAT(linked.description, HasSubstr("10 min before it began: deployment \"late\""));
  EXPECT_EQ(world.Tick(64).insights_updated, 0u);
}

TEST(Scheduler, FiltersInsights) {
  World world;
  world.evaluator.Set("x", Both(During(kA, 2, {{3, 6}}), During(kB, 9, {{20, 99}})));
  world.Put(Rule("severity: {low: '> 1', high: '> 5'}"));
  world.TickThrough(0, 30);
  const auto count = [&](const InsightFilter& filter) { return world.insights().Find(filter)->size(); };
  InsightFilter filter;
  EXPECT_EQ(count(filter), 2u);
  filter.status = InsightStatus::kOngoing;
  EXPECT_EQ(count(filter), 1u);
  filter = {};
  filter.min_severity = Severity::kHigh;
  EXPECT_EQ(count(filter), 1u);
  filter = {};
  filter.matchers = {Matcher::Of(Matcher::Op::kEqual, "instance", "1")};
  EXPECT_EQ(count(filter), 1u);
  filter = {};
  filter.end_ms = kStart + 10 * kMinute;
  EXPECT_EQ(count(filter), 1u);
  filter = {};
  filter.begin_ms = kStart + 6 * kMinute;
  EXPECT_EQ(count(filter), 1u);
  filter = {};
  filter.known_at_ms = kStart + 4 * kMinute;
  filter.status = InsightStatus::kOngoing;
  ASSERT_EQ(count(filter), 1u);
  EXPECT_EQ(world.insights().Find(filter)->front().collection.Get("instance"), "1");
  filter = {};
  filter.limit = 1;
  EXPECT_EQ(world.insights().Find(filter)->front().collection.Get("instance"), "2");  // newest behaviour first
  filter.cq = "Fast";
  EXPECT_EQ(count(filter), 0u);
}

}  // namespace
}  // namespace auspex::analytics
