// Range queries whose series go to a sink, many of them as they are made.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auspex/query/engine.h"
#include "tests/support/model_store.h"
#include "tests/support/result_bytes.h"
#include "tests/support/seed.h"

namespace auspex::query {
namespace {

using testing::Bytes;
using ::testing::HasSubstr;
using testing::ModelStore;

constexpr size_t kSeries = 500;
constexpr int64_t kEndMs = 600'000;
constexpr int64_t kStepMs = 10'000;

class AnswerStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::mt19937_64 random(testing::TestSeed());
    WriteBatch batch;
    for (size_t s = 0; s < kSeries; ++s) {
      std::vector<LabelView> pairs;
      const std::string number = std::to_string(s);
      pairs.push_back({"i", number});
      pairs.push_back({kMetricName, s % 50 == 49 ? "other" : "m"});
      if (s % 7 == 0) pairs.push_back({"A", "1"});  // stands before the metric name
      const SeriesRef ref = batch.AddSeries(Labels::Make(std::move(pairs)).value());
      for (int64_t t_ms = 0; t_ms <= kEndMs; t_ms += kStepMs) {
        if (random() % 20 != 0) batch.Add(ref, t_ms, static_cast<double>(random() % 1000) / 8);
      }
    }
    ASSERT_TRUE(store_.Append(batch).ok());
  }

  Engine MakeEngine(uint64_t max_samples, int threads = 2, uint64_t cache_bytes = 0) const {
    EngineOptions options;
    options.max_samples = max_samples;
    options.threads = threads;
    options.result_cache_bytes = cache_bytes;
    return Engine(store_, registry_, options);
  }

  // The answer with the series that the sink was given.
  static Result<QueryResult> Stream(const Engine& engine, const std::string& text) {
    std::vector<ResultSeries> series;
    const SeriesSink sink = Into(series);
    QueryOptions options;
    options.sink = &sink;
    auto result = engine.Range(text, 0, kEndMs, kStepMs, options);
    if (!result.ok()) return result.status();
    EXPECT_TRUE(result->series.empty());
    result->series = std::move(series);
    return result;
  }

  static SeriesSink Into(std::vector<ResultSeries>& series) {
    return [&series](const ResultSeries& one) {
      series.push_back(one);
      return OkStatus();
    };
  }

  ModelStore store_;
  const FunctionRegistry registry_ = FunctionRegistry::BuiltIn();
};

TEST_F(AnswerStreamTest, GivesTheSameSeriesInTheSameOrder) {
  const Engine plenty = MakeEngine(50'000'000);
  // A quarter of this is less than any of the answers below.
  for (const int threads : {1, 2, 7}) {
    const Engine little = MakeEngine(60'000, threads);
    for (const char* text : {"m", "{i=~\".+\"}", "-m", "m * 2", "m > 50", "m >= bool 50", "rate(m[1m])", "abs(m - 50)",
                             "clamp(rate(m[1m]) * 8, 0, 5)", "last_over_time(m[1m])", "timestamp(m)",
                             "max_over_time({__name__=~\"m|other\"}[1m])"}) {
      const auto whole = plenty.Range(text, 0, kEndMs, kStepMs);
      ASSERT_TRUE(whole.ok()) << text << ": " << whole.status().message();
      const auto streamed = Stream(little, text);
      ASSERT_TRUE(streamed.ok()) << text << ": " << streamed.status().message();
      EXPECT_EQ(streamed->type, ValueType::kMatrix);
      EXPECT_EQ(Bytes(*streamed), Bytes(*whole)) << text;
    }
  }
}

TEST_F(AnswerStreamTest, HoldsAFewSeriesAtATime) {
  // 490 series of 61 steps do not fit, half of them would.
  const Engine little = MakeEngine(15'000);
  for (const char* text : {"m", "rate(m[1m])", "-abs(m * 2)"}) {
    EXPECT_EQ(little.Range(text, 0, kEndMs, kStepMs).status().code(), StatusCode::kResourceExhausted) << text;
    const auto streamed = Stream(little, text);
    ASSERT_TRUE(streamed.ok()) << text << ": " << streamed.status().message();
    EXPECT_EQ(streamed->series.size(), kSeries - kSeries / 50) << text;
    EXPECT_LE(streamed->stats.peak_samples, 15'000u) << text;
  }
  // Every series is needed before the first can be told.
  EXPECT_THAT(Stream(little, "sort(m)").status().message(), HasSubstr("max_samples"));
  EXPECT_THAT(Stream(little, "m + m").status().message(), HasSubstr("max_samples"));
}

TEST_F(AnswerStreamTest, SmallAnswersGoThroughTheSinkToo) {
  const Engine engine = MakeEngine(50'000'000, 2, 64 << 20);
  const std::string whole = Bytes(*engine.Range("m", 0, kEndMs, kStepMs));
  EXPECT_EQ(Bytes(*Stream(engine, "m")), whole);
}

TEST_F(AnswerStreamTest, TheSinkCanEndTheQuery) {
  for (const uint64_t max_samples : {uint64_t{60'000}, uint64_t{50'000'000}}) {
    const Engine engine = MakeEngine(max_samples);
    size_t taken = 0;
    const SeriesSink sink = [&](const ResultSeries&) { return ++taken == 3 ? Cancelled("enough") : OkStatus(); };
    QueryOptions options;
    options.sink = &sink;
    const auto result = engine.Range("m", 0, kEndMs, kStepMs, options);
    EXPECT_EQ(result.status().code(), StatusCode::kCancelled);
    EXPECT_EQ(taken, 3u);
  }
}

TEST_F(AnswerStreamTest, RangeVectorsOfInstantQueries) {
  const Engine engine = MakeEngine(15'000);
  std::vector<ResultSeries> series;
  const SeriesSink sink = Into(series);
  QueryOptions options;
  options.sink = &sink;
  EXPECT_EQ(engine.Instant("m[10m]", kEndMs).status().code(), StatusCode::kResourceExhausted);
  auto result = engine.Instant("m[10m]", kEndMs, options);
  ASSERT_TRUE(result.ok()) << result.status().message();
  result->series = std::move(series);
  EXPECT_EQ(Bytes(*result), Bytes(*MakeEngine(50'000'000).Instant("m[10m]", kEndMs)));
}

}  // namespace
}  // namespace auspex::query
