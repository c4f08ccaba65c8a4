#include <chrono>
#include <fstream>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "auspex/storage/write_batch.h"
#include "tests/support/remote_write.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

// Debian's Prometheus 2.42 without samples of its own, told to read those of auspexd, is asked what auspexd is asked.

namespace auspex::server {
namespace {

using auspex::testing::ChildProcess;
using auspex::testing::FreePort;
using auspex::testing::HttpClient;
using auspex::testing::RemoteSeries;
using auspex::testing::ServerProcess;
using auspex::testing::TempDir;

TEST(RemoteReadSlowTest, PrometheusAnswersWithOurSamples) {
  const TempDir dir;
  ServerProcess auspex(dir / "auspex", dir / "auspex.log");
  ASSERT_TRUE(auspex.started()) << auspex.Log();
  const int64_t now_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const int64_t end_ms = now_ms / 60'000 * 60'000 - 7'321;  // off the edges of all ranges
  std::vector<RemoteSeries> series;
  for (int s = 0; s < 20; ++s) {
    RemoteSeries one;
    one.labels = Labels::Of({{kMetricName, "m_total"}, {"i", std::to_string(s)}, {"job", s % 2 == 0 ? "api" : "web"}});
    for (int k = 0; k < 300; ++k) one.samples.emplace_back(end_ms - k * 15'000, 1e6 - k * (s + 1));
    std::reverse(one.samples.begin(), one.samples.end());
    series.push_back(std::move(one));
  }
  ASSERT_EQ(auspex.client()
                .Post("/api/v1/write", auspex::testing::RemoteWriteBody(series), auspex::testing::RemoteWriteHeaders())
                .status,
            204);
  ASSERT_EQ(auspex.client().Post("/api/v1/admin/seal", "").status, 200);

  std::ofstream(dir / "prometheus.yml") << fmt::format(
      "global: {{scrape_interval: 1h}}\nremote_read: [{{url: 'http://127.0.0.1:{}/api/v1/read', read_recent: true}}]\n",
      auspex.port());
  const uint16_t port = FreePort();
  ChildProcess prometheus(
      {"/usr/bin/prometheus", "--config.file=" + (dir / "prometheus.yml"), "--storage.tsdb.path=" + (dir / "prometheus"),
       "--web.listen-address=127.0.0.1:" + std::to_string(port)},
      dir / "prometheus.log");
  const HttpClient theirs(port);
  for (int i = 0; i < 600 && theirs.Get("/-/ready").status != 200; ++i) {
    ASSERT_TRUE(prometheus.running()) << prometheus.Log();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  for (const char* query : {"m_total", "sum by (job) (rate(m_total[5m]))", "m_total{i=~\"1.|3\",job!=\"web\"}",
                            "count_over_time(m_total{i=\"7\"}[1h])", "m_total{i=\"none\"}"}) {
    const std::vector<std::pair<std::string, std::string>> form = {{"query", query},
                                                                   {"start", std::to_string(end_ms / 1000 - 3000)},
                                                                   {"end", std::to_string(end_ms / 1000)},
                                                                   {"step", "60"}};
    const auto want = auspex.client().Form("/api/v1/query_range", form);
    const auto got = theirs.Form("/api/v1/query_range", form);
    ASSERT_EQ(got.status, 200) << query << ": " << got.body;
    EXPECT_EQ(got.Json()["data"], want.Json()["data"]) << query;
  }
}

}  // namespace
}  // namespace auspex::server
