// Queries over times whose samples retention took, and of which summaries are left.
#include <cmath>
#include <memory>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auspex/query/engine.h"
#include "auspex/storage/store.h"
#include "storage/partition.h"
#include "tests/support/model_store.h"
#include "tests/support/seed.h"
#include "tests/support/store_compare.h"
#include "tests/support/temp_dir.h"

namespace auspex::query {
namespace {

using storage::kDayMs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kStartMs = 1'767'225'600'000;
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kFineMs = 300'000;

/// Samples are kept for four days, summaries of five minutes for eight and of an hour for thirty. Beside the store the model,
/// which keeps everything.
class ExpiredQueryTest : public ::testing::Test {
 protected:
  ExpiredQueryTest() { Open(); }

  void Open() {
    store_.reset();
    StoreOptions options;
    options.path = dir_ / "db";
    options.memory_budget_bytes = uint64_t{64} << 20;
    options.retention_ms = 4 * kDayMs;
    options.retention_5m_ms = 8 * kDayMs;
    options.retention_1h_ms = 30 * kDayMs;
    options.clock = &clock_;
    auto opened = Store::Open(options);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    store_ = *std::move(opened);
  }
  // Days of samples that end with the clock, a minute apart and about: integers, a counter with resets, decimals.
  void PutDays(int days) {
    for (int day = 0; day < days; ++day) {
      WriteBatch batch;
      const SeriesRef gauge[] = {batch.AddSeries(Labels::Of({{"__name__", "gauge"}, {"i", "1"}})),
                                 batch.AddSeries(Labels::Of({{"__name__", "gauge"}, {"i", "2"}}))};
      const SeriesRef total = batch.AddSeries(Labels::Of({{"__name__", "requests_total"}}));
      const SeriesRef decimal = batch.AddSeries(Labels::Of({{"__name__", "decimal"}}));
      const int64_t begin_ms = clock_.NowMs();
      clock_.Set(begin_ms + kDayMs);
      for (int64_t t = begin_ms; t < begin_ms + kDayMs; t += 60'000) {
        for (const SeriesRef ref : gauge) {
          batch.Add(ref, t, random_() % 500 == 0 ? StaleMarker() : static_cast<double>(random_() % 100));
        }
        batch.Add(total, t + static_cast<int64_t>(random_() % 1'000), total_ = random_() % 300 == 0 ? 0 : total_ + 3);
        batch.Add(decimal, t, static_cast<double>(random_() % 10'000) / 100);
      }
      ASSERT_EQ(store_->Append(batch)->rejected, 0u);
      ASSERT_TRUE(model_.Append(batch).ok());
      ASSERT_TRUE((day % 3 == 0 ? store_->Seal() : store_->Flush()).ok());
    }
  }
  static Engine Over(const SeriesStore& store) { return {store, Registry(), EngineOptions{}}; }
  static const FunctionRegistry& Registry() {
    static const FunctionRegistry registry = FunctionRegistry::BuiltIn();
    return registry;
  }

  // Whether both stores answer alike at every step, bit for bit, or, where `rounded`, up to rounding.
  void ExpectSame(const std::string& text, int64_t begin_ms, int64_t end_ms, int64_t step_ms, bool rounded = false) {
    SCOPED_TRACE(text);
    const auto got = Over(*store_).Range(text, begin_ms, end_ms, step_ms);
    const auto want = Over(model_).Range(text, begin_ms, end_ms, step_ms);
    ASSERT_TRUE(got.ok()) << got.status().ToString();
    ASSERT_TRUE(want.ok()) << want.status().ToString();
    EXPECT_THAT(got->annotations.warnings, IsEmpty());
    ASSERT_EQ(got->series.size(), want->series.size());
    ASSERT_FALSE(want->series.empty());
    for (size_t i = 0; i < want->series.size(); ++i) {
      EXPECT_EQ(got->series[i].labels, want->series[i].labels);
      ASSERT_EQ(got->series[i].t_ms, want->series[i].t_ms);
      for (size_t k = 0; k < want->series[i].values.size(); ++k) {
        const double a = got->series[i].values[k];
        const double b = want->series[i].values[k];
        const bool same =
            rounded ? std::fabs(a - b) <= 1e-12 * std::fabs(b) : std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
        ASSERT_TRUE(same) << "at " << want->series[i].t_ms[k] << ": " << a << ", from samples " << b;
      }
    }
  }
  void ExpectHoursAsBefore() {
    const int64_t end_ms = clock_.NowMs();
    for (const std::string range : {"[1h]", "[6h]", "[1d]"}) {
      for (const char* function :
           {"count_over_time", "sum_over_time", "avg_over_time", "min_over_time", "max_over_time", "first_over_time",
            "last_over_time", "present_over_time", "ts_of_first_over_time", "ts_of_last_over_time", "delta"}) {
        ExpectSame(std::string(function) + "(gauge" + range + ")", kStartMs + kDayMs, end_ms, kHourMs);
      }
      for (const char* function : {"rate", "increase", "min_over_time", "last_over_time"}) {
        ExpectSame(std::string(function) + "(requests_total" + range + ")", kStartMs + kDayMs, end_ms, kHourMs);
      }
      for (const char* function : {"count_over_time", "min_over_time", "max_over_time", "first_over_time", "last_over_time"}) {
        ExpectSame(std::string(function) + "(decimal" + range + ")", kStartMs + kDayMs, end_ms, kHourMs);
      }
      for (const char* function : {"sum_over_time", "avg_over_time"}) {
        ExpectSame(std::string(function) + "(decimal" + range + ")", kStartMs + kDayMs, end_ms, kHourMs, /*rounded=*/true);
      }
    }
    ExpectSame("sum(max_over_time(gauge[1h]))", kStartMs + kDayMs, end_ms, kHourMs);
    ExpectSame("avg by (i) (avg_over_time(gauge{i=~\"1|2\"}[2h])) > 10", kStartMs + kDayMs, end_ms, 2 * kHourMs);
    ExpectSame("max_over_time(increase(requests_total[1h])[1d:1h])", kStartMs + 2 * kDayMs, end_ms, kDayMs);
    ExpectSame("max_over_time(gauge[1h] offset 5d)", end_ms - kDayMs, end_ms, kHourMs);
    ExpectSame("gauge - avg_over_time(gauge[1d] offset 9d)", end_ms - 2 * kHourMs, end_ms, kHourMs);
    ExpectSame("absent_over_time(gauge[1h]) or vector(7)", kStartMs - kDayMs, end_ms, kHourMs);
  }

  testing::TempDir dir_;
  testing::FixedClock clock_{kStartMs};
  std::mt19937_64 random_{testing::TestSeed()};
  double total_ = 0;
  std::unique_ptr<Store> store_;
  testing::ModelStore model_;
};

TEST_F(ExpiredQueryTest, WholeHoursAnswerAsTheSamplesDid) {
  PutDays(12);
  ExpectHoursAsBefore();  // expired, and not yet summed up
  ASSERT_TRUE(store_->ApplyRetention().ok());
  ASSERT_GT(store_->Stats().coarse_blocks_count, 0u);
  SelectRequest expired;
  expired.end_ms = clock_.NowMs() - 4 * kDayMs;
  ASSERT_EQ(testing::Dump(*store_, expired), "") << "its samples are gone";
  ExpectHoursAsBefore();
  ASSERT_TRUE(store_->Close().ok());
  Open();
  ExpectHoursAsBefore();
  ASSERT_TRUE(store_->Seal().ok());
  ExpectHoursAsBefore();
}

TEST_F(ExpiredQueryTest, FiveMinutesAnswerWhileTheyAreKept) {
  PutDays(12);
  ASSERT_TRUE(store_->ApplyRetention().ok());
  const int64_t end_ms = clock_.NowMs();
  for (const char* text :
       {"avg_over_time(gauge[5m])", "rate(requests_total[5m])", "max_over_time(decimal[5m])", "max_over_time(gauge[15m])"}) {
    ExpectSame(text, end_ms - 8 * kDayMs + kHourMs, end_ms, kFineMs);
  }
  const auto at = Over(*store_).Instant("increase(requests_total[5m])", end_ms - 6 * kDayMs).value();
  EXPECT_EQ(at.series.size(), 1u);
  // Before that there are hours alone.
  const auto gone = Over(*store_).Range("avg_over_time(gauge[5m])", kStartMs, end_ms - 9 * kDayMs, kFineMs).value();
  EXPECT_TRUE(gone.series.empty());
  EXPECT_THAT(gone.annotations.warnings, ::testing::ElementsAre(HasSubstr("summaries")));
}

TEST_F(ExpiredQueryTest, WindowsThatDoNotFitSaySo) {
  PutDays(12);
  ASSERT_TRUE(store_->ApplyRetention().ok());
  const int64_t end_ms = clock_.NowMs();
  const int64_t samples_ms = end_ms - 4 * kDayMs;
  const struct {
    const char* text;
    int64_t begin_ms;
    int64_t step_ms;
  } kRows[] = {
      {"avg_over_time(gauge[1h])", kStartMs + kHourMs + 17 * 60'000 + 1, kHourMs},
      {"avg_over_time(gauge[93m])", kStartMs + kHourMs, kHourMs},
      {"rate(requests_total[3m])", kStartMs + kHourMs, kHourMs},
      {"max_over_time(gauge[7m])", kStartMs + kHourMs, 60'000 * 20},
      {"max_over_time(gauge[1h] offset 10s)", kStartMs + kHourMs, kHourMs},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.text);
    const auto got = Over(*store_).Range(row.text, row.begin_ms, end_ms, row.step_ms).value();
    EXPECT_THAT(got.annotations.warnings, ::testing::ElementsAre(HasSubstr("older samples have expired")));
    ASSERT_FALSE(got.series.empty());
    EXPECT_GE(got.series[0].t_ms.front(), samples_ms) << "an answer about expired samples";
    // From unexpired samples alone everything is as it was.
    const int64_t safe_ms = samples_ms + 2 * kHourMs;
    const int64_t from_ms = row.begin_ms + (safe_ms - row.begin_ms + row.step_ms - 1) / row.step_ms * row.step_ms;
    ExpectSame(row.text, from_ms, end_ms, row.step_ms);
  }
  // What no summary tells: no data, and none that is made up.
  for (const char* text : {"gauge", "quantile_over_time(0.5, gauge[1h])", "stddev_over_time(gauge[1h])",
                           "irate(requests_total[1h])", "changes(gauge[1h])", "sum(gauge)", "gauge[1h:1m]"}) {
    const auto got = Over(*store_).Instant(text, samples_ms - kDayMs).value();
    EXPECT_TRUE(got.series.empty()) << text;
  }
}

TEST_F(ExpiredQueryTest, SeriesAndLabelsAreListedWhileThereAreSummaries) {
  PutDays(6);
  clock_.Set(clock_.NowMs() + 6 * kDayMs);
  ASSERT_TRUE(store_->ApplyRetention().ok());
  for (const bool reopened : {false, true}) {
    if (reopened) Open();
    SelectRequest days;
    days.begin_ms = kStartMs + kDayMs;
    days.end_ms = kStartMs + 2 * kDayMs;
    EXPECT_EQ(store_->Series(days, 0).value().size(), 4u);
    EXPECT_THAT(store_->LabelValues("__name__", days, 0).value(), ::testing::ElementsAre("decimal", "gauge", "requests_total"));
    days.matchers = {Matcher::Of(Matcher::Op::kEqual, "i", "2")};
    EXPECT_THAT(store_->LabelNames(days, 0).value(), ::testing::ElementsAre("__name__", "i"));
    ExpectSame("max_over_time(gauge[1d])", kStartMs + kDayMs, kStartMs + 6 * kDayMs, kDayMs);
  }
  clock_.Set(kStartMs + 60 * kDayMs);
  ASSERT_TRUE(store_->ApplyRetention().ok());
  EXPECT_TRUE(store_->Series({}, 0).value().empty());
}

TEST_F(ExpiredQueryTest, ExplainAndStatisticsCountWhatWasReadFromSummaries) {
  PutDays(8);
  ASSERT_TRUE(store_->ApplyRetention().ok());
  const int64_t at_ms = kStartMs + 3 * kDayMs;
  const std::string text = "max_over_time(gauge{i=\"1\"}[1d])";
  // The sample of midnight ends the last hour of a day, and lies in the partition of the next.
  const auto explained = Over(*store_).Instant("EXPLAIN ANALYZE " + text, at_ms).value();
  EXPECT_THAT(explained.text, HasSubstr("0 samples, 25 runs by summary"));
  QueryOptions options;
  options.count_steps = true;
  const auto counted = Over(*store_).Instant(text, at_ms, options).value();
  const auto want = Over(model_).Instant(text, at_ms, options).value();
  EXPECT_EQ(counted.stats.samples_per_step, want.stats.samples_per_step);
  EXPECT_EQ(counted.series.size(), 1u) << "an answer does not depend on who counts";
}

}  // namespace
}  // namespace auspex::query
