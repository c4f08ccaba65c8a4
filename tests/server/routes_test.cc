#include "server/routes.h"

#include <gmock/gmock.h>

#include "tests/server/asked_routes.h"

namespace auspex::server {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

/// On a database in memory.
class RoutesTest : public AskedRoutes {};

TEST_F(RoutesTest, AnswersBeforeTheDatabaseIsOpen) {
  EXPECT_EQ(Ask("GET", "/-/healthy").status(), 200);
  EXPECT_EQ(Ask("GET", "/metrics").status(), 200);
  EXPECT_EQ(Ask("GET", "/-/ready").status(), 503);
  EXPECT_EQ(Ask("GET", "/api/v1/query?query=1").status(), 503);
  EXPECT_EQ(Ask("POST", "/write", "m f=1").status(), 503);
  Open();
  EXPECT_EQ(Ask("GET", "/-/ready").status(), 200);
}

TEST_F(RoutesTest, MethodsAndPaths) {
  Open();
  EXPECT_EQ(Ask("GET", "/api/v1/unknown").status(), 404);
  EXPECT_EQ(Ask("GET", "/").status(), 404);
  EXPECT_EQ(Ask("PUT", "/api/v1/query").status(), 405);
  EXPECT_EQ(response_->headers().Get("Allow"), "GET, POST, OPTIONS");
  EXPECT_EQ(Ask("HEAD", "/-/healthy").status(), 200);
  EXPECT_EQ(Ask("OPTIONS", "/api/v1/query").status(), 204);
  EXPECT_EQ(Ask("GET", "/api/v1/label//values").status(), 404);
}

TEST_F(RoutesTest, PreflightOfAConfiguredOrigin) {
  Open();
  const std::pair<std::string, std::string> known{"origin", "https://g.example"};
  EXPECT_EQ(Ask("OPTIONS", "/api/v1/query_range", "", {known, {"access-control-request-method", "POST"}}).status(), 204);
  EXPECT_EQ(response_->headers().Get("Access-Control-Allow-Origin"), "https://g.example");
  EXPECT_EQ(Ask("OPTIONS", "/api/v1/write", "", {known, {"access-control-request-method", "POST"}}).status(), 403);
  EXPECT_EQ(
      Ask("OPTIONS", "/api/v1/query", "", {{"origin", "https://evil"}, {"access-control-request-method", "POST"}}).status(),
      403);
}

TEST_F(RoutesTest, FormsAndUrlsAreMerged) {
  Open();
  const std::pair<std::string, std::string> form{"content-type", "application/x-www-form-urlencoded; charset=utf-8"};
  EXPECT_EQ(json::parse(Ask("POST", "/api/v1/query?time=5", "query=1%2B1", {form}).body()),
            json::parse(R"({"status":"success","data":{"resultType":"scalar","result":[5,"2"]}})"));
  // The form comes first, as in Prometheus; unknown parameters are ignored.
  EXPECT_THAT(Ask("POST", "/api/v1/query?time=5&query=1&X=y", "query=2", {form}).body(), HasSubstr("[5,\"2\"]"));
  EXPECT_THAT(Ask("GET", "/api/v1/query?time=5&query=%22text%22").body(),
              HasSubstr(R"("resultType":"string","result":[5,"text"])"));
}

TEST_F(RoutesTest, RangesAreExactAndBounded) {
  Open();
  const json matrix = Data("/api/v1/query_range?query=time()&start=10.5&end=12.5&step=1s");
  EXPECT_EQ(
      matrix,
      json::parse(R"({"resultType":"matrix","result":[{"metric":{},"values":[[10.5,"10.5"],[11.5,"11.5"],[12.5,"12.5"]]}]})"));
  EXPECT_EQ(Ask("GET", "/api/v1/query_range?query=1&start=0&end=11000&step=1").status(), 200);
  EXPECT_EQ(Ask("GET", "/api/v1/query_range?query=1&start=0&end=11001&step=1").status(), 400);
}

TEST_F(RoutesTest, NamesInPathsMayBeEscaped) {
  Open();
  ASSERT_EQ(Ask("POST", "/api/v1/import/prometheus", "m{\"http.status\"=\"200\",\"a b\"=\"x\",U__odd=\"y\"} 1 1000").status(),
            204);
  EXPECT_EQ(Data("/api/v1/label/U__http_2e_status/values"), json({"200"}));
  EXPECT_EQ(Data("/api/v1/label/http.status/values"), json({"200"}));
  EXPECT_EQ(Data("/api/v1/label/a%20b/values"), json({"x"}));
  EXPECT_EQ(Data("/api/v1/label/none/values"), json::array());
}

TEST_F(RoutesTest, LargeAndSmallValuesOnTheWire) {
  Open();
  ASSERT_EQ(Ask("POST", "/api/v1/import/prometheus", "a 1e21 1000\nb 1e-7 1000\nc NaN 1000\nd -Inf 1000\n").status(), 204);
  EXPECT_THAT(Ask("GET", "/api/v1/query?query=a&time=1").body(), HasSubstr("\"1e+21\""));
  EXPECT_THAT(Ask("GET", "/api/v1/query?query=b&time=1").body(), HasSubstr("\"1e-07\""));
  EXPECT_THAT(Ask("GET", "/api/v1/query?query=c&time=1").body(), HasSubstr("\"NaN\""));
  EXPECT_THAT(Ask("GET", "/api/v1/query?query=d&time=1").body(), HasSubstr("\"-Inf\""));
}

TEST_F(RoutesTest, WhatGrafanaAsksAtTheStart) {
  Open();
  EXPECT_EQ(Data("/api/v1/status/buildinfo")["version"], "3.0.0");
  EXPECT_EQ(Data("/api/v1/metadata"), json::object());
  EXPECT_EQ(Data("/api/v1/query_exemplars?query=up&start=0&end=1"), json::array());
  EXPECT_EQ(Data("/api/v1/rules")["groups"], json::array());
  EXPECT_EQ(Data("/api/v1/alerts")["alerts"], json::array());
  EXPECT_EQ(Data("/api/v1/labels"), json::array());
  EXPECT_GT(Data("/api/v1/functions").size(), 60u);
}

TEST_F(RoutesTest, AnswersAreCutAtALimit) {
  Open();
  std::string text;
  for (int i = 0; i < 5; ++i) text += fmt::format("m{{i=\"{}\"}} {} 1000\n", i, i);
  ASSERT_EQ(Ask("POST", "/api/v1/import/prometheus", text).status(), 204);
  for (const char* path : {"/api/v1/query?query=m&time=1", "/api/v1/query?query=m[5m]&time=1",
                           "/api/v1/query_range?query=m&start=0&end=2&step=1", "/api/v1/query?query=sort_desc(m)&time=1"}) {
    for (const auto& [limit, want] : {std::pair(0, 5), std::pair(2, 2), std::pair(5, 5), std::pair(9, 5)}) {
      const json all = json::parse(Ask("GET", fmt::format("{}&limit={}", path, limit)).body());
      EXPECT_EQ(all["data"]["result"].size(), static_cast<size_t>(want)) << path;
      EXPECT_EQ(all.contains("warnings"), want < 5) << path << limit;
    }
  }
  EXPECT_EQ(json::parse(Ask("GET", "/api/v1/query?query=m&time=1&limit=1").body())["warnings"],
            json({"results truncated due to limit"}));
  EXPECT_EQ(Ask("GET", "/api/v1/query?query=m&limit=-1").status(), 400);
}

TEST_F(RoutesTest, RulesAsPrometheusShowsThem) {
  Open();
  const std::string file = R"(groups:
  - name: g
    interval: 30s
    rules:
      - {record: "a:b", expr: vector(1)}
      - {alert: Down, expr: up == 0, for: 5m, labels: {severity: page}, annotations: {summary: down}}
      - {insight: Odd, type: reactive, expr: 'anomaly(up[1h])'}
)";
  ASSERT_EQ(Ask("PUT", "/api/v1/continuous_queries", file).status(), 200) << response_->body();
  const json groups = Data("/api/v1/rules")["groups"];
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0]["interval"], 30);
  ASSERT_EQ(groups[0]["rules"].size(), 2u);
  EXPECT_EQ(groups[0]["rules"][0]["type"], "recording");
  EXPECT_EQ(groups[0]["rules"][1]["query"], "up == 0");
  EXPECT_EQ(groups[0]["rules"][1]["duration"], 300);
  EXPECT_EQ(groups[0]["rules"][1]["labels"]["severity"], "page");
  EXPECT_EQ(Data("/api/v1/rules?type=alert")["groups"][0]["rules"].size(), 1u);
  EXPECT_EQ(Data("/api/v1/rules?rule_name[]=Down&rule_name[]=none")["groups"][0]["rules"].size(), 1u);
  EXPECT_EQ(Data("/api/v1/rules?match[]={severity=~%22p.*%22}")["groups"][0]["rules"][0]["name"], "Down");
  EXPECT_EQ(Data("/api/v1/rules?rule_group[]=none")["groups"], json::array());
  EXPECT_EQ(Data("/api/v1/rules?type=record&rule_name[]=Down")["groups"], json::array());
  EXPECT_TRUE(Data("/api/v1/rules")["groups"][0]["rules"][1].contains("alerts"));
  EXPECT_FALSE(Data("/api/v1/rules?exclude_alerts=true")["groups"][0]["rules"][1].contains("alerts"));
  ASSERT_EQ(Ask("PUT", "/api/v1/continuous_queries", "groups: [{name: h, rules: [{record: x, expr: vector(1)}]}]").status(),
            200);
  const json page = Data("/api/v1/rules?group_limit=1");
  EXPECT_EQ(page["groups"].size(), 1u);
  EXPECT_EQ(page["groupNextToken"], "g");
  const json next = Data("/api/v1/rules?group_limit=1&group_next_token=g");
  EXPECT_EQ(next["groups"][0]["name"], "h");
  EXPECT_FALSE(next.contains("groupNextToken"));
  EXPECT_EQ(Ask("GET", "/api/v1/rules?group_limit=0").status(), 400);
  EXPECT_EQ(Ask("DELETE", "/api/v1/continuous_queries/h").status(), 200);
  EXPECT_EQ(Data("/api/v1/continuous_queries").size(), 3u);
  EXPECT_EQ(Data("/api/v1/continuous_queries/g/Odd")["kind"], "insight");
  EXPECT_EQ(Ask("DELETE", "/api/v1/continuous_queries/g/Odd").status(), 200);
  EXPECT_EQ(Data("/api/v1/continuous_queries/g").size(), 2u);
  EXPECT_EQ(Ask("DELETE", "/api/v1/continuous_queries/g").status(), 200);
  EXPECT_EQ(Data("/api/v1/continuous_queries"), json::array());
}

TEST_F(RoutesTest, EventsByOneAndByMany) {
  Open();
  EXPECT_EQ(Ask("POST", "/api/v1/events", R"({"kind":"deployment","name":"v1","time":"2026-01-05T10:00:00Z"})").status(), 200)
      << response_->body();
  EXPECT_EQ(Ask("POST", "/api/v1/events",
                R"([{"kind":"config","name":"a","time":"2026-01-05T11:00:00Z","labels":{"service":"cart"}}])")
                .status(),
            200);
  EXPECT_EQ(
      Ask("POST", "/api/v1/events", R"({"events":[{"kind":"config","name":"b","time":"2026-01-05T12:00:00Z"}]})").status(),
      200);
  EXPECT_EQ(Data("/api/v1/events").size(), 3u);
  EXPECT_EQ(Data("/api/v1/events?start=2026-01-05T10:30:00Z&end=2026-01-05T11:30:00Z").size(), 1u);
  EXPECT_EQ(Data("/api/v1/events?match[]=%7Bservice%3D%22cart%22%7D").size(), 1u);
}

TEST_F(RoutesTest, JudgementsThatStoreNothing) {
  Open();
  WriteBatch batch;
  const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", "x"}, {"service", "pay"}}));
  for (int64_t i = 0; i < 600; ++i)
    batch.Add(ref, 1'700'000'040'000 + i * 60'000, i == 599 ? 900 : 100 + static_cast<double>(i % 7));
  ASSERT_TRUE(database_->Append(batch).ok());
  const std::string end = std::to_string(1'700'000'040 + 599 * 60);
  const std::string rules =
      "groups: [{name: g, interval: 1m, rules: [{insight: High, expr: x > 500}, {insight: Odd, expr: 'anomaly(x[2h])'}]}]";
  ASSERT_EQ(Ask("PUT", "/api/v1/continuous_queries", rules).status(), 200) << response_->body();

  const json why = Data("/api/v1/explain_anomaly?query=anomaly(x[2h])&time=" + end);
  EXPECT_EQ(why["resultType"], "explain_anomaly");
  ASSERT_EQ(why["result"].size(), 1u);
  EXPECT_EQ(why["result"][0]["anomalous"], true);
  EXPECT_EQ(why["result"][0]["metric"]["service"], "pay");
  EXPECT_EQ(Data("/api/v1/query?query=EXPLAIN%20ANOMALY%20x[2h]%20@%20" + end)["result"], why["result"]);
  EXPECT_EQ(Ask("GET", "/api/v1/explain_anomaly?query=up").status(), 400);

  const std::string form = "from=1700000040&to=" + end + "&windows=[{\"start\":" + end + ",\"end\":" + end + "}]";
  ASSERT_EQ(Ask("POST", "/api/v1/continuous_queries/g/High/backtest?" + form).status(), 200) << response_->body();
  const json report = json::parse(response_->body())["data"]["result"];
  EXPECT_EQ(report["insights"], 1);
  EXPECT_EQ(report["precision"], 1);
  EXPECT_EQ(report["recall"], 1);
  ASSERT_EQ(Ask("POST", "/api/v1/continuous_queries/g/Odd/whatif?k=2,1000&for=0s,1m&from=1700000040&to=" + end).status(), 200)
      << response_->body();
  EXPECT_EQ(json::parse(response_->body())["data"]["result"].size(), 4u);
  EXPECT_EQ(Data("/api/v1/query?query=BACKTEST%20g/High%20FROM%201700000040%20TO%20" + end)["result"]["insights"], 1);
  EXPECT_EQ(Data("/api/v1/query?query=WHATIF%20g/Odd%20FROM%201d%20TO%20" + end + "%20K%202,3")["result"].size(), 2u);
  EXPECT_EQ(Ask("POST", "/api/v1/continuous_queries/g/None/backtest").status(), 404);
  EXPECT_EQ(Ask("POST", "/api/v1/continuous_queries/g/High/backtest?windows=7").status(), 400);
  EXPECT_EQ(Data("/api/v1/insights"), json::array());
}

}  // namespace
}  // namespace auspex::server
