#include "auspex/analytics/anomaly_explanation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "auspex/analytics/functions.h"
#include "tests/support/model_store.h"

namespace auspex::analytics {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kDay = 1440 * kMinute;
constexpr int64_t kStart = 19'700 * kDay;
constexpr int kCount = 5 * 1440;

class Explanation : public ::testing::Test {
 protected:
  Explanation() : registry_(query::FunctionRegistry::BuiltIn()) {
    EXPECT_TRUE(RegisterAnalyticsFunctions(registry_).ok());
    Write(store_, 0, kCount);
  }

  // A daily latency; the newest of series b is far out.
  void Write(testing::ModelStore& store, int from, int to, std::optional<double> last_of_b = std::nullopt) {
    for (const char* instance : {"a", "b"}) {
      std::mt19937_64 random(5);
      std::normal_distribution<double> normal(0, 3);
      const auto ref = store.Resolve(kDefaultTenant, Labels::Of({{"__name__", "x"}, {"instance", instance}}));
      ASSERT_TRUE(ref.ok());
      WriteBatch batch;
      for (int i = 0; i < to; ++i) {
        double value = 100 - 40 * std::cos(2 * M_PI * (i % 1440) / 1440) + normal(random);
        if (*instance == 'b' && i == kCount - 1) value = last_of_b.value_or(value + 90);
        if (i >= from) batch.Add(*ref, kStart + i * kMinute, value);
      }
      ASSERT_TRUE(store.Append(batch).ok());
    }
  }

  std::vector<AnomalyExplanation> Explain(const std::string& expr) {
    auto found = ExplainAnomaly(store_, registry_, {}, expr, EndMs());
    EXPECT_TRUE(found.ok()) << found.status().ToString();
    return found.ok() ? *std::move(found) : std::vector<AnomalyExplanation>();
  }
  // The score of series b were its newest value another.
  double ScoreWith(const std::string& call, double last_of_b) {
    testing::ModelStore store;
    Write(store, 0, kCount, last_of_b);
    const auto answer = query::Engine(store, registry_, {}).Instant(call, EndMs());
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    for (const auto& series : answer->series) {
      if (series.labels == Labels::Of({{"instance", "b"}})) return series.values[0];
    }
    return -1;
  }
  static int64_t EndMs() { return kStart + (kCount - 1) * kMinute; }

  testing::ModelStore store_;
  query::FunctionRegistry registry_;
};

TEST_F(Explanation, SaysWhatWasExpectedAndWhy) {
  const auto found = Explain("anomaly(x[1d])");
  ASSERT_EQ(found.size(), 2U);
  const AnomalyExplanation& calm = found[0];
  const AnomalyExplanation& ill = found[1];
  EXPECT_EQ(calm.labels.Get("instance"), "a");
  EXPECT_FALSE(calm.anomalous);
  EXPECT_TRUE(ill.anomalous);
  EXPECT_EQ(ill.guard, "none");
  EXPECT_NEAR(ill.expected, 60, 12);
  EXPECT_LT(ill.upper, ill.value);
  EXPECT_EQ(ill.sample_ms, EndMs());
  EXPECT_LE(ill.history.begin_ms, EndMs() - kDay);
  EXPECT_GT(ill.history.begin_ms, EndMs() - 2 * kDay);
  ASSERT_TRUE(ill.season_history.has_value());
  EXPECT_EQ(ill.season_history->end_ms, ill.history.begin_ms);
  EXPECT_GT(ill.season_history->count, 2U * 288);
  ASSERT_EQ(ill.seasons.size(), 2U);
  EXPECT_EQ(ill.seasons[0].period, "1d");
  EXPECT_GE(ill.seasons[0].cycles, 4);
  EXPECT_NE(ill.text.find("Not anomalous at or below"), std::string::npos) << ill.text;
  EXPECT_NE(calm.text.find("Anomalous above"), std::string::npos) << calm.text;
}

TEST_F(Explanation, TheScoreIsThatOfTheFunction) {
  for (const char* call :
       {"anomaly_score(x[1d])", "anomaly_score(x[1d], 2)", "anomaly_score(x[1d], 4, \"dir=above,min_abs=5\")",
        "anomaly_score(x[1d], \"algo=mad\")", "anomaly_score(avg_over_time(x[3m])[1d:1m])"}) {
    const auto answer = query::Engine(store_, registry_, {}).Instant(call, EndMs());
    ASSERT_TRUE(answer.ok());
    const auto found = Explain(call);
    ASSERT_EQ(found.size(), answer->series.size()) << call;
    for (size_t i = 0; i < found.size(); ++i) EXPECT_EQ(std::abs(found[i].score), answer->series[i].values[0]) << call;
  }
}

TEST_F(Explanation, TheCounterfactualIsTrue) {
  for (const std::string options : {"", ", 2", ", \"algo=mad\"", ", \"min_abs=60\"", ", \"season=none\""}) {
    const std::string call = "anomaly_score(x[1d]" + options + ")";
    const AnomalyExplanation ill = Explain(call).at(1);
    ASSERT_TRUE(ill.anomalous) << call;
    ASSERT_TRUE(ill.normal_to.has_value()) << call;
    EXPECT_LT(*ill.normal_to, ill.value);
    EXPECT_LE(ScoreWith(call, *ill.normal_to), 1) << call << ": the named value is still normal";
    EXPECT_GT(ScoreWith(call, *ill.normal_to * (1 + 1e-9)), 1) << call << ": the next one is not";
    ASSERT_TRUE(ill.normal_from.has_value()) << call;
    EXPECT_LE(ScoreWith(call, *ill.normal_from), 1) << call;
    EXPECT_GT(ScoreWith(call, *ill.normal_from - 1e-9 * std::abs(*ill.normal_from)), 1) << call;
  }
}

TEST_F(Explanation, NamesTheGuardThatDecided) {
  EXPECT_EQ(Explain("anomaly_score(x[1d], \"dir=below\")").at(1).guard, "dir");
  EXPECT_EQ(Explain("anomaly_score(x[1d], \"min_abs=500\")").at(1).guard, "min_abs");
  EXPECT_EQ(Explain("anomaly_score(x[1d], \"min_rel=9\")").at(1).guard, "min_rel");
  const AnomalyExplanation outside = Explain("anomaly_score(x[1d], \"range=0:120\")").at(1);
  EXPECT_EQ(outside.guard, "range");
  EXPECT_TRUE(outside.anomalous);
  EXPECT_FALSE(Explain("anomaly_score(x[1d], \"min_abs=500\")").at(1).anomalous);
}

TEST_F(Explanation, FindsTheCallInsideAnExpression) {
  EXPECT_EQ(Explain("count(anomaly(x[1d], 4) > 2)").at(1).k, 4);
  EXPECT_EQ(Explain("x[1d]").size(), 2U) << "a bare range vector";
  const auto wrong = ExplainAnomaly(store_, registry_, {}, "sum(x)", EndMs());
  EXPECT_NE(wrong.status().ToString().find("expected a call of anomaly"), std::string::npos) << wrong.status().ToString();
}

TEST_F(Explanation, IsJson) {
  const auto json = nlohmann::json::parse(ToJson(Explain("anomaly(x[1d])")));
  ASSERT_EQ(json.size(), 2U);
  EXPECT_EQ(json[1]["metric"]["instance"], "b");
  EXPECT_EQ(json[1]["anomalous"], true);
  EXPECT_GT(json[1]["not_anomalous"]["to"], 60);
  EXPECT_EQ(json[1]["seasons"][0]["period"], "1d");
}

TEST(ExplainStatement, Parses) {
  const auto parse = [](std::string_view text) {
    auto out = ParseExplainAnomaly(text);
    EXPECT_TRUE(out.ok()) << out.status().ToString();
    return out.ok() ? *out : std::nullopt;
  };
  EXPECT_FALSE(parse("EXPLAIN up").has_value());
  EXPECT_FALSE(parse("EXPLAIN ANOMALYx").has_value());
  EXPECT_EQ(parse("EXPLAIN ANOMALY anomaly(x[1d])")->expr, "anomaly(x[1d])");
  EXPECT_FALSE(parse("EXPLAIN ANOMALY anomaly(x[1d])")->t_ms.has_value());
  EXPECT_EQ(parse("EXPLAIN ANOMALY anomaly(x[1d]) @ 1700000000.5")->t_ms, 1'700'000'000'500);
  EXPECT_EQ(parse("EXPLAIN ANOMALY anomaly(x[1d]) @ 2023-11-14T22:13:20Z")->t_ms, 1'700'000'000'000);
  const auto inner = parse("EXPLAIN ANOMALY anomaly(x[1d] @ 1700000000)");
  EXPECT_EQ(inner->expr, "anomaly(x[1d] @ 1700000000)");
  EXPECT_FALSE(inner->t_ms.has_value());
}

}  // namespace
}  // namespace auspex::analytics
