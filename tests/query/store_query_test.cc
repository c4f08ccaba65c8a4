// Queries over the real store, whose series lie in another order than their labels, against the model.
#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auspex/query/engine.h"
#include "auspex/storage/store.h"
#include "tests/support/model_store.h"
#include "tests/support/result_bytes.h"
#include "tests/support/seed.h"

namespace auspex::query {
namespace {

using testing::Bytes;
using ::testing::HasSubstr;

constexpr int64_t kStartMs = 1'767'225'600'000;
constexpr int64_t kHourMs = 3'600'000;

class StoreQueryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    StoreOptions options;
    options.in_memory = true;
    options.memory_budget_bytes = uint64_t{64} << 20;
    store_ = Store::Open(options).value();
    std::mt19937_64 random(testing::TestSeed());
    for (int64_t hour = 0; hour < 6; ++hour) {
      WriteBatch batch;
      for (int n = 0; n < 300; ++n) {
        const int s = n * 7 % 300;  // neither by labels nor by metric
        const SeriesRef ref = batch.AddSeries(Labels::Of({{kMetricName, s % 3 == 0 ? "b_total" : "a_total"},
                                                          {"i", std::to_string(s)},
                                                          {"job", std::string(1, static_cast<char>('p' + s % 4))}}));
        if (s % 11 == hour) continue;
        for (int64_t t_ms = hour * kHourMs; t_ms < (hour + 1) * kHourMs; t_ms += 60'000) {
          batch.Add(ref, kStartMs + t_ms, std::ldexp(static_cast<double>(random() >> 12), -30));
        }
      }
      ASSERT_TRUE(store_->Append(batch).ok());
      ASSERT_TRUE(model_.Append(batch).ok());
      if (hour == 3) {
        ASSERT_TRUE(store_->Seal().ok());
      }
    }
  }
  void TearDown() override { ASSERT_TRUE(store_->Close().ok()); }

  Engine Make(const SeriesStore& store, int threads) const {
    EngineOptions options;
    options.threads = threads;
    return Engine(store, registry_, options);
  }

  std::unique_ptr<Store> store_;
  testing::ModelStore model_;
  const FunctionRegistry registry_ = FunctionRegistry::BuiltIn();
};

constexpr const char* kQueries[] = {
    "a_total",
    "{__name__=~\"a.*|b.*\"}",
    "sum(a_total)",
    "avg by (job) (rate(a_total[5m]))",
    "sum by (job) (rate({__name__=~\".+_total\"}[5m]))",
    "count by (__name__) ({__name__!=\"\"})",
    "sum by (__name__) ({job=\"p\"})",
    "max by (__name__) (last_over_time({job=~\"p|q\"}[10m]))",
    "stddev without (i) (a_total)",
    "topk(5, b_total)",
    "topk by (job) (2, rate(a_total[10m]))",
    "sort_desc(b_total)",
    "quantile by (job) (0.3, a_total)",
    "quantile_over_time(0.9, a_total[1h])",
    "quantile_over_time(0.5, a_total[7m])",
    "count({__name__=~\".+\"})",
    "group by (job) (a_total)",
    "a_total > bool 100 or b_total",
    "last_over_time({__name__=~\".*_total\"}[10m])",
    "max_over_time(sum by (job) (a_total)[1h:5m])",
    "count_values by (job) (\"v\", round(a_total / 1e4))",
};

TEST_F(StoreQueryTest, TheStoresOrderDoesNotShow) {
  const Engine want = Make(model_, 1);
  const Engine one = Make(*store_, 1);
  const Engine two = Make(*store_, 2);
  for (const char* text : kQueries) {
    // The second time, parts of blocks come from memory.
    for (int round = 0; round < 2; ++round) {
      for (const Engine* engine : {&one, &two}) {
        const auto instant = engine->Instant(text, kStartMs + 5 * kHourMs);
        ASSERT_TRUE(instant.ok()) << text << ": " << instant.status().message();
        EXPECT_EQ(Bytes(*instant), Bytes(want.Instant(text, kStartMs + 5 * kHourMs).value())) << text;
        const auto range = engine->Range(text, kStartMs + kHourMs, kStartMs + 5 * kHourMs, 120'000);
        ASSERT_TRUE(range.ok()) << text << ": " << range.status().message();
        EXPECT_EQ(Bytes(*range), Bytes(want.Range(text, kStartMs + kHourMs, kStartMs + 5 * kHourMs, 120'000).value())) << text;
      }
    }
  }
}

// So many values that they are not held back to be put in order.
TEST_F(StoreQueryTest, LargeAnswersKeepTheOrderToo) {
  const Engine want = Make(model_, 1);
  const Engine two = Make(*store_, 2);
  for (const char* text : {"{__name__=~\".+_total\"}", "sum by (job) (rate(a_total[5m]))"}) {
    const auto range = two.Range(text, kStartMs + kHourMs, kStartMs + kHourMs + 8'000 * 1'000, 1'000);
    ASSERT_TRUE(range.ok()) << range.status().message();
    EXPECT_EQ(Bytes(*range), Bytes(want.Range(text, kStartMs + kHourMs, kStartMs + kHourMs + 8'000 * 1'000, 1'000).value()));
  }
}

TEST_F(StoreQueryTest, ExplainCountsBlocksFromMemory) {
  const Engine engine = Make(*store_, 2);
  const char* text = "EXPLAIN ANALYZE sum by (job) (rate(a_total[5m]))";
  const int64_t end_ms = kStartMs + 2 * kHourMs;
  const QueryResult first = engine.Range(text, end_ms - kHourMs, end_ms, 60'000).value();
  const QueryResult again = engine.Range(text, end_ms - kHourMs, end_ms, 60'000).value();
  EXPECT_EQ(first.stats.blocks_decoded + first.stats.blocks_skipped, again.stats.blocks_decoded + again.stats.blocks_skipped);
  EXPECT_GE(again.stats.blocks_skipped, first.stats.blocks_skipped);
  EXPECT_EQ(first.stats.samples_count, again.stats.samples_count);
  EXPECT_THAT(again.text,
              HasSubstr(fmt::format("{} blocks decoded, {} skipped", again.stats.blocks_decoded, again.stats.blocks_skipped)));
}

}  // namespace
}  // namespace auspex::query
