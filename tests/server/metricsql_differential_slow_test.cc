#include <chrono>
#include <cmath>
#include <map>
#include <random>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/seed.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

// The same samples go into Debian's VictoriaMetrics and into auspexd, and both are asked what means the same in both. Left out
// is what docs/QUERY.md lists as different (functions that see the sample before the range there), and what version 1.79 does
// not know yet.

namespace auspex::server {
namespace {

using auspex::testing::ChildProcess;
using auspex::testing::FreePort;
using auspex::testing::HttpAnswer;
using auspex::testing::HttpClient;
using auspex::testing::ServerProcess;
using auspex::testing::TempDir;
using nlohmann::json;

constexpr int64_t kScrapeSeconds = 15;
constexpr int kScrapes = 480;  // two hours

/// Replaces every % of a query by a metric.
std::string On(std::string query, std::string_view metric) {
  for (size_t at = query.find('%'); at != std::string::npos; at = query.find('%', at + metric.size())) {
    query.replace(at, 1, metric);
  }
  return query;
}

std::vector<std::string> Templates() {
  std::vector<std::string> out;
  const auto each = [&](const std::vector<std::string>& names, const std::string& form) {
    for (const std::string& name : names) out.push_back(name + form);
  };
  each({"abs", "ceil", "floor", "sqrt", "ln", "log2", "log10", "sgn", "sin", "cos", "atan", "deg", "rad"}, "(%)");
  for (const char* form : {"(%)", "(%) by (host)", "(%) without (host)"}) {
    each({"sum", "min", "max", "avg", "count", "stddev", "stdvar", "group"}, form);
  }
  for (const char* form : {"_over_time(%[5m])", "_over_time(%[7m])"}) {
    each({"avg",  "min",     "max",    "sum",    "count", "median", "range",  "sum2",  "geomean", "distinct", "first",
          "last", "present", "stddev", "stdvar", "tmin",  "tmax",   "tfirst", "tlast", "zscore",  "absent"},
         form);
  }
  each({"count_gt", "count_le", "count_eq", "count_ne", "share_gt", "share_le"}, "_over_time(%[5m], 3)");
  each({"range_first", "range_last", "range_sum", "range_avg", "range_min", "range_max", "range_median", "running_sum",
        "running_avg", "running_min", "running_max", "keep_last_value", "keep_next_value", "interpolate", "drop_common_labels",
        "remove_resets", "absent"},
       "(%)");
  each({"lag", "scrape_interval", "rate_over_sum", "deriv"}, "(%[5m])");
  for (const char* query : {
           "range_quantile(0.3, %)",
           "smooth_exponential(%, 0.3)",
           "quantile_over_time(0.7, %[5m])",
           "quantile(0.7, %)",
           "clamp(%, 1, 3)",
           "clamp_min(%, 2)",
           "clamp_max(%, 2)",
           "round(%, 0.5)",
           "exp(% / 1e7)",
           "% default 3",
           "sum(% > 3) default 0",
           "% > 2",
           "% >bool 2",
           "% if (% > 3)",
           "% ifnot (% > 3)",
           "% offset 5m",
           "sum(%) offset 5m",
           "% * 2Ki + 1.5M",
           "duration_over_time(%[5m], 1m)",
           "histogram_over_time(%[5m])",
           "prometheus_buckets(histogram_over_time(%[5m]))",
           "histogram_quantile(0.9, prometheus_buckets(histogram_over_time(%[5m])))",
           "label_set(%, \"x\", \"y\")",
           "label_keep(%, \"host\")",
           "label_copy(%, \"host\", \"h\")",
           "label_move(%, \"host\", \"h\")",
           "label_map(%, \"host\", \"h0\", \"zero\")",
           "label_transform(%, \"host\", \"h\", \"x\")",
           "label_match(%, \"host\", \"h[01]\")",
           "label_mismatch(%, \"host\", \"h[01]\")",
           "label_uppercase(%, \"host\")",
           "label_lowercase(%, \"host\")",
           "label_value(label_replace(%, \"n\", \"$1\", \"host\", \"h(.)\"), \"n\")",
           "alias(%, \"z\")",
           "label_replace(%, \"a\", \"$1\", \"host\", \"h(.)\")",
           "label_join(%, \"a\", \"-\", \"host\", \"job\")",
           "union(%, sum(%))",
           "bitmap_and(%, 6)",
           "bitmap_or(%, 6)",
           "bitmap_xor(%, 6)",
           "% * on (host) group_left (version) build_info",
           "label_del(label_set(%, \"x\", \"y\"), \"x\", \"room\")",
           "count_values(\"v\", % > 3)",
           "absent(nope{a=\"%\"})",
           "WITH (x = %, twice(y) = y + y) twice(x)",
           "avg_over_time(%[1.5m])",
           "max_over_time(sum(%)[10m:1m])",
           "sum_over_time(%[5i])",
       }) {
    out.push_back(query);
  }
  return out;
}

/// What has several right answers, or depends on the interval of a series, by which VictoriaMetrics ends it.
bool IsUndecided(const std::string& query) {
  const bool ties = query.find("flag") != std::string::npos || query.find("gappy") != std::string::npos;
  if (ties && (query.starts_with("topk") || query.starts_with("bottomk"))) return true;
  return query.find("gappy") != std::string::npos && (query.starts_with("zscore") || query.starts_with("scrape_interval"));
}

/// By labels without the name, which VictoriaMetrics keeps more often: the values by time, NaN left out as it does.
std::map<std::string, std::map<int64_t, double>> PointsOf(const json& answer) {
  std::map<std::string, std::map<int64_t, double>> all;
  for (const json& series : answer["data"]["result"]) {
    json labels = series["metric"];
    labels.erase("__name__");
    std::map<int64_t, double> points;
    for (const json& point : series["values"]) {
      const double value = std::strtod(point[1].get<std::string>().c_str(), nullptr);
      if (!std::isnan(value)) points[std::llround(point[0].get<double>() * 1000)] = value;
    }
    if (!points.empty()) all[labels.dump()] = std::move(points);
  }
  return all;
}

std::string DifferenceOf(const HttpAnswer& want, const HttpAnswer& got) {
  if (want.status != 200) return fmt::format("VictoriaMetrics answers {} {}", want.status, want.body.substr(0, 200));
  if (got.status != 200) return fmt::format("{} {}", got.status, got.body.substr(0, 200));
  const auto a = PointsOf(want.Json());
  const auto b = PointsOf(got.Json());
  for (const auto& [labels, points] : a) {
    const auto same = b.find(labels);
    if (same == b.end()) return "missing: " + labels;
    if (same->second.size() != points.size())
      return fmt::format("{}: {} points of {}", labels, same->second.size(), points.size());
    for (const auto& [t_ms, value] : points) {
      const auto point = same->second.find(t_ms);
      if (point == same->second.end()) return fmt::format("{}: no point at {}", labels, t_ms);
      const double other = point->second;
      if (value == other || std::fabs(value - other) <= 1e-9 * std::max({1.0, std::fabs(value), std::fabs(other)})) continue;
      return fmt::format("{} at {}: {:.17g}, VictoriaMetrics has {:.17g}", labels, t_ms, other, value);
    }
  }
  return a.size() == b.size() ? "" : fmt::format("{} series, VictoriaMetrics has {}", b.size(), a.size());
}

TEST(MetricsqlDifferentialTest, MeansTheSame) {
  TempDir dir;
  const uint16_t port = FreePort();
  ChildProcess victoria({"/usr/bin/victoria-metrics", "-storageDataPath=" + (dir / "victoria"),
                         "-httpListenAddr=127.0.0.1:" + std::to_string(port), "-retentionPeriod=100y",
                         "-search.latencyOffset=0s", "-search.disableCache", "-selfScrapeInterval=0"},
                        dir / "victoria.log");
  ServerProcess auspex(dir / "auspex", dir / "auspex.log");
  ASSERT_TRUE(auspex.started()) << auspex.Log();
  const HttpClient theirs(port);
  const HttpClient ours = auspex.client();
  for (int i = 0; i < 600 && theirs.Get("/health").status != 200; ++i) {
    ASSERT_TRUE(victoria.running()) << "scripts/install has Debian's victoria-metrics package installed\n" << victoria.Log();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }

  const int64_t now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const int64_t begin = now / 3600 * 3600 - 2 * 3600;
  std::mt19937_64 random(auspex::testing::TestSeed());
  std::string body;
  const auto add = [&](const std::string& series, double value, int k) {
    body += fmt::format("{} {} {}\n", series, value, (begin + k * kScrapeSeconds) * 1000);
  };
  for (int h = 0; h < 4; ++h) {
    const std::string host = fmt::format("host=\"h{}\"", h);
    const std::string labels = fmt::format("{},job=\"{}\"", host, h < 2 ? "api" : "db");
    double total = 0;
    double level = 50;
    for (int k = 0; k < kScrapes; ++k) {
      total = h == 1 && (k == 133 || k == 300) ? 2 : total + static_cast<double>(random() % 9);
      level += (static_cast<double>(random() % 7) - 3) * 0.25;
      add(fmt::format("requests_total{{{}}}", labels), total, k);
      add(fmt::format("temp{{{},room=\"r{}\"}}", labels, h % 3), level, k);
      add(fmt::format("free{{{}}}", host), 1e6 - k * 1000 - h * 50, k);
      if (h != 3 || k % 20 < 14) add(fmt::format("gappy{{{}}}", host), k % 7, k);
      add(fmt::format("flag{{{}}}", host), k / (10 + h) % 2, k);
      if (h < 3) add(fmt::format("build_info{{{},version=\"1.{}\",os=\"os{}\"}}", host, h * 5, h % 2), 1, k);
    }
  }
  for (const HttpClient& client : {theirs, ours}) ASSERT_EQ(client.Post("/api/v1/import/prometheus", body).status, 204);
  ASSERT_EQ(theirs.Get("/internal/force_flush").status, 200);

  size_t asked = 0;
  std::string differences;
  for (const char* metric : {"temp", "gappy", "requests_total", "free", "flag"}) {
    for (const std::string& form : Templates()) {
      const std::string query = On(form, metric);
      if (IsUndecided(query)) continue;
      const std::vector<std::pair<std::string, std::string>> fields = {{"query", query},
                                                                       {"start", std::to_string(begin + 3600)},
                                                                       {"end", std::to_string(begin + 5400)},
                                                                       {"step", "60"},
                                                                       {"nocache", "1"}};
      const std::string difference =
          DifferenceOf(theirs.Form("/api/v1/query_range", fields), ours.Form("/api/v1/query_range", fields));
      if (!difference.empty()) differences += fmt::format("{}\n    {}\n", query, difference);
      ++asked;
    }
  }
  EXPECT_GT(asked, 700u);
  EXPECT_EQ(differences, "");
}

}  // namespace
}  // namespace auspex::server
