#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/value_text.h"
#include "tests/support/remote_write.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

// The built server, over HTTP alone: what a stranger would do.

namespace auspex::server {
namespace {

using auspex::testing::ChildProcess;
using auspex::testing::HttpAnswer;
using auspex::testing::HttpClient;
using auspex::testing::RemoteSeries;
using auspex::testing::RemoteWriteBody;
using auspex::testing::RemoteWriteHeaders;
using auspex::testing::ServerProcess;
using auspex::testing::TempDir;
using nlohmann::json;
using ::testing::HasSubstr;

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kDayMs = 24 * 60 * kMinuteMs;

int64_t TimeOf(const std::string& text) { return ParseTimeMs(text).value(); }

/// "2014-04-02 14:29:00,42.5" lines of the benchmark's CSV.
RemoteSeries ReadBenchmarkSeries(const std::string& name, Labels labels) {
  RemoteSeries series{std::move(labels), {}};
  std::ifstream file(std::string(AUSPEX_SOURCE_DIR) + "/tests/server/data/" + name);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const size_t comma = line.find(',');
    std::string time = line.substr(0, comma) + "Z";
    time[10] = 'T';
    std::string value = line.substr(comma + 1);
    if (!value.empty() && value.back() == '\r') value.pop_back();
    series.samples.emplace_back(TimeOf(time), std::stod(value));
  }
  return series;
}

class EndToEndTest : public ::testing::Test {
 protected:
  void Start(std::vector<std::string> more = {}) {
    server_.reset();
    server_ = std::make_unique<ServerProcess>(dir_ / "data", dir_ / "log", std::move(more));
    ASSERT_TRUE(server_->started()) << server_->Log();
  }
  HttpClient client() const { return server_->client(); }
  void Push(const std::vector<RemoteSeries>& series) {
    const HttpAnswer answer = client().Post("/api/v1/write", RemoteWriteBody(series), RemoteWriteHeaders());
    ASSERT_EQ(answer.status, 204) << answer.body;
  }
  json Query(const std::string& query, const std::string& time) {
    const HttpAnswer answer = client().Form("/api/v1/query", {{"query", query}, {"time", time}});
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.Json()["data"]["result"];
  }
  /// The replay's report.
  json Replay(const std::string& path, const std::string& from, const std::string& to) {
    const HttpAnswer answer =
        client().Form("/api/v1/continuous_queries/" + path + "/replay", {{"from", from}, {"to", to}, {"progress", "1"}});
    EXPECT_EQ(answer.status, 200) << answer.body;
    const size_t last = answer.body.rfind('\n', answer.body.size() - 2);
    const json end = json::parse(answer.body.substr(last == std::string::npos ? 0 : last + 1), nullptr, false);
    EXPECT_EQ(end.value("status", ""), "success") << answer.body;
    return end.value("data", json());
  }

  TempDir dir_;
  std::unique_ptr<ServerProcess> server_;
};

TEST_F(EndToEndTest, OneReactiveInsightAboutAKnownIncident) {
  Start();
  Push({ReadBenchmarkSeries("ec2_cpu_utilization_ac20cd.csv",
                            Labels::Of({{"__name__", "cpu_utilization"}, {"instance", "ac20cd"}}))});
  const HttpAnswer put = client().Send("PUT", "/api/v1/continuous_queries", R"(groups:
  - name: hosts
    interval: 5m
    rules:
      - insight: CpuUnusual
        type: reactive
        expr: anomaly(cpu_utilization[1d], 8)
        for: 5m
        keep_firing_for: 2h
        group_by: [instance]
)");
  ASSERT_EQ(put.status, 200) << put.body;
  const json report = Replay("hosts/CpuUnusual", "2014-04-05T14:30:00Z", "2014-04-16T14:30:00Z");
  EXPECT_EQ(report["rules_failed"], 0) << report;

  const json found = client().Get("/api/v1/insights?type=REACTIVE&match[]=%7Binstance%3D%22ac20cd%22%7D").Json()["data"];
  ASSERT_EQ(found.size(), 1u) << found.dump(1);
  const json& insight = found[0];
  EXPECT_EQ(insight["type"], "REACTIVE");
  EXPECT_EQ(insight["cq"], "CpuUnusual");
  EXPECT_EQ(insight["replayed"], true);
  ASSERT_GE(insight["anomalies"].size(), 1u);
  EXPECT_EQ(insight["anomalies"][0]["labels"]["instance"], "ac20cd");
  // The window that the benchmark labels.
  const int64_t start_ms = TimeOf(insight["time_range"]["start"]);
  const int64_t end_ms = insight["time_range"].contains("end") && insight["time_range"]["end"].is_string()
                             ? TimeOf(insight["time_range"]["end"])
                             : start_ms;
  EXPECT_LT(start_ms, TimeOf("2014-04-15T17:34:00Z")) << insight.dump(1);
  EXPECT_GT(std::max(start_ms, end_ms), TimeOf("2014-04-14T07:49:00Z")) << insight.dump(1);

  const std::string id = insight["id"];
  EXPECT_EQ(client().Get("/api/v1/insights/" + id).Json()["data"]["id"], id);
  const json revisions = client().Get("/api/v1/insights/" + id + "/revisions").Json()["data"];
  ASSERT_GE(revisions.size(), 1u);
  EXPECT_EQ(revisions[0]["revision"], 1);
  EXPECT_EQ(client().Get("/api/v1/insights/nonsense").status, 404);
  EXPECT_EQ(client().Get("/api/v1/insights?type=PROACTIVE").Json()["data"].size(), 0u);
}

TEST_F(EndToEndTest, OneProactiveInsightAboutAFillingDisk) {
  Start();
  // Half full, two days quiet; then 2 % more per hour: full after 25 hours.
  const int64_t begin_ms = TimeOf("2026-01-05T00:00:00Z");
  RemoteSeries disk{Labels::Of({{"__name__", "disk_used_ratio"}, {"host", "db-1"}}), {}};
  RemoteSeries other{Labels::Of({{"__name__", "disk_used_ratio"}, {"host", "db-2"}}), {}};
  for (int64_t t_ms = begin_ms; t_ms <= begin_ms + 5 * kDayMs / 2; t_ms += 5 * kMinuteMs) {
    const double hours = std::max<double>(0, static_cast<double>(t_ms - begin_ms - 2 * kDayMs) / 3'600'000);
    const double wiggle = 0.0005 * std::sin(static_cast<double>(t_ms) / 1e6);
    disk.samples.emplace_back(t_ms, 0.5 + 0.02 * hours + wiggle);
    other.samples.emplace_back(t_ms, 0.4 + wiggle);
  }
  Push({disk, other});
  const HttpAnswer put = client().Send("PUT", "/api/v1/continuous_queries", R"(groups:
  - name: disks
    interval: 5m
    rules:
      - insight: DiskFilling
        type: proactive
        expr: forecast_exhaustion(disk_used_ratio[6h], 1) < 86400
        for: 30m
        group_by: [host]
)");
  ASSERT_EQ(put.status, 200) << put.body;
  Replay("disks/DiskFilling", "2026-01-06T00:00:00Z", "2026-01-07T12:00:00Z");
  const json found = client().Get("/api/v1/insights").Json()["data"];
  ASSERT_EQ(found.size(), 1u) << found.dump(1);
  const json& insight = found[0];
  EXPECT_EQ(insight["type"], "PROACTIVE");
  EXPECT_EQ(insight["collection"]["host"], "db-1");
  ASSERT_TRUE(insight.contains("prediction_range")) << insight.dump(1);
  const json& prediction = insight["prediction_range"];
  const int64_t full_ms = begin_ms + 2 * kDayMs + 25 * 60 * kMinuteMs;
  const int64_t predicted_ms = TimeOf(
      prediction.contains("expected") && prediction["expected"].is_string() ? prediction["expected"] : prediction["start"]);
  EXPECT_NEAR(static_cast<double>(predicted_ms), static_cast<double>(full_ms), 3.0 * 3'600'000) << insight.dump(1);
  EXPECT_LT(TimeOf(insight["time_range"]["start"]), full_ms - 12 * 60 * kMinuteMs);  // said half a day ahead
}

TEST_F(EndToEndTest, KillLosesNothingAcknowledged) {
  Start();
  const int64_t begin_ms = TimeOf("2026-01-05T00:00:00Z");
  uint64_t acknowledged = 0;
  for (int batch = 0; batch < 20; ++batch) {
    RemoteSeries series{Labels::Of({{"__name__", "kept"}, {"batch", std::to_string(batch)}}), {}};
    for (int i = 0; i < 100; ++i) series.samples.emplace_back(begin_ms + i * 1000, batch * 1000 + i);
    Push({series});
    acknowledged += series.samples.size();
  }
  ASSERT_EQ(client()
                .Post("/api/v1/events",
                      R"({"kind":"deployment","name":"v42","time":"2026-01-05T00:00:10Z","labels":{"service":"cart"}})")
                .status,
            200);
  ASSERT_EQ(client()
                .Send("PUT", "/api/v1/continuous_queries",
                      "groups: [{name: g, interval: 1m, rules: [{record: a:b, expr: sum(kept)}]}]")
                .status,
            200);
  server_->process().Signal(SIGKILL);
  server_->process().Wait(10'000);

  Start();
  const json count = Query("sum(count_over_time(kept[10m]))", "2026-01-05T00:05:00Z");
  ASSERT_EQ(count.size(), 1u);
  EXPECT_EQ(count[0]["value"][1], std::to_string(acknowledged));
  EXPECT_EQ(client().Get("/api/v1/events").Json()["data"].size(), 1u);
  EXPECT_EQ(client().Get("/api/v1/continuous_queries").Json()["data"].size(), 1u);

  // And in order: SIGTERM answers what is under way, closes and exits with 0.
  server_->process().Signal(SIGTERM);
  EXPECT_EQ(server_->process().Wait(20'000), 0) << server_->Log();
  Start();
  EXPECT_EQ(Query("sum(count_over_time(kept[10m]))", "2026-01-05T00:05:00Z")[0]["value"][1], std::to_string(acknowledged));
}

TEST_F(EndToEndTest, StartFailuresNameTheirCause) {
  Start();
  ChildProcess taken(
      {ServerProcess::Binary(), "--data-dir", dir_ / "other", "--listen", "127.0.0.1:" + std::to_string(server_->port())},
      dir_ / "taken");
  EXPECT_EQ(taken.Wait(20'000), 1);
  EXPECT_THAT(taken.Log(), HasSubstr("127.0.0.1:" + std::to_string(server_->port()) + " is already in use"));

  ChildProcess locked({ServerProcess::Binary(), "--data-dir", dir_ / "data", "--listen", "127.0.0.1:0"}, dir_ / "locked");
  EXPECT_EQ(locked.Wait(20'000), 1);
  EXPECT_THAT(locked.Log(), HasSubstr(std::to_string(server_->process().pid())));

  std::ofstream(dir_ / "bad.yml") << "groups: [{name: g, rules: [{record: x, expr: 'sum('}]}]";
  ChildProcess rules(
      {ServerProcess::Binary(), "--data-dir", dir_ / "other", "--listen", "127.0.0.1:0", "--rules", dir_ / "bad.yml"},
      dir_ / "rules");
  EXPECT_EQ(rules.Wait(20'000), 1);
  EXPECT_THAT(rules.Log(), HasSubstr("bad.yml"));
}

TEST_F(EndToEndTest, AllProtocolsArrive) {
  Start();
  Push({{Labels::Of({{"__name__", "a"}, {"via", "remote"}}), {{1'000'000, 1.5}}}});
  EXPECT_EQ(client().Post("/write?precision=s", "m,via=line value=2.5 1000\n").status, 204);
  EXPECT_EQ(client().Post("/api/v2/write?bucket=b&org=o&precision=ms", "m,via=v2 f=3 1000000\n").status, 204);
  EXPECT_EQ(client().Post("/api/v1/import/prometheus", "t{via=\"text\"} 4 1000000\n").status, 204);
  EXPECT_EQ(Query("a", "1000")[0]["value"][1], "1.5");
  EXPECT_EQ(Query("m_value", "1000")[0]["metric"]["via"], "line");
  EXPECT_EQ(Query("m_f", "1000")[0]["value"], json::parse(R"([1000,"3"])"));
  EXPECT_EQ(Query("t", "1000")[0]["value"][1], "4");
  const json names = client().Get("/api/v1/label/__name__/values").Json()["data"];
  EXPECT_EQ(names, json({"a", "m_f", "m_value", "t"}));
  EXPECT_EQ(client().Get("/api/v1/label/U__via/values?match[]=t").Json()["data"], json({"text"}));
  EXPECT_EQ(client().Get("/api/v1/labels").Json()["data"], json({"__name__", "via"}));
  EXPECT_EQ(client().Get("/api/v1/series?match[]=a&match[]=t").Json()["data"].size(), 2u);
  const json cut = client().Get("/api/v1/label/__name__/values?limit=2").Json();
  EXPECT_EQ(cut["data"].size(), 2u);
  EXPECT_EQ(cut["warnings"].size(), 1u);
  // Good lines are kept, and both are counted.
  const HttpAnswer partly = client().Post("/write?precision=s", "m value=1 2000\nbroken\nm value=2 2001\n");
  EXPECT_EQ(partly.status, 400);
  EXPECT_THAT(partly.Json()["error"], HasSubstr("line 2"));
  EXPECT_THAT(partly.Json()["error"], HasSubstr("stored 2 samples"));
  EXPECT_THAT(client().Get("/metrics").body, HasSubstr("auspex_ingest_samples_total{protocol=\"influx_line\"} 4"));
  EXPECT_EQ(client().Post("/api/v1/admin/seal", "").status, 200);
  EXPECT_EQ(Query("a", "1000")[0]["value"][1], "1.5");
}

TEST_F(EndToEndTest, ForeignPagesAreKeptOut) {
  Start();
  const HttpClient http = client();
  for (const std::string header : {"Host: evil.example.com", "Origin: http://evil.example.com", "Origin: null",
                                   "Origin: http://127.0.0.1:1", "Sec-Fetch-Site: cross-site"}) {
    EXPECT_EQ(http.Post("/write?precision=s", "evil value=1 1000", {header}).status, 403) << header;
    EXPECT_EQ(http.Post("/api/v1/import/prometheus", "evil 1 1000000", {header}).status, 403) << header;
    EXPECT_EQ(http.Send("PUT", "/api/v1/continuous_queries", "groups: []", {header}).status, 403) << header;
    EXPECT_EQ(http.Send("DELETE", "/api/v1/continuous_queries/g", "", {header}).status, 403) << header;
    EXPECT_EQ(http.Post("/api/v1/admin/seal", "", {header}).status, 403) << header;
    EXPECT_EQ(http.Send("OPTIONS", "/write", "", {header, "Access-Control-Request-Method: POST"}).status, 403) << header;
  }
  EXPECT_EQ(http.Get("/api/v1/labels", {"Host: evil.example.com"}).status, 403);
  EXPECT_EQ(Query("evil_value or evil", "1000").size(), 0u);
}

struct BadRequest {
  std::string method;
  std::string path;
  std::string body;
  int status;
  std::string part;  // of the error's text
};

TEST_F(EndToEndTest, BadInputIsNamedAndChangesNothing) {
  Start({"--http.max-body", "1MB"});
  const std::string rules = "/api/v1/continuous_queries";
  const std::vector<BadRequest> requests = {
      {"GET", "/api/v1/query?query=sum(", "", 400, "parse error"},
      {"GET", "/api/v1/query?query=", "", 400, "parse error"},
      {"GET", "/api/v1/query", "", 400, "parse error"},
      {"GET", "/api/v1/query?query=no_such_function(x)", "", 400, "unknown function"},
      {"GET", "/api/v1/query?query=rate(%22x%22)", "", 400, "range vector"},
      {"GET", "/api/v1/query?query=x%7Ba%3D~%22(%22%7D", "", 400, "1:"},
      {"GET", "/api/v1/query?query=1&time=tomorrow", "", 400, "invalid parameter \"time\""},
      {"GET", "/api/v1/query?query=1&time=NaN", "", 400, "invalid parameter \"time\""},
      {"GET", "/api/v1/query?query=1&timeout=z", "", 400, "invalid parameter \"timeout\""},
      {"GET", "/api/v1/query?query=1&compat=1", "", 400, "invalid parameter \"compat\""},
      {"GET", "/api/v1/query_range?query=1&start=0&end=1", "", 400, "invalid parameter \"step\""},
      {"GET", "/api/v1/query_range?query=1&end=1&step=1", "", 400, "invalid parameter \"start\""},
      {"GET", "/api/v1/query_range?query=1&start=2&end=1&step=1", "", 400, "end timestamp must not be before start time"},
      {"GET", "/api/v1/query_range?query=1&start=0&end=1&step=0", "", 400, "zero or negative"},
      {"GET", "/api/v1/query_range?query=1&start=0&end=11001&step=1", "", 400, "exceeded maximum resolution of 11,000 points"},
      {"GET", "/api/v1/query_range?query=x%5B5m%5D&start=0&end=1&step=1", "", 400, "invalid expression type"},
      {"GET", "/api/v1/query_range?query=1&start=-9e14&end=9e14&step=1e-3", "", 400, "11,000"},
      {"GET", "/api/v1/series", "", 400, "no match[] parameter provided"},
      {"GET", "/api/v1/series?match[]=%7B%7D", "", 400, "match[]"},
      {"GET", "/api/v1/series?match[]=%7Ba", "", 400, "match[]"},
      {"GET", "/api/v1/labels?start=x", "", 400, "invalid parameter \"start\""},
      {"GET", "/api/v1/labels?limit=-1", "", 400, "invalid parameter \"limit\""},
      {"GET", "/api/v1/format_query?query=1%2B", "", 400, "parse error"},
      {"GET", "/api/v1/nothing", "", 404, "/api/v1/nothing"},
      {"DELETE", "/api/v1/query", "", 405, "GET, POST"},
      {"GET", "/api/v1/write", "", 405, "POST"},
      {"POST", "/api/v1/write", "not snappy", 400, "snappy"},
      {"POST", "/api/v1/write", "\x05\x10hello", 400, "WriteRequest"},
      {"POST", "/api/v1/write", std::string(2'000'000, 'x'), 413, "larger than the limit"},
      {"POST", "/api/v1/write?", "a=b", 415, "expected application/x-protobuf"},
      {"POST", "/write?precision=days", "m f=1", 400, "precision"},
      {"POST", "/write", "m f=", 400, "line 1: column"},
      {"POST", "/write?precision=s", "m f=1 1700000000000000", 400, "line 1: column 7: time"},
      {"POST", "/api/v1/import/prometheus", "ok 1 5\n{", 400, "line 2"},
      {"POST", "/api/v1/import/prometheus", "m 1 99999999999999999", 400, "line 1"},
      {"PUT", rules, "groups: [", 400, ""},
      {"PUT", rules, "just text", 400, ""},
      {"PUT", rules, "groups: [{name: ok, rules: [{record: a, expr: '1'}]}, {name: bad, rules: [{record: b, expr: 'sum('}]}]",
       400, "bad"},
      {"PUT", rules, "groups: [{name: g, rules: [{insight: x, expr: 'no_such(y)'}]}]", 400, "no_such"},
      {"PUT", rules, "groups: [{name: g, rules: [{record: a, expr: '1', typo: 1}]}]", 400, "typo"},
      {"PUT", rules + "/g/r", "record: r", 400, "expr"},
      {"DELETE", rules + "/none", "", 404, "none"},
      {"DELETE", rules + "/none/none", "", 404, "none"},
      {"GET", rules + "/none", "", 404, "none"},
      {"POST", rules + "/none/none/replay?from=0", "", 404, "none"},
      {"POST", rules + "/none/none/replay", "", 400, "from"},
      {"POST", rules + "/none/none/replay?from=5&to=1", "", 400, "to"},
      {"GET", "/api/v1/insights?type=BAD", "", 400, "REACTIVE"},
      {"GET", "/api/v1/insights?severity=worse", "", 400, "severity"},
      {"GET", "/api/v1/insights?start=x", "", 400, "start"},
      {"GET", "/api/v1/insights/none", "", 404, "none"},
      {"POST", "/api/v1/events", "not json", 400, "JSON"},
      {"POST", "/api/v1/events", R"([{"kind":"x","name":"ok","time":"2026-01-01T00:00:00Z"},{"time":"never"}])", 400,
       "event 1"},
  };
  for (const BadRequest& bad : requests) {
    HttpClient::Headers headers;
    if (bad.path == "/api/v1/write") headers.push_back("Content-Type: application/x-protobuf");
    const HttpAnswer answer = client().Send(bad.method, bad.path, bad.body, headers);
    const std::string what = bad.method + " " + bad.path + " " + bad.body.substr(0, 60);
    EXPECT_EQ(answer.status, bad.status) << what << ": " << answer.body;
    const json error = answer.Json();
    ASSERT_TRUE(error.is_object()) << what << ": " << answer.body;
    EXPECT_EQ(error.value("status", ""), "error") << what;
    EXPECT_FALSE(error.value("errorType", "").empty()) << what;
    EXPECT_THAT(error.value("error", ""), HasSubstr(bad.part)) << what;
  }
  // Nothing was half applied.
  EXPECT_EQ(client().Get(rules).Json()["data"].size(), 0u);
  EXPECT_EQ(client().Get("/api/v1/events").Json()["data"].size(), 0u);
  EXPECT_EQ(client().Get("/api/v1/label/__name__/values").Json()["data"], json({"ok"}));
  EXPECT_EQ(client().Get("/-/healthy").status, 200);
  EXPECT_EQ(client().Get("/-/ready").status, 200);
}

}  // namespace
}  // namespace auspex::server
