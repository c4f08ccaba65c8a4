#include <filesystem>

#include <gmock/gmock.h>

#include "tests/server/asked_routes.h"

namespace auspex::server {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

/// Deletion, snapshots, metadata and exemplars.
class RoutesAdminTest : public AskedRoutes {
 protected:
  RoutesAdminTest() {
    Open(Place::kDisk);
    service_.backup_dir = dir_ / "backups";
  }
  void Import(const std::string& text, bool openmetrics = false) {
    const auto& response = Ask("POST", "/api/v1/import/prometheus", text,
                               {{"content-type", openmetrics ? "application/openmetrics-text" : "text/plain"}});
    ASSERT_EQ(response.status(), 204) << response.body();
  }
  size_t Count(const std::string& selector) {
    return Data("/api/v1/query_range?query=" + selector + "&start=0&end=100&step=10")["result"].size();
  }
};

TEST_F(RoutesAdminTest, DeletesSeriesAsPrometheusDoes) {
  Import("a{x=\"1\"} 1 10000\na{x=\"2\"} 1 10000\nb 1 10000\n");
  EXPECT_EQ(Ask("POST", "/api/v1/admin/tsdb/delete_series").status(), 400);
  EXPECT_THAT(response_->body(), HasSubstr("no match[] parameter provided"));
  EXPECT_EQ(Ask("POST", "/api/v1/admin/tsdb/delete_series?match[]=a&start=20&end=10").status(), 400);
  EXPECT_EQ(Ask("POST", "/api/v1/admin/tsdb/delete_series?match[]={}").status(), 400);
  EXPECT_EQ(Ask("GET", "/api/v1/admin/tsdb/delete_series?match[]=a").status(), 405);
  // A page elsewhere must not get here.
  EXPECT_EQ(Ask("POST", "/api/v1/admin/tsdb/delete_series?match[]=a", "", {{"origin", "https://evil"}}).status(), 403);
  EXPECT_EQ(Count("a"), 2u);
  EXPECT_EQ(Ask("PUT", "/api/v1/admin/tsdb/delete_series?match[]=a{x=\"1\"}&match[]=b").status(), 204);
  EXPECT_EQ(Count("a"), 1u);
  EXPECT_EQ(Count("b"), 0u);
  // Both ends of the range belong to it.
  EXPECT_EQ(Ask("POST", "/api/v1/admin/tsdb/delete_series?match[]=a&start=10&end=10").status(), 204);
  EXPECT_EQ(Count("a"), 0u);
  EXPECT_EQ(Ask("POST", "/api/v1/admin/tsdb/clean_tombstones").status(), 204);
  EXPECT_EQ(database_->Stats().tombstones_count, 0u);
}

TEST_F(RoutesAdminTest, MakesSnapshotsBelowTheBackupFolder) {
  Import("a 1 10000\n");
  ASSERT_EQ(Ask("POST", "/api/v1/admin/tsdb/snapshot").status(), 200) << response_->body();
  const std::string name = json::parse(response_->body())["data"]["name"];
  VerifyOptions verify;
  verify.path = dir_ / ("backups/" + name);
  const auto report = Database::Verify(verify);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_TRUE(report->ok());
  EXPECT_EQ(report->samples_count, 1u);
  EXPECT_EQ(Ask("POST", "/api/v1/admin/tsdb/snapshot?name=" + name).status(), 409);
  EXPECT_EQ(Ask("POST", "/api/v1/admin/tsdb/snapshot?name=..").status(), 400);
  EXPECT_EQ(Ask("POST", "/api/v1/admin/tsdb/snapshot?name=a/b").status(), 400);
  EXPECT_EQ(Ask("POST", "/api/v1/admin/tsdb/snapshot", "", {{"origin", "https://evil"}}).status(), 403);
  ASSERT_TRUE(Database::Restore(verify.path, dir_ / "restored").ok());
  Options options;
  options.path = dir_ / "restored";
  options.memory_budget_bytes = uint64_t{64} << 20;
  const auto restored = Database::Open(options);
  ASSERT_TRUE(restored.ok()) << restored.status().ToString();
  EXPECT_EQ((*restored)->store().Series({}, 0).value().size(), 1u);
}

TEST_F(RoutesAdminTest, MetadataInPrometheusShape) {
  EXPECT_EQ(Data("/api/v1/metadata"), json::object());
  Import(R"(# HELP http_requests_total Requests\nserved.
# TYPE http_requests_total counter
http_requests_total 1 10000
# TYPE up untyped
up 1 10000
)");
  Import("# TYPE disk_bytes gauge\n# UNIT disk_bytes bytes\n# HELP disk_bytes Used.\ndisk_bytes 1 10\n# EOF\n", true);
  const json all = json::parse(R"({
      "disk_bytes":[{"type":"gauge","help":"Used.","unit":"bytes"}],
      "http_requests_total":[{"type":"counter","help":"Requests\nserved.","unit":""}],
      "up":[{"type":"unknown","help":"","unit":""}]})");
  EXPECT_EQ(Data("/api/v1/metadata"), all);
  EXPECT_EQ(Data("/api/v1/metadata?limit=0"), json::object());
  EXPECT_EQ(Data("/api/v1/metadata?limit=2").size(), 2u);
  EXPECT_EQ(Data("/api/v1/metadata?limit_per_metric=1"), all);
  EXPECT_EQ(Data("/api/v1/metadata?metric=up"), json::parse(R"({"up":[{"type":"unknown","help":"","unit":""}]})"));
  EXPECT_EQ(Data("/api/v1/metadata?metric=nothing"), json::object());
  EXPECT_EQ(Ask("GET", "/api/v1/metadata?limit=x").status(), 400);
  EXPECT_THAT(response_->body(), HasSubstr("limit must be a number"));
}

TEST_F(RoutesAdminTest, ExemplarsInPrometheusShape) {
  Import(
      "# TYPE h histogram\n"
      "h_bucket{le=\"1\"} 5 10 # {trace_id=\"abc\",span_id=\"x\"} 0.67 9.5\n"
      "h_bucket{le=\"+Inf\"} 6 10 # {trace_id=\"def\"} 3\n"
      "h_bucket{le=\"2\"} 6 10 # {trace_id=\"" +
          std::string(200, 'x') + "\"} 3\n" + "# EOF\n",
      true);
  const json want = json::parse(R"([
      {"seriesLabels":{"__name__":"h_bucket","le":"+Inf"},"exemplars":[
          {"labels":{"trace_id":"def"},"value":"3","timestamp":10}]},
      {"seriesLabels":{"__name__":"h_bucket","le":"1"},"exemplars":[
          {"labels":{"span_id":"x","trace_id":"abc"},"value":"0.67","timestamp":9.5}]}])");
  EXPECT_EQ(Data("/api/v1/query_exemplars?query=histogram_quantile(0.9,rate(h_bucket[5m]))"), want);
  EXPECT_EQ(Data("/api/v1/query_exemplars?query=h_bucket%2Bh_bucket&start=0&end=20"), want);
  EXPECT_EQ(Data("/api/v1/query_exemplars?query=h_bucket{le=\"1\"}&start=10"), json::array());
  EXPECT_EQ(Data("/api/v1/query_exemplars?query=other"), json::array());
  EXPECT_EQ(Ask("GET", "/api/v1/query_exemplars?query=sum(").status(), 400);
  EXPECT_EQ(Ask("GET", "/api/v1/query_exemplars?query=up&start=2&end=1").status(), 400);
}

}  // namespace
}  // namespace auspex::server
