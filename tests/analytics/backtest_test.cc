#include "auspex/analytics/backtest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "auspex/database.h"
#include "tests/support/store_compare.h"

namespace auspex::analytics {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kDay = 1440 * kMinute;
constexpr int64_t kStart = 19'700 * kDay;
constexpr int kDays = 8;

constexpr const char* kRules = R"(
groups:
  - name: http
    interval: 1m
    rules:
      - record: twice
        expr: x * 2
      - alert: High
        expr: x > 160
        for: 2m
      - insight: Shift
        expr: anomaly(x[1d], 3)
        for: 1m
      - insight: Plain
        expr: x > 160
)";

class Backtest : public ::testing::Test {
 protected:
  Backtest() : clock_(kStart + kDays * kDay) {
    Options options;
    options.in_memory = true;
    options.clock = &clock_;
    auto opened = Database::Open(options);
    EXPECT_TRUE(opened.ok()) << opened.status().ToString();
    database_ = *std::move(opened);
    EXPECT_TRUE(database_->PutRuleGroups(kRules).ok());
    std::mt19937_64 random(3);
    std::normal_distribution<double> normal(0, 4);
    WriteBatch batch;
    const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", "x"}, {"service", "pay"}}));
    for (int i = 0; i < kDays * 1440; ++i) {
      double value = 100 + normal(random);
      // Two incidents of ten minutes, and one spike of a single minute.
      for (const int begin : {5 * 1440 + 600, 6 * 1440 + 900}) value += i >= begin && i < begin + 10 ? 100 : 0;
      if (i == 7 * 1440 + 300) value += 100;
      batch.Add(ref, kStart + i * kMinute, value);
    }
    EXPECT_TRUE(database_->Append(batch).ok());
  }

  static BacktestRequest Request(const char* rule) {
    BacktestRequest request;
    request.group = "http";
    request.name = rule;
    request.from_ms = kStart + 3 * kDay;
    request.to_ms = kStart + kDays * kDay - kMinute;
    for (const int begin : {5 * 1440 + 600, 6 * 1440 + 900}) {
      request.windows.push_back({kStart + begin * kMinute, kStart + (begin + 12) * kMinute, {}});
    }
    return request;
  }
  BacktestReport Run(const BacktestRequest& request) {
    auto report = database_->Backtest(request);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return report.ok() ? *std::move(report) : BacktestReport();
  }

  testing::FixedClock clock_;
  std::unique_ptr<Database> database_;
};

TEST_F(Backtest, TellsWhatARuleWouldHaveToldAndStoresNothing) {
  const BacktestReport report = Run(Request("Plain"));
  ASSERT_EQ(report.found.size(), 3U);
  EXPECT_EQ(report.evaluations, 5U * 1440);
  EXPECT_NEAR(report.per_day, 3.0 / 5, 1e-3);
  EXPECT_DOUBLE_EQ(*report.recall, 1);
  EXPECT_NEAR(*report.precision, 2.0 / 3, 1e-12);
  EXPECT_EQ(report.found[0].start_ms, kStart + (5 * 1440 + 600) * kMinute);
  EXPECT_TRUE(report.found[0].right);
  EXPECT_FALSE(report.found[2].right);
  EXPECT_EQ(*report.median_delay_seconds, 0);
  const auto stored = database_->Insights({});
  ASSERT_TRUE(stored.ok());
  EXPECT_TRUE(stored->empty());
}

TEST_F(Backtest, FindsWhatAReplayFinds) {
  BacktestRequest request = Request("Shift");
  request.windows.clear();
  const BacktestReport report = Run(request);
  EXPECT_FALSE(report.precision.has_value());
  ASSERT_TRUE(database_->Replay("http", "Shift", request.from_ms, request.to_ms).ok());
  const auto replayed = database_->Insights({});
  ASSERT_TRUE(replayed.ok());
  ASSERT_EQ(replayed->size(), report.found.size());
  for (size_t i = 0; i < report.found.size(); ++i) {
    EXPECT_EQ(replayed->at(replayed->size() - 1 - i).time_range.start_ms, report.found[i].start_ms);
  }
}

TEST_F(Backtest, JudgesAlertsAndTheirDelay) {
  const BacktestReport report = Run(Request("High"));
  ASSERT_EQ(report.found.size(), 2U) << "the spike of one minute does not hold for two";
  EXPECT_DOUBLE_EQ(*report.precision, 1);
  EXPECT_EQ(*report.median_delay_seconds, 120);
  EXPECT_EQ(report.found[0].labels.Get("service"), "pay");
}

TEST_F(Backtest, JudgesARuleThatIsNotThereYet) {
  BacktestRequest request = Request("New");
  EXPECT_THAT(database_->Backtest(request).status().ToString(), HasSubstr("no rule New"));
  request.rule = "insight: New\nexpr: x > 1000\n";
  EXPECT_EQ(Run(request).found.size(), 0U);
  EXPECT_DOUBLE_EQ(*Run(request).recall, 0);
  EXPECT_EQ(database_->ContinuousQueries().size(), 4U) << "and it is not there afterwards";
  EXPECT_THAT(database_->Backtest(Request("twice")).status().ToString(), HasSubstr("records"));
}

TEST_F(Backtest, WhatIfSweepsSensitivityAndHoldTime) {
  WhatIfRequest request{Request("Shift"), {1.5, 3, 1000}, {0, 3 * kMinute}};
  const auto table = database_->WhatIf(request);
  ASSERT_TRUE(table.ok()) << table.status().ToString();
  ASSERT_EQ(table->size(), 6U);
  for (size_t i = 0; i + 1 < 6; i += 2) {
    EXPECT_GE(table->at(i).report.found.size(), table->at(i + 1).report.found.size()) << "a longer hold tells no more";
  }
  EXPECT_GE(table->at(0).report.found.size(), table->at(2).report.found.size()) << "nor does a larger k";
  EXPECT_EQ(table->at(4).report.found.size(), 0U) << "k = 1000";
  EXPECT_DOUBLE_EQ(*table->at(2).report.recall, 1);
  EXPECT_THAT(ToText(*table), HasSubstr("precision"));
  EXPECT_EQ(nlohmann::json::parse(ToJson(*table))[4]["k"], 1000);
  request.backtest = Request("Plain");
  EXPECT_THAT(database_->WhatIf(request).status().ToString(), HasSubstr("no anomaly function"));
}

TEST(BacktestStatement, Parses) {
  const auto read = ParseBacktest("BACKTEST http/Shift FROM 7d TO 1700000000", 5);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ((*read)->group, "http");
  EXPECT_EQ((*read)->name, "Shift");
  EXPECT_EQ((*read)->to_ms, 1'700'000'000'000);
  EXPECT_EQ((*read)->from_ms, 1'700'000'000'000 - 7 * kDay);
  EXPECT_FALSE(ParseBacktest("up", 0)->has_value());
  EXPECT_THAT(ParseBacktest("BACKTEST Shift", 0).status().ToString(), HasSubstr("group/rule"));
  EXPECT_THAT(ParseBacktest("BACKTEST a/b SINCE 3", 0).status().ToString(), HasSubstr("known: FROM, TO"));
  const auto sweep = ParseWhatIf("WHATIF a/b FROM 2023-11-01T00:00:00Z K 2,3.5 FOR 0s,5m", 1'700'000'000'000);
  ASSERT_TRUE(sweep.ok()) << sweep.status().ToString();
  EXPECT_EQ((*sweep)->k, (std::vector<double>{2, 3.5}));
  EXPECT_EQ((*sweep)->for_ms, (std::vector<int64_t>{0, 5 * kMinute}));
  EXPECT_THAT(ParseWhatIf("WHATIF a/b K 0", 0).status().ToString(), HasSubstr("above 0"));
}

TEST(BacktestWindows, Parse) {
  const auto windows = ParseWindows(R"([{"start": 100, "end": "1970-01-01T00:05:00Z", "labels": {"service": "pay"}}])");
  ASSERT_TRUE(windows.ok()) << windows.status().ToString();
  EXPECT_EQ(windows->at(0).begin_ms, 100'000);
  EXPECT_EQ(windows->at(0).end_ms, 300'000);
  EXPECT_EQ(windows->at(0).labels, Labels::Of({{"service", "pay"}}));
  for (const char* bad :
       {"{}", "[1]", R"([{"start": 5}])", R"([{"start": 5, "end": 4}])", "[", R"([{"start":1,"end":2,"labels":{"a":1}}])"}) {
    EXPECT_FALSE(ParseWindows(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace auspex::analytics
