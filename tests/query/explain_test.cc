#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "auspex/query/engine.h"
#include "tests/support/model_store.h"

namespace auspex::query {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using testing::ModelStore;
using ::testing::Not;
using ::testing::StartsWith;

class ExplainTest : public ::testing::Test {
 protected:
  void SetUp() override {
    WriteBatch batch;
    for (int s = 0; s < 100; ++s) {
      const SeriesRef ref = batch.AddSeries(
          Labels::Of({{kMetricName, "x_total"}, {"i", std::to_string(s)}, {"job", s % 4 == 0 ? "api" : "web"}}));
      for (int64_t t_ms = 0; t_ms <= 600'000; t_ms += 10'000) batch.Add(ref, t_ms, static_cast<double>(t_ms));
    }
    ASSERT_TRUE(store_.Append(batch).ok());
  }
  QueryResult Range(std::string_view text) {
    auto result = engine_.Range(text, 300'000, 600'000, 60'000);
    EXPECT_TRUE(result.ok()) << result.status().message();
    return result.ok() ? std::move(result).value() : QueryResult();
  }

  ModelStore store_;
  const FunctionRegistry registry_ = FunctionRegistry::BuiltIn();
  const Engine engine_{store_, registry_, EngineOptions()};
};

TEST_F(ExplainTest, EstimatesWithoutRunning) {
  const QueryResult result = Range("EXPLAIN sum by (job) (rate(x_total[1m])) > 2 * count(x_total)");
  EXPECT_EQ(result.statement, "explain");
  EXPECT_TRUE(result.series.empty());
  EXPECT_THAT(result.text, StartsWith(">  ["));
  EXPECT_THAT(result.text, HasSubstr("\n  sum by (job)  [at most 2 series, 12 values]\n"));
  EXPECT_THAT(result.text, HasSubstr("\n    rate(x_total[1m])  [100 series, about "));
  const json plan = json::parse(result.json);
  EXPECT_FALSE(plan["analyzed"]);
  const json& sum = plan["plan"]["children"][0];
  EXPECT_EQ(sum["operator"], "sum by (job)");
  EXPECT_EQ(sum["estimated"]["series"], 2);
  const json& rate = sum["children"][0];
  EXPECT_EQ(rate["operator"], "rate(x_total[1m])");
  EXPECT_EQ(rate["estimated"]["series"], 100);
  EXPECT_EQ(rate["estimated"]["values"], 600);
  EXPECT_NEAR(rate["estimated"]["samples"].get<double>(), 100 * 36, 100);
}

TEST_F(ExplainTest, AnalyzeSaysWhatWasMeasured) {
  const QueryResult result = Range("EXPLAIN ANALYZE sum by (job) (rate(x_total[1m]))");
  const json plan = json::parse(result.json);
  EXPECT_TRUE(plan["analyzed"]);
  const json& sum = plan["plan"]["measured"];
  EXPECT_EQ(sum["series"], 2);
  EXPECT_EQ(sum["values"], 12);
  const json& rate = plan["plan"]["children"][0]["measured"];
  EXPECT_EQ(rate["runs"], 1);
  EXPECT_EQ(rate["series"], 100);
  EXPECT_EQ(rate["seriesRead"], 100);
  EXPECT_EQ(rate["samples"], 100 * 36);
  EXPECT_GT(rate["timeMs"], 0);
  EXPECT_EQ(plan["totals"]["samples"], 100 * 36);
  EXPECT_GT(plan["totals"]["peakBytes"], 0);
  EXPECT_THAT(result.text, HasSubstr("  rate(x_total[1m])  [100 series, 600 values, "));
  EXPECT_THAT(result.text, HasSubstr("; estimated 100 series, about 36"));
  EXPECT_EQ(plan["plan"]["children"][0]["estimated"]["values"], 600);
  EXPECT_EQ(result.stats.samples_count, 3600u);
}

TEST_F(ExplainTest, EstimatesAreWhatComesOut) {
  // Where nothing is filtered, the estimate is the measure.
  for (const char* text : {"x_total", "1 + 1", "sum by (i) (x_total)", "max_over_time(x_total[4m:30s])", "x_total * 2",
                           "avg_over_time(rate(x_total[1m])[2m:1m] offset 1m)", "vector(1)", "absent(nothing)",
                           "x_total{job=\"api\"} or x_total{job=\"web\"}", "sum(x_total) / count(x_total)"}) {
    const json plan = json::parse(Range(std::string("EXPLAIN ANALYZE ") + text).json);
    const std::function<void(const json&)> check = [&](const json& node) {
      EXPECT_EQ(node["estimated"]["series"], node["measured"]["series"]) << text << ": " << node["operator"];
      EXPECT_NEAR(node["estimated"]["values"].get<double>(), node["measured"]["values"].get<double>(),
                  node["estimated"]["series"].get<double>())  // a step of a subquery more or less
          << text << ": " << node["operator"];
      for (const json& child : node["children"]) check(child);
    };
    check(plan["plan"]);
  }
  for (const char* text : {"x_total[5m]", "x_total[5m:1m]"}) {
    const auto result = engine_.Instant(std::string("EXPLAIN ANALYZE ") + text, 600'000);
    ASSERT_TRUE(result.ok());
    const json plan = json::parse(result->json)["plan"];
    EXPECT_EQ(plan["operator"], text);
    EXPECT_EQ(plan["measured"]["series"], 100);
    EXPECT_EQ(plan["estimated"]["series"], 100);
  }
}

TEST_F(ExplainTest, EveryKindOfExpression) {
  for (const char* text : {"1", "x_total", "-x_total", "max_over_time(rate(x_total[1m])[5m:1m])", "topk(2, x_total)", "time()",
                           "x_total and on (job) x_total", "label_replace(x_total, \"a\", \"$1\", \"i\", \"(.*)\")",
                           "absent(x_total)", "x_total @ end()", "scalar(sum(x_total)) + 1", "vector(1)"}) {
    for (const char* statement : {"EXPLAIN ", "EXPLAIN ANALYZE ", "  EXPLAIN\n ANALYZE\t"}) {
      const QueryResult result = Range(std::string(statement) + text);
      EXPECT_FALSE(result.text.empty()) << text;
      EXPECT_TRUE(json::accept(result.json)) << result.json;
    }
  }
  const auto matrix = engine_.Instant("EXPLAIN ANALYZE x_total[5m]", 600'000);
  ASSERT_TRUE(matrix.ok());
  EXPECT_EQ(json::parse(matrix->json)["totals"]["samples"], 3000);
}

TEST_F(ExplainTest, PlacesAndNamesStayWhatTheyWere) {
  EXPECT_THAT(engine_.Instant("EXPLAIN sum(x_total", 0).status().message(), HasSubstr("1:20"));
  EXPECT_TRUE(Range("EXPLAIN").statement.empty());  // a metric of that name
  EXPECT_THAT(Range("sum(EXPLAIN)").statement, Not(HasSubstr("explain")));
}

}  // namespace
}  // namespace auspex::query
