#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

// Each call that Grafana's Prometheus data source makes, as it makes it, against the built server: docs/HTTP.md has the list.

namespace auspex::server {
namespace {

using auspex::testing::HttpAnswer;
using auspex::testing::HttpClient;
using auspex::testing::ServerProcess;
using auspex::testing::TempDir;
using nlohmann::json;
using Form = std::vector<std::pair<std::string, std::string>>;

class GrafanaSlowTest : public ::testing::Test {
 protected:
  void SetUp() override {
    server_ = std::make_unique<ServerProcess>(dir_ / "data", dir_ / "log",
                                              std::vector<std::string>{"--web.cors-origin=https://g.example"});
    ASSERT_TRUE(server_->started()) << server_->Log();
    std::string text;
    for (int k = 0; k <= 60; ++k) {
      for (const char* host : {"a", "b"}) {
        text += fmt::format("node_load1{{instance=\"{}\",job=\"node\"}} {} {}\n", host, k % 7, kStart * 1000 + k * 15'000);
        text +=
            fmt::format("http_requests_total{{instance=\"{}\",job=\"api\"}} {} {}\n", host, 10 * k, kStart * 1000 + k * 15'000);
      }
    }
    ASSERT_EQ(Http().Post("/api/v1/import/prometheus", text).status, 204);
  }
  HttpClient Http() const { return server_->client(); }
  static json Ok(const HttpAnswer& answer) {
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.headers.count("content-type") > 0 ? answer.headers.at("content-type") : "", "application/json");
    const json all = answer.Json();
    EXPECT_EQ(all["status"], "success") << answer.body;
    return all["data"];
  }

  static constexpr int64_t kStart = 1'768'003'200;
  TempDir dir_;
  std::unique_ptr<ServerProcess> server_;
};

TEST_F(GrafanaSlowTest, SaveAndTest) {
  EXPECT_EQ(Ok(Http().Form("/api/v1/query", {{"query", "1+1"}, {"time", "1768003200"}}))["resultType"], "scalar");
  EXPECT_EQ(Ok(Http().Get("/api/v1/query?query=1%2B1&time=4"))["result"], json::parse(R"([4,"2"])"));
  EXPECT_EQ(Ok(Http().Get("/api/v1/status/buildinfo"))["version"], "3.0.0");
  EXPECT_EQ(Http().Get("/-/healthy").status, 200);
  EXPECT_EQ(Http().Get("/-/ready").status, 200);
}

TEST_F(GrafanaSlowTest, PanelsAndExplore) {
  const std::string start = std::to_string(kStart);
  for (const char* step : {"15", "15s", "1.5e1", "0m15s"}) {
    const json data = Ok(Http().Form("/api/v1/query_range", {{"query", "node_load1"},
                                                             {"start", start + ".000"},
                                                             {"end", "2026-01-10T00:02:00Z"},
                                                             {"step", step},
                                                             {"X-Unknown", "1"}}));
    EXPECT_EQ(data["resultType"], "matrix");
    ASSERT_EQ(data["result"].size(), 2u);
    EXPECT_EQ(data["result"][0]["metric"]["instance"], "a");
    EXPECT_EQ(data["result"][0]["values"].size(), 9u) << step;  // both ends
    EXPECT_EQ(data["result"][0]["values"][1], json::parse(fmt::format("[{},\"1\"]", kStart + 15)));
  }
  const json vector = Ok(Http().Form("/api/v1/query", {{"query", "sort_desc(node_load1)"}, {"time", start + ".5"}}));
  EXPECT_EQ(vector["resultType"], "vector");
  EXPECT_EQ(vector["result"].size(), 2u);
  const json notes =
      Http().Form("/api/v1/query", {{"query", "rate(node_load1[5m])"}, {"time", std::to_string(kStart + 600)}}).Json();
  EXPECT_EQ(notes["infos"].size(), 1u);
  EXPECT_EQ(Ok(Http().Form("/api/v1/format_query", {{"query", "sum( x )"}})), "sum(x)");
  const json tree = Ok(Http().Get(
      "/api/v1/parse_query?query=sum%20by%20(a)%20(rate(x%7Bb!%3D%22c%22%7D%5B5m%5D%20offset%201m))%20%3E%20bool%202"));
  EXPECT_EQ(tree, json::parse(R"({"type":"binaryExpr","op":">","bool":true,"matching":null,
      "lhs":{"type":"aggregation","op":"sum","grouping":["a"],"without":false,"param":null,
        "expr":{"type":"call","func":{"name":"rate","argTypes":["matrix"],"returnType":"vector","variadic":0},
          "args":[{"type":"matrixSelector","name":"x","range":300000,"offset":60000,"timestamp":null,"startOrEnd":null,
            "matchers":[{"name":"b","type":"!=","value":"c"},{"name":"__name__","type":"=","value":"x"}]}]}},
      "rhs":{"type":"numberLiteral","val":"2"}})"))
      << tree.dump();
  EXPECT_EQ(Ok(Http().Form("/api/v1/query_exemplars", {{"query", "node_load1"}, {"start", start}, {"end", start}})),
            json::array());
  EXPECT_EQ(Ok(Http().Get("/api/v1/query_exemplars?query=node_load1&start=" + start + "&end=" + start)), json::array());
  const json cut = Http().Form("/api/v1/query", {{"query", "node_load1"}, {"time", start}, {"limit", "1"}}).Json();
  EXPECT_EQ(cut["data"]["result"].size(), 1u);
  EXPECT_EQ(cut["warnings"], json({"results truncated due to limit"}));
  EXPECT_EQ(
      Ok(Http().Get("/api/v1/query_range?query=node_load1&start=" + start + "&end=" + start + "&step=15"))["result"].size(),
      2u);
}

TEST_F(GrafanaSlowTest, VariablesAndEditor) {
  const Form range = {{"start", std::to_string(kStart)}, {"end", std::to_string(kStart + 900)}};
  const std::string times = fmt::format("start={}&end={}", kStart, kStart + 900);
  EXPECT_EQ(Ok(Http().Form("/api/v1/labels", range)), json({"__name__", "instance", "job"}));
  EXPECT_EQ(Ok(Http().Get("/api/v1/labels?match[]=node_load1&limit=40000&" + times)), json({"__name__", "instance", "job"}));
  EXPECT_EQ(Ok(Http().Get("/api/v1/label/__name__/values?" + times)), json({"http_requests_total", "node_load1"}));
  EXPECT_EQ(Ok(Http().Get("/api/v1/label/job/values?match[]=node_load1&" + times)), json({"node"}));
  EXPECT_EQ(Ok(Http().Get("/api/v1/label/none/values")), json::array());
  EXPECT_EQ(Ok(Http().Get("/api/v1/label/U__job/values?match[]=node_load1")), json({"node"}));
  const json cut = Http().Get("/api/v1/label/__name__/values?limit=1&" + times).Json();
  EXPECT_EQ(cut["data"].size(), 1u);
  EXPECT_EQ(cut["warnings"].size(), 1u);
  EXPECT_EQ(Ok(Http().Get("/api/v1/series?match[]=node_load1&" + times)).size(), 2u);
  EXPECT_EQ(Ok(Http().Form("/api/v1/series", {{"match[]", "node_load1"}, {"match[]", "{job=\"api\"}"}})).size(), 4u);
  EXPECT_EQ(Http().Get("/api/v1/series").status, 400);
  EXPECT_EQ(Ok(Http().Form("/api/v1/labels", {{"match[]", "node_load1"}, {"match[]", "http_requests_total"}, {"limit", "0"}})),
            json({"__name__", "instance", "job"}));
  EXPECT_EQ(Ok(Http().Get("/api/v1/label/job/values?match[]=node_load1&match[]=http_requests_total")), json({"api", "node"}));
  ASSERT_EQ(Http().Post("/api/v1/import/prometheus", "{\"http.requests\",\"service.name\"=\"cart\"} 1").status, 204);
  EXPECT_EQ(Ok(Http().Get("/api/v1/label/service.name/values")), json({"cart"}));
  EXPECT_EQ(Ok(Http().Get("/api/v1/label/U__service_2e_name/values")), json({"cart"}));
  EXPECT_EQ(Ok(Http().Form("/api/v1/query", {{"query", "{\"http.requests\"}"}}))["result"].size(), 1u);
  EXPECT_TRUE(Ok(Http().Get("/api/v1/metadata?limit=100")).is_object());
  EXPECT_TRUE(Ok(Http().Get("/api/v1/metadata?metric=node_load1")).is_object());
}

TEST_F(GrafanaSlowTest, AlertingAndStatus) {
  EXPECT_EQ(Ok(Http().Get("/api/v1/rules"))["groups"], json::array());
  EXPECT_EQ(Ok(Http().Get("/api/v1/rules?type=alert"))["groups"], json::array());
  EXPECT_EQ(Ok(Http().Get("/api/v1/alerts"))["alerts"], json::array());
  EXPECT_EQ(Ok(Http().Get("/api/v1/targets"))["activeTargets"], json::array());
  EXPECT_EQ(Ok(Http().Get("/api/v1/scrape_pools"))["scrapePools"], json::array());
  EXPECT_EQ(Ok(Http().Get("/api/v1/alertmanagers"))["activeAlertmanagers"], json::array());
  EXPECT_TRUE(Ok(Http().Get("/api/v1/status/config"))["yaml"].is_string());
  EXPECT_EQ(Ok(Http().Get("/api/v1/status/flags"))["web.cors-origin"], "https://g.example");
  EXPECT_TRUE(Ok(Http().Get("/api/v1/status/runtimeinfo"))["startTime"].is_string());
  EXPECT_EQ(Ok(Http().Get("/api/v1/status/tsdb"))["headStats"]["numSeries"], 4);
}

TEST_F(GrafanaSlowTest, ErrorsAndTransport) {
  struct Case {
    std::string path;
    int status;
    std::string type;
  };
  for (const Case& bad : {Case{"/api/v1/query?query=sum(", 400, "bad_data"}, Case{"/api/v1/query", 400, "bad_data"},
                          Case{"/api/v1/query_range?query=1&start=1&end=0&step=1", 400, "bad_data"},
                          Case{"/api/v1/query_range?query=1&start=0&end=1&step=0", 400, "bad_data"},
                          Case{"/api/v1/query?query=1&time=never", 400, "bad_data"},
                          Case{"/api/v1/query?query=node_load1%20%2B%20on(job)%20node_load1&time=1768003200", 422, "execution"},
                          Case{"/api/v1/none", 404, "not_found"}}) {
    const HttpAnswer answer = Http().Get(bad.path);
    EXPECT_EQ(answer.status, bad.status) << bad.path;
    EXPECT_EQ(answer.Json()["errorType"], bad.type) << bad.path << ": " << answer.body;
    EXPECT_EQ(answer.Json()["status"], "error");
  }
  EXPECT_EQ(Http().Post("/api/v1/label/job/values", "").status, 405);  // then Grafana asks again by GET
  const HttpAnswer small = Http().Get("/api/v1/functions", {"Accept-Encoding: gzip"});
  EXPECT_EQ(small.headers.at("content-encoding"), "gzip");
  const HttpAnswer preflight =
      Http().Send("OPTIONS", "/api/v1/query_range", "", {"Origin: https://g.example", "Access-Control-Request-Method: POST"});
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.headers.at("access-control-allow-origin"), "https://g.example");
  EXPECT_EQ(preflight.headers.at("access-control-allow-methods"), "GET, POST, OPTIONS");
  EXPECT_EQ(preflight.headers.at("allow"), "GET, POST, OPTIONS");
  const HttpAnswer read = Http().Get("/api/v1/query?query=1", {"Origin: https://g.example", "X-Dashboard-Uid: abc"});
  EXPECT_EQ(read.headers.at("access-control-allow-origin"), "https://g.example");
  const HttpAnswer foreign = Http().Get("/api/v1/query?query=1", {"Origin: https://evil.example"});
  EXPECT_EQ(foreign.status, 200);
  EXPECT_EQ(foreign.headers.count("access-control-allow-origin"), 0u);
  EXPECT_EQ(
      Http()
          .Post("/api/v1/query", "query=1", {"Origin: https://evil.example", "Content-Type: application/x-www-form-urlencoded"})
          .status,
      403);
  const json stats = Ok(Http().Get("/api/v1/query?query=node_load1&stats=all&time=1768003200"))["stats"];
  EXPECT_EQ(stats["samples"]["totalQueryableSamples"], 2);
  EXPECT_GT(stats["timings"]["evalTotalTime"], 0);
  const json explained = Ok(Http().Form(
      "/api/v1/query_range",
      {{"query", "EXPLAIN ANALYZE sum(node_load1)"}, {"start", "1768003200"}, {"end", "1768003800"}, {"step", "60"}}));
  EXPECT_EQ(explained["resultType"], "explain");
  EXPECT_EQ(explained["result"]["plan"]["operator"], "sum");
  EXPECT_THAT(explained["text"], ::testing::HasSubstr("node_load1"));
}

}  // namespace
}  // namespace auspex::server
