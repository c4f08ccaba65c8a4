#include "auspex/query/engine.h"

#include <cmath>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/model_store.h"
#include "tests/support/result_bytes.h"
#include "tests/support/seed.h"

namespace auspex::query {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ModelStore;

// `m{i="0"}`, `m{i="1"}`, ...: a sample per 10 s from 0 to 600 s, random values.
void Fill(ModelStore& store, size_t series_count, uint64_t seed = 7) {
  std::mt19937_64 random(seed);
  WriteBatch batch;
  for (size_t s = 0; s < series_count; ++s) {
    const std::string number = std::to_string(s);
    const SeriesRef ref = batch.AddSeries(Labels::Of({{kMetricName, "m"}, {"i", number}, {"mod", std::to_string(s % 3)}}));
    for (int64_t t_ms = 0; t_ms <= 600'000; t_ms += 10'000) {
      const double value = random() % 50 == 0 ? std::nan("") : std::ldexp(static_cast<double>(random() >> 12), -30);
      if (random() % 20 != 0) batch.Add(ref, t_ms, value);
    }
  }
  ASSERT_TRUE(store.Append(batch).ok());
}

Engine MakeEngine(const ModelStore& store, const FunctionRegistry& registry, int threads = 1) {
  EngineOptions options;
  options.threads = threads;
  return Engine(store, registry, options);
}

TEST(EngineTest, OneThreadAndTwoGiveTheSameBytes) {
  ModelStore store;
  Fill(store, 500, testing::TestSeed());
  const FunctionRegistry registry = FunctionRegistry::BuiltIn();
  const Engine one = MakeEngine(store, registry, 1);
  const Engine two = MakeEngine(store, registry, 2);
  const Engine many = MakeEngine(store, registry, 7);
  for (const char* text :
       {"m", "sum(m)", "avg by (mod) (m)", "stddev by (mod) (m)", "sum(rate(m[1m]))", "rate(m[1m])",
        "avg(avg_over_time(m[2m]))", "max by (mod) (deriv(m[1m]))", "topk(3, m)", "quantile(0.3, m)", "sum(m) / count(m)",
        "m - on (i) group_left sum by (i) (m)", "sum(max_over_time(rate(m[1m])[3m:30s]))", "quantile_over_time(1.5, m[1m])",
        "absent_over_time(m{i=\"3\"}[15s])"}) {
    const Result<QueryResult> want = one.Range(text, 0, 600'000, 7'000);
    ASSERT_TRUE(want.ok()) << text << ": " << want.status().message();
    for (const Engine* engine : {&two, &many}) {
      const Result<QueryResult> got = engine->Range(text, 0, 600'000, 7'000);
      ASSERT_TRUE(got.ok()) << text;
      EXPECT_EQ(Bytes(*got), Bytes(*want)) << text;
    }
  }
}

TEST(EngineTest, ResultTypes) {
  ModelStore store;
  Fill(store, 2);
  const FunctionRegistry registry = FunctionRegistry::BuiltIn();
  const Engine engine = MakeEngine(store, registry);
  const auto type = [&](const char* text) { return engine.Instant(text, 100'000).value().type; };
  EXPECT_EQ(type("1"), ValueType::kScalar);
  EXPECT_EQ(type("m"), ValueType::kVector);
  EXPECT_EQ(type("m[1m]"), ValueType::kMatrix);
  EXPECT_EQ(type("m[1m:10s]"), ValueType::kMatrix);
  EXPECT_EQ(type("\"s\""), ValueType::kString);
  EXPECT_EQ(engine.Range("1", 0, 10, 5).value().type, ValueType::kMatrix);
  EXPECT_EQ(engine.Check("m[1m]").value(), ValueType::kMatrix);
  EXPECT_EQ(engine.Format("sum( m )by(i)").value(), "sum by (i) (m)");
  EXPECT_EQ(engine.Format("rate(m-m)").value(), "rate((m - m)[max(step(), 5m):])");
  EXPECT_EQ(engine.Format("m{b=\"2\",a=\"1\"or c=\"3\"}[5m]").value(), "m{a=\"1\",b=\"2\" or c=\"3\"}[5m]");
  EXPECT_EQ(engine.Format("m*on(i)group_left(*)prefix'x' m").value(), "m * on (i) group_left (*) prefix \"x\" m");
  EXPECT_EQ(engine.Format("sum_over_time(m[1h::5m])").value(), "sum_over_time(m[1h::5m])");
  const QueryResult result = engine.Instant("m", 100'000).value();
  EXPECT_EQ(result.stats.series_count, 2u);
  EXPECT_GT(result.stats.samples_count, 0u);
  EXPECT_EQ(result.t_ms, 100'000);
}

TEST(EngineTest, LimitsAreNamed) {
  ModelStore store;
  Fill(store, 100);
  const FunctionRegistry registry = FunctionRegistry::BuiltIn();
  EngineOptions options;
  options.max_samples = 1000;
  options.max_points = 50;
  const Engine engine(store, registry, options);
  for (const char* text : {"m", "rate(m[1m])", "m + m", "m[10m]", "sum_over_time(m[10m:1s])", "sum by (i) (m)",
                           "count_over_time(vector(1)[1h:1ms])"}) {
    const Result<QueryResult> result = text[1] == '[' ? engine.Instant(text, 600'000) : engine.Range(text, 0, 600'000, 20'000);
    EXPECT_EQ(result.status().code(), StatusCode::kResourceExhausted) << text;
    EXPECT_THAT(result.status().message(), HasSubstr("max_samples is 1000")) << text;
  }
  EXPECT_TRUE(engine.Range("sum(m)", 0, 100'000, 10'000).ok());
  const Status status = engine.Range("1", 0, 510, 10).status();
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr("max_points"));
  EXPECT_TRUE(engine.Range("1", 0, 500, 10).ok());
}

// A clock on which every look takes a millisecond.
class TickingClock final : public Clock {
 public:
  int64_t NowMs() const override { return 0; }
  int64_t MonotonicNs() const override { return now_ns_ += 1'000'000; }

 private:
  mutable std::atomic<int64_t> now_ns_{0};
};

TEST(EngineTest, TimesOutAndCanBeCancelled) {
  ModelStore store;
  Fill(store, 100);
  const FunctionRegistry registry = FunctionRegistry::BuiltIn();
  const TickingClock clock;
  EngineOptions options;
  options.clock = &clock;
  const Engine engine(store, registry, options);
  QueryOptions query;
  query.timeout_ms = 50;
  EXPECT_EQ(engine.Instant("sum(m)", 0, query).status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(engine.Instant("sum(m)", 0).ok());
  std::atomic<bool> cancelled = true;
  QueryOptions stopped;
  stopped.cancelled = &cancelled;
  EXPECT_EQ(engine.Instant("sum(m)", 0, stopped).status().code(), StatusCode::kCancelled);
}

TEST(EngineTest, RefusesWhatCannotBeAsked) {
  ModelStore store;
  const FunctionRegistry registry = FunctionRegistry::BuiltIn();
  const Engine engine = MakeEngine(store, registry);
  const auto code = [](const Result<QueryResult>& result) { return result.status().code(); };
  EXPECT_EQ(code(engine.Instant("m[", 0)), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(engine.Instant("nope(m)", 0)), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(engine.Range("m[1m]", 0, 10, 1)), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(engine.Range("\"s\"", 0, 10, 1)), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(engine.Range("m", 10, 0, 1)), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(engine.Range("m", 0, 10, 0)), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(engine.Instant("m", std::numeric_limits<int64_t>::max())), StatusCode::kInvalidArgument);
  QueryOptions options;
  options.compat = 1;
  EXPECT_EQ(code(engine.Instant("m", 0, options)), StatusCode::kInvalidArgument);
}

TEST(EngineTest, EveryFunctionOfTheRegistryCanBeEvaluated) {
  ModelStore store;
  Fill(store, 3);
  const FunctionRegistry registry = FunctionRegistry::BuiltIn();
  const Engine engine = MakeEngine(store, registry);
  for (const Function* function : registry.All()) {
    ASSERT_FALSE(function->example.empty()) << function->name;
    EXPECT_TRUE(engine.Check(function->example).ok()) << function->example;
    const Result<QueryResult> result = engine.Instant(function->example, 300'000);
    EXPECT_TRUE(result.ok()) << function->example << ": " << result.status().message();
  }
}

// Answers, at every step, what it was given there.
class Probe final : public RangeFunction {
 public:
  explicit Probe(RangeCall call) : call_(std::move(call)) {}
  int64_t HistoryMs() const override { return 50'000; }
  Status Evaluate(const RangeInput& input, std::span<double> out, Annotations& annotations) const override {
    annotations.Warn("looked at " + input.labels->ToString());
    for (size_t k = 0; k < input.steps.count; ++k) {
      const std::span<const double> scalar = input.scalars[1];
      if (call_.strings[2] == "scalar") out[k] = scalar.size() == 1 ? scalar[0] : scalar[k];
      if (call_.strings[2] == "first") out[k] = static_cast<double>(input.t_ms.front()) / 1000;
      if (call_.strings[2] == "last") out[k] = static_cast<double>(input.t_ms.back()) / 1000;
      if (call_.strings[2] == "step") out[k] = static_cast<double>(input.steps.At(k)) / 1000;
      if (call_.strings[2] == "asked") out[k] = static_cast<double>(input.evaluation.At(k)) / 1000;
      if (call_.strings[2] == "literal") out[k] = call_.numbers[1];
    }
    return OkStatus();
  }

 private:
  const RangeCall call_;
};

FunctionRegistry WithProbe() {
  FunctionRegistry registry = FunctionRegistry::BuiltIn();
  Function row;
  row.name = "probe";
  row.arguments = {{"v", ArgumentType::kMatrix}, {"s", ArgumentType::kScalar}, {"what", ArgumentType::kString}};
  row.make_range = [](const RangeCall& call) -> Result<std::unique_ptr<const RangeFunction>> {
    if (call.strings[2].empty()) return InvalidArgument("probe: what?");
    return std::unique_ptr<const RangeFunction>(std::make_unique<Probe>(call));
  };
  EXPECT_TRUE(registry.Add(std::move(row)).ok());
  return registry;
}

TEST(EngineTest, RegisteredRangeFunctionsSeeHistoryScalarsAndLabels) {
  ModelStore store;
  WriteBatch batch;
  const SeriesRef ref = batch.AddSeries(Labels::Of({{kMetricName, "x"}, {"a", "b"}}));
  for (int64_t t_ms = 0; t_ms <= 300'000; t_ms += 10'000) batch.Add(ref, t_ms, t_ms == 120'000 ? StaleMarker() : 1.0);
  ASSERT_TRUE(store.Append(batch).ok());
  const FunctionRegistry registry = WithProbe();
  const Engine engine = MakeEngine(store, registry);
  const auto values = [&](const std::string& text) {
    const Result<QueryResult> result = engine.Range(text, 200'000, 240'000, 20'000);
    EXPECT_TRUE(result.ok()) << text << ": " << result.status().message();
    EXPECT_EQ(result->series.at(0).labels.ToString(), "{a=\"b\"}") << text;
    return result->series.at(0).values;
  };
  EXPECT_THAT(values("probe(x[20s], 3, \"scalar\")"), ElementsAre(3, 3, 3));
  EXPECT_THAT(values("probe(x[20s], -3, \"literal\")"), ElementsAre(-3, -3, -3));
  EXPECT_THAT(values("probe(x[20s], time() / 10, \"scalar\")"), ElementsAre(20, 22, 24));
  // The first window begins at 180 s, its history 50 s before that; the staleness marker at 120 s is not a sample.
  EXPECT_THAT(values("probe(x[20s], 1, \"first\")"), ElementsAre(130, 130, 130));
  EXPECT_THAT(values("probe(x[30s], 1, \"first\")"), ElementsAre(130, 130, 130));
  EXPECT_THAT(values("probe(x[20s], 1, \"last\")"), ElementsAre(240, 240, 240));
  EXPECT_THAT(values("probe(x[20s] offset 10s, 1, \"step\")"), ElementsAre(190, 210, 230));
  EXPECT_THAT(values("probe(x[20s] offset 10s, 1, \"asked\")"), ElementsAre(200, 220, 240));
  EXPECT_THAT(values("probe(x[20s] @ 100, time(), \"step\")"), ElementsAre(100, 100, 100));
  EXPECT_THAT(values("probe(x[20s] @ 100, time(), \"scalar\")"), ElementsAre(200, 220, 240));
  // Of an expression: at the multiples of 15 s.
  EXPECT_THAT(values("probe((x + 0)[20s:15s], 1, \"first\")"), ElementsAre(135, 135, 135));
  EXPECT_THAT(values("sum by (a) (probe(rate(x[30s])[20s:15s], 1, \"last\"))"), ElementsAre(240, 240, 240));
  const QueryResult noted = engine.Instant("probe(x[20s], 1, \"step\")", 100'000).value();
  EXPECT_THAT(noted.annotations.warnings, ElementsAre("looked at x{a=\"b\"} (1:7)"));
  EXPECT_EQ(engine.Instant("probe(x[20s], 1, \"\")", 0).status().message(), "probe: what?");
}

}  // namespace
}  // namespace auspex::query
