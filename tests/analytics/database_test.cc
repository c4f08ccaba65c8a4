#include "auspex/database.h"

#include <atomic>
#include <bit>
#include <cmath>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/histogram_notation.h"
#include "tests/support/temp_dir.h"

namespace auspex {
namespace {

using auspex::testing::TempDir;
using ::testing::HasSubstr;

constexpr int64_t kSecond = 1000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kStart = 1'700'006'400'000;  // a full hour

class HandClock final : public Clock {
 public:
  int64_t NowMs() const override { return now_ms; }
  int64_t MonotonicNs() const override { return 0; }
  int64_t now_ms = kStart;
};

/// A database that a test may close and open again, with time in its hand.
class DatabaseTest : public ::testing::Test {
 protected:
  void SetUp() override { Open(); }
  void Open(bool read_only = false) {
    Options options;
    options.path = dir_ / "db";
    options.clock = &clock_;
    options.read_only = read_only;
    auto opened = Database::Open(options);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    db_ = std::move(opened).value();
  }
  void Reopen() {
    ASSERT_TRUE(db_->Close().ok());
    db_.reset();
    Open();
  }
  void Append(const Labels& labels, int64_t t_ms, double value) {
    WriteBatch batch;
    batch.Add(batch.AddSeries(labels), t_ms, value);
    const auto report = db_->Append(batch);
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    ASSERT_EQ(report->accepted, 1u);
  }
  void Put(std::string_view yaml) {
    const Status status = db_->PutRuleGroups(yaml);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  TickReport Tick(int64_t now_ms) {
    clock_.now_ms = now_ms;
    const auto report = db_->Tick(now_ms);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    EXPECT_THAT(report->errors, ::testing::IsEmpty());
    return *report;
  }
  double QueryOne(std::string_view text, int64_t t_ms) {
    const auto answer = db_->Query(text, t_ms);
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    EXPECT_EQ(answer->series.size(), 1u) << text;
    return answer->series.empty() ? NAN : answer->series[0].values.at(0);
  }

  TempDir dir_;
  HandClock clock_;
  std::unique_ptr<Database> db_;
};

const Labels kLatency = Labels::Of({{"__name__", "http_p95_seconds"}, {"service", "checkout"}});
constexpr std::string_view kLatencyRules = R"(groups:
  - name: http
    interval: 30s
    rules:
      - insight: LatencyShift
        expr: anomaly(http_p95_seconds[2h], 4, "dir=above,min_abs=0.02")
        for: 1m
        keep_firing_for: 5m
        severity: {medium: "> 1", high: "> 4"}
        group_by: [service]
        recommend:
          - {name: check-last-change, text: "{{ .event.name }} came {{ .event.delta }} earlier: roll it back or diff it."}
)";

/// Four hours of noise around 0.1 s, then a deployment that adds 0.3 s. Returns the time of the first slow sample.
int64_t AppendDeployment(Database& db, int64_t hours_after) {
  std::mt19937 random(42);  // NOLINT: the same series on every run
  std::normal_distribution<double> noise(0.1, 0.004);
  const int64_t step_ms = kStart + 4 * kHour + 10 * kSecond;
  WriteBatch batch;
  const SeriesRef series = batch.AddSeries(kLatency);
  for (int64_t t_ms = kStart; t_ms < kStart + (4 + hours_after) * kHour; t_ms += 10 * kSecond) {
    batch.Add(series, t_ms, noise(random) + (t_ms >= step_ms ? 0.3 : 0));
  }
  EXPECT_TRUE(db.Append(batch).ok());
  Event event;
  event.kind = "deployment";
  event.name = "checkout v42";
  event.t_ms = step_ms - 20 * kSecond;
  event.labels = Labels::Of({{"service", "checkout"}});
  EXPECT_TRUE(db.AddEvents({event}).ok());
  return step_ms;
}

TEST_F(DatabaseTest, OneInsightAfterADeploymentAndNoneBefore) {
  const int64_t step_ms = AppendDeployment(*db_, 1);
  Put(kLatencyRules);
  std::vector<Insight> told;
  const auto subscription = db_->Subscribe([&](const Insight& insight) { told.push_back(insight); });
  int64_t t_ms = kStart + kHour;
  for (; t_ms < step_ms; t_ms += 30 * kSecond) Tick(t_ms);
  EXPECT_THAT(told, ::testing::IsEmpty());
  for (; t_ms < step_ms + 3 * kMinute; t_ms += 30 * kSecond) Tick(t_ms);
  const auto found = db_->Insights({});
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->size(), 1u);
  const Insight& insight = found->front();
  EXPECT_EQ(insight.type, analytics::InsightType::kReactive);
  EXPECT_EQ(insight.status, analytics::InsightStatus::kOngoing);
  EXPECT_EQ(insight.collection, Labels::Of({{"service", "checkout"}}));
  EXPECT_GE(insight.time_range.start_ms, step_ms);
  EXPECT_LE(insight.time_range.start_ms, step_ms + kMinute);
  EXPECT_LE(insight.reported_range.start_ms, step_ms + 2 * kMinute);
  ASSERT_EQ(insight.events.size(), 1u);
  EXPECT_EQ(insight.events[0].event.name, "checkout v42");
  ASSERT_EQ(insight.recommendations.size(), 1u);
  EXPECT_THAT(insight.recommendations[0].description, HasSubstr("checkout v42 came "));
  const analytics::Anomaly& anomaly = insight.anomalies.at(0);
  ASSERT_TRUE(anomaly.value_at && anomaly.expected && anomaly.lower && anomaly.upper);
  EXPECT_NEAR(*anomaly.value_at, 0.4, 0.02);
  EXPECT_NEAR(*anomaly.expected, 0.1, 0.02);
  EXPECT_GT(*anomaly.value_at, *anomaly.upper);
  EXPECT_THAT(insight.description, HasSubstr("http_p95_seconds{service=\"checkout\"} was 0.39"));
  EXPECT_THAT(insight.description, HasSubstr("before it began: deployment \"checkout v42\""));
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.front().id, insight.id);
}

TEST_F(DatabaseTest, ReplayFindsTheSameAsTicks) {
  const int64_t step_ms = AppendDeployment(*db_, 1);
  clock_.now_ms = kStart + 1000 * kHour;
  Put(kLatencyRules);
  const auto report = db_->Replay("http", "LatencyShift", kStart + kHour, kStart + 5 * kHour - 1);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  ASSERT_EQ(report->insights_opened, 1u);
  const Insight replayed = db_->Insights({})->front();
  EXPECT_TRUE(replayed.replayed);
  EXPECT_EQ(replayed.reported_range.start_ms, clock_.now_ms);
  EXPECT_GE(replayed.time_range.start_ms, step_ms);

  TempDir other_dir;
  Options options;
  options.in_memory = true;
  options.clock = &clock_;
  auto live = Database::Open(options);
  ASSERT_TRUE(live.ok()) << live.status().ToString();
  AppendDeployment(**live, 1);
  ASSERT_TRUE((*live)->PutRuleGroups(kLatencyRules).ok());
  for (int64_t t_ms = kStart + kHour; t_ms < kStart + 5 * kHour; t_ms += 30 * kSecond) ASSERT_TRUE((*live)->Tick(t_ms).ok());
  const Insight ticked = (*live)->Insights({})->front();
  EXPECT_EQ(ticked.id, replayed.id);
  EXPECT_EQ(ticked.time_range.start_ms, replayed.time_range.start_ms);
  EXPECT_EQ(ticked.anomalies[0].value_at, replayed.anomalies[0].value_at);
  EXPECT_EQ(ticked.anomalies[0].upper, replayed.anomalies[0].upper);
  EXPECT_EQ(ticked.severity, replayed.severity);
}

// A continuous query records the score at every tick, from cached passes and across a restart; a range query and instant
// queries say the same bits.
TEST_F(DatabaseTest, RulesAndQueriesGiveTheSameBits) {
  std::mt19937 random(9);  // NOLINT: the same series on every run
  std::normal_distribution<double> noise(0, 3);
  constexpr int kHistory = 2 * 1440;
  constexpr int kTicks = 200;
  const auto value = [&](int minute) {
    const double day = 100 - 40 * std::cos(2 * M_PI * minute / 1440);
    return day + noise(random) + (minute >= kHistory + 100 && minute < kHistory + 110 ? 60 : 0);
  };
  const auto append = [&](int from, int to) {
    WriteBatch batch;
    const SeriesRef series = batch.AddSeries(Labels::Of({{"__name__", "x"}}));
    for (int minute = from; minute < to; ++minute) {
      if (minute % 50 == 7) continue;  // a scrape that failed
      batch.Add(series, kStart + minute * kMinute, value(minute));
    }
    ASSERT_TRUE(db_->Append(batch).ok());
  };
  Put("groups: [{name: g, interval: 1m, rules: [{record: score, expr: 'anomaly_score(x[6h])'}, "
      "{record: upper, expr: 'anomaly_upper(x[6h], 4)'}]}]");
  append(0, kHistory);
  for (int minute = kHistory; minute < kHistory + kTicks; ++minute) {
    append(minute, minute + 1);
    if (minute == kHistory + 120) {
      db_.reset();
      Open();
    }
    Tick(kStart + minute * kMinute);
  }
  const std::pair<const char*, const char*> same[] = {{"score", "anomaly_score(x[6h])"}, {"upper", "anomaly_upper(x[6h], 4)"}};
  for (const auto& [recorded, asked] : same) {
    const int64_t from_ms = kStart + kHistory * kMinute;
    const auto range = db_->QueryRange(asked, from_ms, from_ms + (kTicks - 1) * kMinute, kMinute);
    ASSERT_TRUE(range.ok()) << range.status().ToString();
    ASSERT_EQ(range->series.size(), 1u);
    ASSERT_EQ(range->series[0].values.size(), static_cast<size_t>(kTicks));
    for (int i = 0; i < kTicks; ++i) {
      const int64_t t_ms = from_ms + i * kMinute;
      const auto bits = std::bit_cast<uint64_t>(range->series[0].values[static_cast<size_t>(i)]);
      ASSERT_EQ(bits, std::bit_cast<uint64_t>(QueryOne(recorded, t_ms))) << recorded << " " << i;
      ASSERT_EQ(bits, std::bit_cast<uint64_t>(QueryOne(asked, t_ms))) << asked << " " << i;
    }
  }
}

TEST_F(DatabaseTest, AFillingDiskIsForeseen) {
  const Labels disk = Labels::Of({{"__name__", "node_filesystem_avail_bytes"}, {"device", "sda1"}});
  constexpr double kBytesPerSecond = 2e6;
  const int64_t full_ms = kStart + 30 * kHour;  // the truth
  WriteBatch batch;
  const SeriesRef series = batch.AddSeries(disk);
  std::mt19937 random(7);  // NOLINT: the same series on every run
  std::normal_distribution<double> noise(0, 2e7);
  for (int64_t t_ms = kStart; t_ms <= kStart + 12 * kHour; t_ms += kMinute) {
    batch.Add(series, t_ms, kBytesPerSecond * static_cast<double>(full_ms - t_ms) / 1000 + noise(random));
  }
  ASSERT_TRUE(db_->Append(batch).ok());
  Put(R"(groups:
  - name: disk
    interval: 5m
    rules:
      - insight: DiskFills
        type: proactive
        expr: forecast_exhaustion(node_filesystem_avail_bytes[6h], 0) < 86400
        for: 10m
        severity: {medium: "< 86400", high: "< 14400"}
)");
  for (int64_t t_ms = kStart + 6 * kHour; t_ms <= kStart + 12 * kHour; t_ms += 5 * kMinute) Tick(t_ms);
  const auto found = db_->Insights({});
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->size(), 1u);
  const Insight& insight = found->front();
  EXPECT_EQ(insight.type, analytics::InsightType::kProactive);
  EXPECT_EQ(insight.severity, analytics::Severity::kMedium);
  ASSERT_TRUE(insight.prediction_range.has_value());
  ASSERT_TRUE(insight.prediction_range->expected_ms.has_value());
  EXPECT_NEAR(static_cast<double>(*insight.prediction_range->expected_ms - full_ms) / kHour, 0, 2);
  EXPECT_LE(insight.prediction_range->start_ms, *insight.prediction_range->expected_ms);
  EXPECT_EQ(insight.prediction_range->limit, 0.0);
  EXPECT_THAT(insight.name, HasSubstr("node_filesystem_avail_bytes{device=\"sda1\"} reaches 0 in "));
  EXPECT_THAT(insight.description, HasSubstr("is forecast to reach 0 at 2023-11-1"));
}

TEST_F(DatabaseTest, LaterRulesSeeEarlierOnesInOneTick) {
  Append(Labels::Of({{"__name__", "up"}, {"job", "a"}}), kStart, 3);
  Put(R"(groups:
  - name: g
    rules:
      - {record: doubled, expr: up * 2}
      - {record: quadrupled, expr: doubled * 2}
      - {alert: High, expr: quadrupled > 11}
)");
  Tick(kStart);
  EXPECT_EQ(QueryOne("quadrupled", kStart), 12);
  EXPECT_EQ(QueryOne("ALERTS{alertname=\"High\",alertstate=\"firing\",job=\"a\"}", kStart), 1);
  EXPECT_EQ(db_->ContinuousQueries().at(2).state, "firing");
}

TEST_F(DatabaseTest, RulesRecordNativeHistograms) {
  const auto append = [&](int64_t t_ms, std::string_view notation) {
    WriteBatch batch;
    batch.AddHistogram(batch.AddSeries(Labels::Of({{"__name__", "latency"}, {"host", "a"}})), t_ms,
                       std::make_shared<const Histogram>(testing::ParseHistogramNotation(notation).value()));
    ASSERT_TRUE(db_->Append(batch).ok());
  };
  append(kStart - kMinute, "count:10 sum:20 buckets:[4 6]");
  append(kStart, "count:70 sum:140 buckets:[4 66]");
  Put(R"(groups:
  - name: g
    interval: 1m
    rules:
      - record: latency:rate
        expr: rate(latency[2m])
      - record: latency:count
        expr: histogram_count({__name__="latency:rate"})
      - alert: Observed
        expr: '{__name__="latency:rate"}'
      - insight: Shapes
        expr: '{__name__="latency:rate"}')");
  clock_.now_ms = kStart;
  const auto report = db_->Tick(kStart);
  ASSERT_TRUE(report.ok());
  // An insight cannot judge them, and says so.
  ASSERT_EQ(report->errors.size(), 1u);
  EXPECT_THAT(report->errors[0], ::testing::AllOf(HasSubstr("g/Shapes"), HasSubstr("1 native histogram")));
  for (const bool reopened : {false, true}) {
    if (reopened) Reopen();
    const auto recorded = db_->Query("{__name__=\"latency:rate\"}", kStart);
    ASSERT_TRUE(recorded.ok());
    ASSERT_EQ(recorded->series.size(), 1u);
    const Histogram* histogram = recorded->series[0].HistogramAt(0);
    ASSERT_NE(histogram, nullptr);
    EXPECT_EQ(histogram->positive.index, std::vector<int32_t>{1});
    // The later rule saw what the earlier one recorded in the same tick.
    EXPECT_DOUBLE_EQ(QueryOne("{__name__=\"latency:count\"}", kStart), histogram->count);
    EXPECT_EQ(QueryOne("ALERTS{alertname=\"Observed\"}", kStart), 1);
  }
  // A series that is given no more ends like one of numbers.
  Tick(kStart + 5 * kMinute);
  EXPECT_TRUE(db_->Query("{__name__=\"latency:rate\"}", kStart + 5 * kMinute)->series.empty());
}

TEST_F(DatabaseTest, RulesInsightsAndEventsSurviveAReopen) {
  Append(Labels::Of({{"__name__", "up"}, {"job", "a"}}), kStart, 0);
  ASSERT_TRUE(db_->PutContinuousQuery("g", "Down", "insight: Down\nexpr: up == 0\nfor: 1m").ok());
  ASSERT_TRUE(db_->AddEvents({{"", "deployment", "v1", "", kStart - kMinute, {}}}).ok());
  Tick(kStart);
  Reopen();
  ASSERT_EQ(db_->ContinuousQueries().size(), 1u);
  EXPECT_EQ(db_->ContinuousQueries()[0].last_evaluation_ms, kStart);
  Tick(kStart + kMinute);
  Reopen();
  const auto found = db_->Insights({});
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->front().time_range.start_ms, kStart);
  EXPECT_EQ(found->front().events.at(0).event.name, "v1");
  EXPECT_EQ(db_->Events(kStart - kHour, kStart, {}, 0)->size(), 1u);
  EXPECT_EQ(db_->InsightRevisions(found->front().id)->size(), 1u);
  EXPECT_EQ(db_->GetInsight("none").status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(db_->DeleteContinuousQuery("g", "Down").ok());
  EXPECT_EQ(db_->GetInsight(found->front().id)->status, analytics::InsightStatus::kClosed);
}

TEST_F(DatabaseTest, GoingAwayWithoutCloseLosesNothing) {
  for (int i = 0; i < 30; ++i)
    Append(Labels::Of({{"__name__", "up"}, {"job", "a"}}), kStart + i * kMinute, i >= 5 && i < 20 ? 0 : 1);
  ASSERT_TRUE(db_->PutContinuousQuery("g", "down", "record: down\nexpr: up == bool 0").ok());
  ASSERT_TRUE(db_->PutContinuousQuery("g", "Down", "insight: Down\nexpr: down == 1\nfor: 3m\nkeep_firing_for: 2m").ok());
  for (int i = 0; i < 30; ++i) {
    Tick(kStart + i * kMinute);
    if (i != 6 && i != 12 && i != 20) continue;  // pending, open, quiet
    EXPECT_FALSE(db_->ContinuousQueries()[0].warming_up);
    db_.reset();
    Open();
    EXPECT_TRUE(db_->ContinuousQueries()[0].warming_up) << "until the next tick";
    EXPECT_EQ(QueryOne("down", kStart + i * kMinute), i >= 5 && i < 20 ? 1 : 0);
  }
  const auto found = db_->Insights({});
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->front().time_range.start_ms, kStart + 5 * kMinute);
  EXPECT_EQ(found->front().time_range.end_ms, kStart + 19 * kMinute);
  EXPECT_EQ(found->front().reported_range.start_ms, kStart + 8 * kMinute);
  EXPECT_EQ(found->front().reported_range.end_ms, kStart + 22 * kMinute);
  EXPECT_EQ(found->front().revision, 2u);
  EXPECT_EQ(db_->ContinuousQueries()[0].missed_intervals, 0u);
}

TEST_F(DatabaseTest, ReadOnlyReadsAndRefuses) {
  Append(Labels::Of({{"__name__", "up"}}), kStart, 1);
  ASSERT_TRUE(db_->PutContinuousQuery("g", "r", "record: r\nexpr: up").ok());
  ASSERT_TRUE(db_->Close().ok());
  db_.reset();
  Open(true);
  EXPECT_EQ(QueryOne("up", kStart), 1);
  EXPECT_EQ(db_->ContinuousQueries().size(), 1u);
  EXPECT_EQ(db_->Tick(kStart).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(db_->PutRuleGroups("groups: []").code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(db_->AddEvents({{}}).status().code(), StatusCode::kFailedPrecondition);
}

TEST_F(DatabaseTest, ASecondOwnerIsToldWhoHoldsIt) {
  Options options;
  options.path = dir_ / "db";
  const auto second = Database::Open(options);
  EXPECT_EQ(second.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(second.status().message(), HasSubstr("locked by"));
}

TEST_F(DatabaseTest, FunctionsAreAddedBeforeTheFirstQuery) {
  query::Function function = *db_->functions().Find("abs");
  function.name = "my_abs";
  const Status added = db_->AddFunction(function);
  (void)db_->Query("1", kStart);
  function.name = "my_other_abs";
  EXPECT_EQ(db_->AddFunction(function).code(), StatusCode::kFailedPrecondition);
}

TEST_F(DatabaseTest, BadArgumentsAreRefused) {
  EXPECT_EQ(db_->ParseSelector("up{job=\"a\"}")->size(), 2u);
  EXPECT_EQ(db_->ParseSelector("up + 1").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(db_->ParseSelector("up{").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(db_->AddEvents({{}}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(db_->PutRuleGroups("groups: [{name: g, rules: [{record: r, expr: 'nope(up)'}]}]").message(),
              HasSubstr("group g, rule r"));
  EXPECT_EQ(db_->PutContinuousQuery("g", "r", "record: r\nexpr: up{").code(), StatusCode::kInvalidArgument);
  Options options;
  options.in_memory = true;
  options.memory_budget_bytes = 1;
  EXPECT_EQ(Database::Open(options).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(DatabaseTest, EverythingAtOnceFromManyThreads) {
  ASSERT_TRUE(db_->PutContinuousQuery("g", "Down", "insight: Down\nexpr: up == 0\ngroup_by: []").ok());
  ASSERT_TRUE(db_->PutContinuousQuery("g", "copy", "record: copy\nexpr: up").ok());
  std::atomic<int> failures{0};
  const auto expect = [&](bool ok) { failures += ok ? 0 : 1; };
  const auto at = [](int i) { return kStart + i * kMinute; };
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    for (int i = 0; i < 40; ++i) {
      WriteBatch batch;
      batch.Add(batch.AddSeries(Labels::Of({{"__name__", "up"}, {"i", std::to_string(i % 3)}})), at(i), i % 2);
      expect(db_->Append(batch).ok());
    }
  });
  threads.emplace_back([&] {
    for (int i = 0; i < 40; ++i) expect(db_->Tick(at(i)).ok());
  });
  threads.emplace_back([&] {
    for (int i = 0; i < 10; ++i) expect(db_->Replay("g", "Down", at(0), at(40)).ok());
  });
  threads.emplace_back([&] {
    for (int i = 0; i < 40; ++i) {
      const auto subscription = db_->Subscribe([](const Insight&) {});
      expect(db_->Query("up", at(i)).ok());
      expect(db_->Insights({}).ok());
      expect(db_->ContinuousQueries().size() >= 2);
      expect(db_->AddEvents({{"", "config", "e" + std::to_string(i), "", at(i), {}}}).ok());
    }
  });
  threads.emplace_back([&] {
    for (int i = 0; i < 10; ++i) {
      expect(db_->PutContinuousQuery("h", "other", "record: other\nexpr: up * 2").ok());
      expect(db_->DeleteRuleGroup("h").ok());
    }
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
}

TEST_F(DatabaseTest, SubscriptionsEnd) {
  Append(Labels::Of({{"__name__", "up"}}), kStart, 0);
  ASSERT_TRUE(db_->PutContinuousQuery("g", "Down", "insight: Down\nexpr: up == 0").ok());
  int first = 0;
  int second = 0;
  auto one = db_->Subscribe([&](const Insight& insight) {
    ++first;
    EXPECT_TRUE(db_->GetInsight(insight.id).ok());  // durable before it is told
  });
  auto two = db_->Subscribe([&](const Insight&) { ++second; });
  two.reset();
  Tick(kStart);
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 0);
}

}  // namespace
}  // namespace auspex
