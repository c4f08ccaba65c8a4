#include <filesystem>
#include <map>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "server/routes.h"
#include "tests/support/example_data.h"
#include "tests/support/temp_dir.h"

// The same query gives the same bytes: on one thread and on two, from memory, from sealed blocks, after a restart and from a
// restored backup.

namespace auspex::server {
namespace {

using testing::kExampleEndMs;

constexpr uint64_t kMemoryBytes = uint64_t{96} << 20;

/// A database behind the routes of the server, without a connection.
class Served {
 public:
  Served(const std::string& path, int threads)
      : service_(Clock::System()),
        router_({.listen_host = "127.0.0.1", .loopback = true, .allowed_hosts = {}, .cors_origins = {}}, service_.metrics(),
                Clock::System(), 1 << 20) {
    AddRoutes(router_, service_);
    Options options;
    options.path = path;
    options.memory_budget_bytes = kMemoryBytes;
    options.threads = threads;
    auto opened = Database::Open(options);
    EXPECT_TRUE(opened.ok()) << opened.status().ToString();
    database_ = std::move(opened).value();
    service_.Attach(*database_);
    service_.backup_dir = path + ".backups";
  }

  Database& database() { return *database_; }
  std::string Ask(const std::string& method, const std::string& path,
                  const std::map<std::string, std::string>& parameters = {}) {
    Request request;
    request.method = method;
    request.path = path;
    request.headers.Add("host", "localhost");
    for (const auto& [name, value] : parameters) request.parameters.Add(name, value);
    RecordedResponse response;
    router_.Handle(request, response);
    return fmt::format("{} {}", response.status(), response.body());
  }

  /// By query: the bytes of an instant and of two range answers, the second of them with what the cache kept of the first.
  std::map<std::string, std::string> Answers() {
    std::map<std::string, std::string> out;
    const std::string end = std::to_string(kExampleEndMs / 1000);
    const std::string start = std::to_string(kExampleEndMs / 1000 - 3600);
    for (const std::string& query : Queries()) {
      std::string& bytes = out[query];
      bytes = Ask("POST", "/api/v1/query", {{"query", query}, {"time", end}});
      const std::map<std::string, std::string> range = {{"query", query}, {"start", start}, {"end", end}, {"step", "120"}};
      bytes += Ask("POST", "/api/v1/query_range", range);
      bytes += Ask("POST", "/api/v1/query_range", range);
    }
    return out;
  }

 private:
  /// The examples of all functions but those that tell the time on the clock, and questions that add up many series.
  std::vector<std::string> Queries() const {
    std::vector<std::string> queries = {
        "sum(rate(requests_total[5m]))",
        "sum by (job) (rate(requests_total[5m]))",
        "avg without (code) (requests_total)",
        "stddev(requests_total)",
        "topk(3, requests_total)",
        "quantile(0.9, rate(requests_total[5m]))",
        "histogram_quantile(0.95, sum by (le) (rate(latency_seconds_bucket[5m])))",
        "max_over_time(rate(requests_total[2m])[10m:1m])",
        "avg_over_time(temperature[1h])",
        "{__name__=~\".+\"}",
        "requests_total{job=\"api\" or code=\"500\"}",
    };
    for (const query::Function* function : database_->functions().All()) {
      if (function->name != "now") queries.push_back(function->example);
    }
    return queries;
  }

  Service service_;
  Router router_;
  std::unique_ptr<Database> database_;
};

class SameBytesSlowTest : public ::testing::Test {
 protected:
  void Load(const std::string& path) {
    StoreOptions options;
    options.path = path;
    options.sync = SyncMode::kNever;
    auto store = Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    ASSERT_TRUE(testing::LoadExampleData(**store).ok());
    ASSERT_TRUE((*store)->Close().ok());
  }
  void Same(const std::map<std::string, std::string>& want, const std::map<std::string, std::string>& got, const char* when) {
    ASSERT_EQ(want.size(), got.size());
    for (const auto& [query, bytes] : want) EXPECT_EQ(bytes, got.at(query)) << when << ": " << query;
  }
  testing::TempDir dir_;
};

TEST_F(SameBytesSlowTest, OnEveryNumberOfThreadsAndInEveryState) {
  const std::string path = dir_ / "db";
  Load(path);
  std::map<std::string, std::string> want;
  {
    Served one(path, 1);
    want = one.Answers();
    size_t answered = 0;
    for (const auto& [query, bytes] : want) answered += bytes.starts_with("200 ") ? 1 : 0;
    EXPECT_GT(answered, want.size() * 9 / 10);
  }
  Served two(path, 2);
  Same(want, two.Answers(), "two threads, after a restart");
  EXPECT_EQ(two.Ask("POST", "/api/v1/admin/flush").substr(0, 3), "200");
  Same(want, two.Answers(), "flushed");
  EXPECT_EQ(two.Ask("POST", "/api/v1/admin/seal").substr(0, 3), "200");
  Same(want, two.Answers(), "sealed");
  const std::string snapshot = two.Ask("POST", "/api/v1/admin/tsdb/snapshot", {{"name", "copy"}});
  ASSERT_EQ(snapshot.substr(0, 3), "200") << snapshot;
  const std::string restored = dir_ / "restored";
  ASSERT_TRUE(Database::Restore(path + ".backups/copy", restored).ok());
  Served again(restored, 2);
  Same(want, again.Answers(), "restored");
}

}  // namespace
}  // namespace auspex::server
