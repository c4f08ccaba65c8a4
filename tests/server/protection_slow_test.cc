// What one query may cost the server and its other clients: limits that are named, a client that leaves, writes that go on.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/remote_write.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace auspex::server {
namespace {

using auspex::testing::HttpAnswer;
using auspex::testing::HttpClient;
using auspex::testing::RemoteSeries;
using auspex::testing::ServerProcess;
using auspex::testing::TempDir;
using ::testing::HasSubstr;

constexpr int64_t kStartMs = 1'767'225'600'000;
constexpr int kSeries = 400;
constexpr int kSamples = 1'000;  // of each
constexpr int64_t kStepMs = 15'000;
constexpr int64_t kEndMs = kStartMs + kSamples * kStepMs;
constexpr const char* kHeavy = "max_over_time(stddev_over_time(m[30m:1s])[2h:1s])";

using Steady = std::chrono::steady_clock;
double MsSince(Steady::time_point begin) { return std::chrono::duration<double, std::milli>(Steady::now() - begin).count(); }

class ProtectionTest : public ::testing::Test {
 protected:
  void Start(std::vector<std::string> arguments = {}) {
    server_ = std::make_unique<ServerProcess>(dir_ / "data", dir_ / "log", std::move(arguments));
    ASSERT_TRUE(server_->started()) << server_->Log();
    std::vector<RemoteSeries> series;
    for (int s = 0; s < kSeries; ++s) {
      RemoteSeries one{Labels::Of({{kMetricName, "m"}, {"i", std::to_string(s)}, {"job", s % 2 == 0 ? "api" : "web"}}), {}};
      for (int k = 0; k < kSamples; ++k) one.samples.emplace_back(kStartMs + k * kStepMs, s * k % 97);
      series.push_back(std::move(one));
    }
    Write(series);
  }
  HttpClient client() const { return server_->client(); }
  void Write(const std::vector<RemoteSeries>& series) const {
    const HttpAnswer answer = client().Post("/api/v1/write", testing::RemoteWriteBody(series), testing::RemoteWriteHeaders());
    ASSERT_EQ(answer.status, 204) << answer.body;
  }
  HttpAnswer Range(const std::string& query, const std::string& more = "") const {
    return client().Get(fmt::format("/api/v1/query_range?{}&start={}&end={}&step=15{}", testing::EncodeForm({{"query", query}}),
                                    kStartMs / 1000, kEndMs / 1000, more));
  }
  // The most memory that the server has had.
  uint64_t PeakKib() const {
    std::ifstream status(fmt::format("/proc/{}/status", server_->process().pid()));
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6));
    }
    return 0;
  }
  double Metric(const std::string& name) const {
    const std::string text = client().Get("/metrics").body;
    const size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }
  // The median of how long a small write takes, in milliseconds.
  double WriteMs(int count, int64_t& t_ms) const {
    std::vector<double> took;
    for (int i = 0; i < count; ++i) {
      std::vector<RemoteSeries> series;
      for (int s = 0; s < 50; ++s) series.push_back({Labels::Of({{kMetricName, "w"}, {"i", std::to_string(s)}}), {{t_ms, i}}});
      t_ms += 1'000;
      const auto begin = Steady::now();
      Write(series);
      took.push_back(MsSince(begin));
    }
    std::sort(took.begin(), took.end());
    return took[took.size() / 2];
  }

  TempDir dir_;
  std::unique_ptr<ServerProcess> server_;
};

TEST_F(ProtectionTest, TheMemoryLimitIsNamed) {
  Start({"--memory-budget", "64MiB"});  // of which a quarter is for one query
  const HttpAnswer refused = Range("m * on (i) group_left m");
  EXPECT_EQ(refused.status, 422) << refused.body.substr(0, 300);
  EXPECT_THAT(refused.body, HasSubstr("max_memory_bytes is 16777216"));
  EXPECT_EQ(Range("sum(m)").status, 200);
  // It was given back.
  EXPECT_EQ(Range("m{i=~\"1.\"}").status, 200);
}

TEST_F(ProtectionTest, TheLimitOfSamplesIsNamed) {
  Start({"--query.max-samples", "10000"});
  const HttpAnswer refused = Range("sort(m)");
  EXPECT_EQ(refused.status, 422) << refused.body.substr(0, 300);
  EXPECT_THAT(refused.body, HasSubstr("max_samples is 10000"));
}

TEST_F(ProtectionTest, LargeAnswersNeedNoMemoryOfTheirSize) {
  Start({"--memory-budget", "64MiB", "--query.timeout", "120s"});
  const auto range = [&](const std::string& query, const std::string& more = "") {
    return client().Get(fmt::format("/api/v1/query_range?{}&start={}&end={}&step=1.5{}",
                                    testing::EncodeForm({{"query", query}}), kStartMs / 1000, kEndMs / 1000, more));
  };
  EXPECT_EQ(range("m{i=\"1\"}").status, 200);
  const uint64_t before_kib = PeakKib();
  // 400 series of 10,001 steps are 32 MB before they are text.
  for (const char* query : {"m", "rate(m[1m]) * 8"}) {
    const HttpAnswer answer = range(query);
    EXPECT_EQ(answer.status, 200) << query << ": " << answer.body.substr(0, 300);
    EXPECT_GT(answer.body.size(), 60'000'000u) << query;
    EXPECT_TRUE(answer.body.ends_with("]}}") || answer.body.ends_with("\"]}")) << answer.body.substr(answer.body.size() - 200);
    EXPECT_EQ(answer.Json()["data"]["result"].size(), static_cast<size_t>(kSeries));
  }
  const uint64_t grown_kib = PeakKib() - before_kib;
  std::cout << "answers of 4 million values let the server's memory grow by " << grown_kib << " KiB\n";
  EXPECT_LT(grown_kib, 24u << 10);
  // What needs all of its series at once is refused, and says why.
  EXPECT_THAT(range("sort(m)").body, HasSubstr("max_memory_bytes is 16777216"));
  // An error that comes when the answer is on its way leaves it without an end.
  const HttpAnswer cut = range("m", "&timeout=150ms");
  EXPECT_EQ(cut.status, 0) << "the connection was not broken off; " << cut.body.size() << " bytes came";
}

TEST_F(ProtectionTest, TheLimitOfTimeIsNamed) {
  Start({"--query.timeout", "20s"});
  const HttpAnswer refused = Range("max_over_time(stddev_over_time(m[30m:1m])[1h:1m])", "&timeout=1ms");
  EXPECT_EQ(refused.status, 503) << refused.body.substr(0, 300);
  EXPECT_THAT(refused.body, HasSubstr("timeout is 1 ms"));
}

TEST_F(ProtectionTest, WhoLeavesIsNotWorkedFor) {
  Start({"--query.max-concurrency", "1", "--query.max-samples", "500000000", "--memory-budget", "8GiB"});
  const std::string heavy =
      fmt::format("GET /api/v1/query_range?{}&start={}&end={}&step=1 HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n",
                  testing::EncodeForm({{"query", kHeavy}}), kEndMs / 1000 - 10'000, kEndMs / 1000, server_->port());
  EXPECT_EQ(client().Raw(heavy, 300), "") << "not heavy enough to leave from";
  // The only place is free again long before that query could have ended.
  const auto begin = Steady::now();
  EXPECT_EQ(client().Get("/api/v1/query?query=1").status, 200);
  EXPECT_LT(MsSince(begin), 15'000);
}

TEST_F(ProtectionTest, ConcurrencyIsNamed) {
  Start({"--query.max-concurrency", "1", "--query.queue-timeout", "100ms", "--query.max-samples", "500000000",
         "--memory-budget", "8GiB"});
  const std::string heavy = fmt::format("/api/v1/query_range?{}&start={}&end={}&step=1&timeout=4s",
                                        testing::EncodeForm({{"query", kHeavy}}), kEndMs / 1000 - 10'000, kEndMs / 1000);
  std::thread asks([&] { client().Get(heavy); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const HttpAnswer refused = client().Get("/api/v1/query?query=1");
  asks.join();
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_THAT(refused.body, HasSubstr("max_concurrency is 1"));
}

TEST_F(ProtectionTest, WritesGoOnBesideAHeavyQuery) {
  Start({"--query.max-samples", "500000000", "--memory-budget", "8GiB"});
  int64_t t_ms = kEndMs;
  WriteMs(20, t_ms);
  const double alone_ms = WriteMs(200, t_ms);
  std::atomic<bool> ended{false};
  std::thread asks([&] {
    client().Get(fmt::format("/api/v1/query_range?{}&start={}&end={}&step=1&timeout=6s",
                             testing::EncodeForm({{"query", kHeavy}}), kEndMs / 1000 - 10'000, kEndMs / 1000));
    ended = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const double beside_ms = WriteMs(100, t_ms);
  EXPECT_FALSE(ended) << "not heavy enough to measure beside";
  asks.join();
  std::cout << "a write of 50 samples: " << alone_ms << " ms alone, " << beside_ms << " ms beside a heavy query\n";
  // The query has both cores; a write waits for a turn on one of them, and for nothing else.
  EXPECT_LT(beside_ms, 20 * alone_ms + 50);
}

// What is kept of answers must not outlive the samples.
TEST_F(ProtectionTest, KeptAnswersSeeDeletionsAndRetention) {
  Start();
  const std::string query = "sum by (job) (count_over_time(m[5m]))";
  const HttpAnswer first = Range(query, "&stats=all");
  const HttpAnswer kept = Range(query, "&stats=all");
  EXPECT_GT(kept.Json()["data"]["stats"]["storage"]["cachedSteps"].get<int>(), 900) << kept.body.substr(0, 500);
  EXPECT_EQ(first.Json()["data"]["result"], kept.Json()["data"]["result"]);
  const auto same = [&](const char* when) {
    EXPECT_EQ(Range(query).Json()["data"]["result"], Range(query, "&nocache=1").Json()["data"]["result"]) << when;
  };
  const HttpAnswer deleted = client().Post(
      fmt::format("/api/v1/admin/tsdb/delete_series?{}&start={}&end={}", testing::EncodeForm({{"match[]", "m{job=\"api\"}"}}),
                  kStartMs / 1000 + 3'000, kStartMs / 1000 + 6'000),
      "");
  ASSERT_EQ(deleted.status, 204) << deleted.body;
  same("after a deletion");
  EXPECT_NE(Range(query).Json()["data"]["result"], kept.Json()["data"]["result"]);
  ASSERT_EQ(client().Post("/api/v1/admin/seal", "").status, 200);
  same("after a seal");
  // Late samples into the middle, then everything expires but the newest.
  Write({{Labels::Of({{kMetricName, "m"}, {"i", "late"}, {"job", "api"}}), {{kStartMs + 4'000'000, 1}}}});
  same("after a late sample");
  server_.reset();
  // The next samples to expire do so in three seconds: the 401st of each series.
  const int64_t now_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const int64_t retention_ms = now_ms - (kStartMs + 400 * kStepMs - 3'000);
  server_ = std::make_unique<ServerProcess>(dir_ / "data", dir_ / "log",
                                            std::vector<std::string>{"--retention", fmt::format("{}ms", retention_ms)});
  ASSERT_TRUE(server_->started()) << server_->Log();
  const nlohmann::json early = Range(query).Json()["data"]["result"];
  bool changed = false;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(2 * kStepMs);
  while (!changed && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    changed = Range(query).Json()["data"]["result"] != early;
  }
  EXPECT_TRUE(changed) << "samples have expired";
  same("after samples expired");
}

}  // namespace
}  // namespace auspex::server
