// Range queries that begin with what an earlier one answered: the same bytes, a fraction of the samples, and never what a later
// write has changed.
#include "query/result_cache.h"

#include <cmath>

#include <gtest/gtest.h>

#include "auspex/query/engine.h"
#include "auspex/storage/store.h"
#include "tests/support/result_bytes.h"
#include "tests/support/seed.h"

namespace auspex::query {
namespace {

using testing::Bytes;

constexpr int64_t kStartMs = 1'700'000'000'000;
constexpr int64_t kHourMs = 3'600'000;

class ResultCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    StoreOptions options;
    options.in_memory = true;
    options.memory_budget_bytes = uint64_t{64} << 20;
    auto opened = Store::Open(options);
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    store_ = std::move(opened).value();
    EngineOptions engine;
    engine.result_cache_bytes = 8 << 20;
    engine_ = std::make_unique<Engine>(*store_, registry_, engine);
    Write(kStartMs, kStartMs + 6 * kHourMs);
  }
  void TearDown() override { ASSERT_TRUE(store_->Close().ok()); }

  // 150 counters: more than two morsels, and some series come and go.
  void Write(int64_t begin_ms, int64_t end_ms) {
    WriteBatch batch;
    for (int s = 0; s < 150; ++s) {
      const SeriesRef ref = batch.AddSeries(Labels::Of(
          {{kMetricName, s % 2 == 0 ? "a_total" : "b_total"}, {"i", std::to_string(s)}, {"job", s % 3 == 0 ? "api" : "web"}}));
      for (int64_t t_ms = begin_ms; t_ms < end_ms; t_ms += 15'000) {
        const int64_t hour = (t_ms - kStartMs) / kHourMs;
        if (s % 5 == 0 && (hour + s) % 3 == 0) continue;
        batch.Add(ref, t_ms, std::ldexp(static_cast<double>(random_() >> 12), -30) + static_cast<double>(t_ms - kStartMs));
      }
    }
    ASSERT_TRUE(store_->Append(batch).ok());
  }

  QueryResult Ask(std::string_view text, int64_t start_ms, int64_t end_ms, bool use_cache) {
    QueryOptions options;
    options.use_cache = use_cache;
    auto result = engine_->Range(text, start_ms, end_ms, 60'000, options);
    EXPECT_TRUE(result.ok()) << text << ": " << result.status().message();
    return result.ok() ? std::move(result).value() : QueryResult();
  }
  void ExpectSame(std::string_view text, int64_t start_ms, int64_t end_ms) {
    EXPECT_EQ(Bytes(Ask(text, start_ms, end_ms, true)), Bytes(Ask(text, start_ms, end_ms, false)))
        << text << " from " << start_ms << " to " << end_ms;
  }

  std::mt19937_64 random_{testing::TestSeed()};
  std::unique_ptr<Store> store_;
  const FunctionRegistry registry_ = FunctionRegistry::BuiltIn();
  std::unique_ptr<Engine> engine_;
};

constexpr const char* kKept[] = {
    "sum(rate(a_total[5m]))",
    "sum by (job) (a_total) / on (job) count by (job) (b_total)",
    "avg_over_time(b_total[20m])",
    "topk(3, rate(a_total[10m]))",
    "max_over_time(sum by (job) (rate(a_total[5m]))[30m:1m])",
    "stddev(a_total offset 10m)",
    "absent(a_total{job=\"api\"})",
    "time() - timestamp(a_total)",
};
// Whose values depend on the query's own times, on the future, or may fail over more steps.
constexpr const char* kNotKept[] = {
    "sum(a_total @ end())", "sum(a_total offset -10m)",        "rate({job=\"api\",__name__=~\"a.*\"}[5m])",
    "vector(end())",        "avg_over_time(a_total[range()])",
};

TEST_F(ResultCacheTest, ARefreshCostsItsNewSteps) {
  for (const char* text : kKept) {
    const QueryResult first = Ask(text, kStartMs + kHourMs, kStartMs + 5 * kHourMs, true);
    EXPECT_EQ(first.stats.cached_steps, 0u) << text;
    const QueryResult again = Ask(text, kStartMs + kHourMs + 60'000, kStartMs + 5 * kHourMs + 60'000, true);
    EXPECT_EQ(again.stats.cached_steps, 240u) << text;
    EXPECT_LT(again.stats.samples_count, first.stats.samples_count / 4) << text;
    ExpectSame(text, kStartMs + kHourMs + 60'000, kStartMs + 5 * kHourMs + 60'000);
    const QueryResult whole = Ask(text, kStartMs + 2 * kHourMs, kStartMs + 3 * kHourMs, true);
    EXPECT_EQ(whole.stats.samples_count, 0u) << text;
    ExpectSame(text, kStartMs + 2 * kHourMs, kStartMs + 3 * kHourMs);
  }
}

// Sealed blocks of more samples than the cache of decoded ones holds: the newest steps want the end of each.
TEST_F(ResultCacheTest, ARefreshDecodesFewBlocks) {
  constexpr int64_t kBeginMs = kStartMs + 240 * kHourMs;
  constexpr int kSeries = 500;
  constexpr int64_t kSamples = 2800;
  for (int s = 0; s < kSeries; ++s) {
    WriteBatch batch;
    const SeriesRef ref = batch.AddSeries(Labels::Of({{kMetricName, "c_total"}, {"i", std::to_string(s)}}));
    for (int64_t i = 0; i < kSamples; ++i) batch.Add(ref, kBeginMs + i * 15'000, static_cast<double>(i * 7 + s));
    ASSERT_TRUE(store_->Append(batch).ok());
  }
  ASSERT_TRUE(store_->Seal().ok());
  const char* text = "sum(rate(c_total[5m]))";
  const int64_t end_ms = kBeginMs + 10 * kHourMs;
  const QueryResult first = Ask(text, kBeginMs + kHourMs, end_ms, true);
  EXPECT_GE(first.stats.blocks_decoded + first.stats.blocks_skipped, uint64_t{kSeries});
  for (int step = 1; step < 8; ++step) {
    const int64_t shift_ms = step * 60'000;
    const QueryResult again = Ask(text, kBeginMs + kHourMs + shift_ms, end_ms + shift_ms, true);
    EXPECT_EQ(again.stats.cached_steps, 540u);
    EXPECT_LE(again.stats.samples_count, uint64_t{kSeries} * 21);
    // The first ones put the ends of blocks in the place of whole ones, some of which they wanted themselves.
    if (step > 3) {
      EXPECT_LT(again.stats.blocks_decoded, uint64_t{kSeries} / 20) << step;
    }
    ExpectSame(text, kBeginMs + kHourMs + shift_ms, end_ms + shift_ms);
  }
}

TEST_F(ResultCacheTest, WhatDependsOnTheQuerysTimesIsNotKept) {
  for (const char* text : kNotKept) {
    Ask(text, kStartMs + kHourMs, kStartMs + 2 * kHourMs, true);
    EXPECT_EQ(Ask(text, kStartMs + kHourMs + 60'000, kStartMs + 2 * kHourMs + 60'000, true).stats.cached_steps, 0u) << text;
    ExpectSame(text, kStartMs + kHourMs, kStartMs + 2 * kHourMs);
  }
}

TEST_F(ResultCacheTest, LateWritesShow) {
  const char* text = "sum(rate(a_total[5m]))";
  Ask(text, kStartMs + kHourMs, kStartMs + 5 * kHourMs, true);
  WriteBatch late;
  const SeriesRef ref = late.AddSeries(Labels::Of({{kMetricName, "a_total"}, {"i", "late"}}));
  late.Add(ref, kStartMs + 3 * kHourMs, 1);
  late.Add(ref, kStartMs + 3 * kHourMs + 10'000, 1000);
  ASSERT_TRUE(store_->Append(late).ok());
  const QueryResult after = Ask(text, kStartMs + kHourMs, kStartMs + 5 * kHourMs, true);
  EXPECT_EQ(after.stats.cached_steps, 120u);  // those before the write
  EXPECT_EQ(Bytes(after), Bytes(Ask(text, kStartMs + kHourMs, kStartMs + 5 * kHourMs, false)));
}

// Queries that move, grow and shrink, while samples arrive in time and late.
TEST_F(ResultCacheTest, AnyOrderOfQueriesAndWrites) {
  int64_t now_ms = kStartMs + 6 * kHourMs;
  for (int i = 0; i < 120; ++i) {
    if (random_() % 3 == 0) {
      Write(now_ms, now_ms + 60'000);
      now_ms += 60'000;
    }
    if (random_() % 10 == 0) {
      const int64_t late_ms = now_ms - static_cast<int64_t>(random_() % (3 * kHourMs));
      Write(late_ms, late_ms + 30'000);
    }
    const char* text = kKept[random_() % std::size(kKept)];
    const int64_t phase_ms = random_() % 8 == 0 ? 7'000 : 0;
    const int64_t end_ms = now_ms + 120'000 + phase_ms - static_cast<int64_t>(random_() % 20) * 60'000;
    ExpectSame(text, end_ms - static_cast<int64_t>(1 + random_() % 60) * 60'000, end_ms);
  }
}

TEST_F(ResultCacheTest, TheBudgetHolds) {
  ResultCache cache(100'000);
  for (int i = 0; i < 100; ++i) {
    auto answer = std::make_shared<CachedAnswer>();
    answer->rows = Batch(1000);
    answer->rows.Add(Labels());
    cache.Put({std::to_string(i)}, std::move(answer));
    EXPECT_LE(cache.bytes(), 100'000u);
  }
  EXPECT_NE(cache.Find({"99"}), nullptr);
  EXPECT_EQ(cache.Find({"0"}), nullptr);
  auto large = std::make_shared<CachedAnswer>();
  large->rows = Batch(10'000);
  large->rows.Add(Labels());
  cache.Put({"99"}, std::move(large));
  EXPECT_EQ(cache.Find({"99"}), nullptr);
}

TEST(ReusableStepsTest, StopsBeforeTheFirstChange) {
  CachedAnswer answer;
  answer.grid = {1000, 100, 11};  // to 2000
  const int64_t never = std::numeric_limits<int64_t>::max();
  const auto steps = [&](StepGrid grid, int64_t earliest_ms, int64_t expired_ms) {
    return ReusableSteps(answer, grid, {earliest_ms, expired_ms}, /*reach_ms=*/500);
  };
  EXPECT_EQ(steps({1000, 100, 11}, never, 0), 11u);
  EXPECT_EQ(steps({1200, 100, 11}, never, 0), 9u);
  EXPECT_EQ(steps({1200, 100, 3}, never, 0), 3u);
  EXPECT_EQ(steps({900, 100, 11}, never, 0), 0u);
  EXPECT_EQ(steps({2100, 100, 11}, never, 0), 0u);
  EXPECT_EQ(steps({1000, 100, 11}, 1500, 0), 5u);
  EXPECT_EQ(steps({1000, 100, 11}, 1501, 0), 6u);
  EXPECT_EQ(steps({1000, 100, 11}, 1000, 0), 0u);
  EXPECT_EQ(steps({1000, 100, 11}, never, 500), 11u);
  EXPECT_EQ(steps({1000, 100, 11}, never, 501), 0u);  // retention has reached what the first step looked at
}

}  // namespace
}  // namespace auspex::query
