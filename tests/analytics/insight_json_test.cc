#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auspex/analytics/insight.h"

namespace auspex::analytics {
namespace {

using ::testing::HasSubstr;

Insight FullInsight() {
  Insight out;
  out.id = "01HF7YAT00ABCDEFGHJKMNPQRS";
  out.group = "g\"1";
  out.cq = "Disk";
  out.cq_version = "00ff";
  out.type = InsightType::kProactive;
  out.name = "disk é fills";
  out.description = "text";
  out.severity = Severity::kHigh;
  out.severity_history = {{1'700'000'000'001, Severity::kLow, "value 1.5 > 1"},
                          {1'700'000'060'000, Severity::kHigh, "value 5 > 4"}};
  out.status = InsightStatus::kClosed;
  out.time_range = {1'700'000'000'000, 1'700'000'300'000};
  out.reported_range = {1'700'000'045'000, std::nullopt};
  out.prediction_range = PredictionRange{1'700'001'000'000, std::nullopt, 1'700'002'000'000, 0.0};
  out.collection = Labels::Of({{"service", "a"}});
  Anomaly anomaly;
  anomaly.id = "a1";
  anomaly.role = AnomalyRole::kContextual;
  anomaly.expr = "anomaly(x[1d])";
  anomaly.labels = Labels::Of({{"service", "a"}, {"instance", "i"}});
  anomaly.severity = Severity::kMedium;
  anomaly.time_range = {5, 6};
  anomaly.reported_range = {7, std::nullopt};
  anomaly.score = std::numeric_limits<double>::infinity();
  anomaly.value_at = 0.1 + 0.2;
  anomaly.lower = -0.0;
  out.anomalies = {anomaly};
  out.events = {{{"e1", "deployment", "v42", "ci", 1'699'999'900'000, Labels::Of({{"service", "a"}})}, 100.25, 0.75}};
  out.recommendations = {{"n", "d", "r", "l"}};
  out.revision = 3;
  out.known_from_ms = 1'700'000'400'000;
  out.reopen_count = 2;
  out.replayed = true;
  return out;
}

TEST(InsightJson, RoundTripsEveryField) {
  const std::string json = ToJson(FullInsight());
  const auto read = InsightFromJson(json);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(ToJson(*read), json);
  EXPECT_EQ(read->anomalies[0].value_at, 0.1 + 0.2);
  EXPECT_TRUE(std::isinf(read->anomalies[0].score));
  EXPECT_FALSE(read->anomalies[0].upper.has_value());
  EXPECT_EQ(read->events[0].event.t_ms, 1'699'999'900'000);
  EXPECT_EQ(read->prediction_range->expected_ms, 1'700'002'000'000);
  EXPECT_EQ(read->severity_history[1].why, "value 5 > 4");
  EXPECT_THAT(json, HasSubstr("\"start\":\"2023-11-14T22:13:20.000Z\""));
  EXPECT_THAT(json, HasSubstr("\"type\":\"PROACTIVE\""));
}

TEST(InsightJson, NamesTheFieldThatIsWrong) {
  const std::string json = ToJson(FullInsight());
  const auto broken = [&](std::string from, std::string to) {
    std::string out = json;
    const size_t at = out.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return InsightFromJson(out.replace(at, from.size(), to)).status().message();
  };
  EXPECT_THAT(broken("\"HIGH\"", "\"URGENT\""), HasSubstr("severity"));
  EXPECT_THAT(broken("\"CONTEXTUAL\"", "7"), HasSubstr("anomalies[0].role"));
  EXPECT_THAT(broken("2023-11-14T22:13:20.000Z", "yesterday"), HasSubstr("time"));
  EXPECT_THAT(broken("\"revision\":3", "\"revision\":-3"), HasSubstr("revision"));
  for (const char* text : {"", "[]", "{}", "{\"id\":1}", "{\"id\"", "null"}) {
    EXPECT_EQ(InsightFromJson(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
  EXPECT_FALSE(InsightFromJson(std::string(100'000, '[')).ok());
}

TEST(EventJson, AnEventNeedsLittle) {
  const auto event = EventFromJson(R"({"name": "v42", "time": 1700000000.5})");
  ASSERT_TRUE(event.ok()) << event.status().ToString();
  EXPECT_EQ(event->t_ms, 1'700'000'000'500);
  EXPECT_EQ(EventFromJson(R"({"name": "v42"})")->t_ms, 0);
  EXPECT_THAT(EventFromJson(R"({"kind": "deployment"})").status().message(), HasSubstr("name"));
  EXPECT_THAT(EventFromJson(R"({"name": "v", "labels": {"a": 1}})").status().message(), HasSubstr("labels.a"));
  EXPECT_THAT(EventFromJson(R"({"name": "v", "time": 1e15})").status().message(), HasSubstr("time"));
  EXPECT_THAT(EventFromJson(R"({"name": "v", "time": "noon"})").status().message(), HasSubstr("time"));
  const std::string json = ToJson(*event);
  EXPECT_EQ(ToJson(*EventFromJson(json)), json);
}

}  // namespace
}  // namespace auspex::analytics
