#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <limits>
#include <map>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auspex/storage/write_batch.h"
#include "tests/support/remote_write.h"
#include "tests/support/seed.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"
#include "tests/support/typed_query.h"

// The same samples go by remote write into Debian's Prometheus 2.42 and into auspexd, then both are asked the same
// questions: with compat=2 on samples that lie on the edges of ranges, and without it on samples that lie off all of them,
// where Prometheus 2 and 3 mean the same.

namespace auspex::server {
namespace {

using auspex::testing::ChildProcess;
using auspex::testing::FreePort;
using auspex::testing::HttpAnswer;
using auspex::testing::HttpClient;
using auspex::testing::RemoteSeries;
using auspex::testing::ServerProcess;
using auspex::testing::TempDir;
using nlohmann::json;

constexpr int64_t kScrapeMs = 15'000;
constexpr int kScrapes = 200;  // 50 minutes
constexpr double kRelativeTolerance = 1e-12;
constexpr double kAbsoluteTolerance = 1e-15;  // a slope of zero, with sums taken from another origin in time
const double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::numeric_limits<double>::quiet_NaN();

/// A value for scrape k, or "no sample".
using ValueOf = std::function<std::optional<double>(int k)>;

/// Every function and operator of Prometheus 2.42's language.
const std::vector<std::string>& Queries() {
  static const std::vector<std::string> queries = {
      // Selectors and modifiers.
      "requests_total",
      "requests_total{job=\"api\"}",
      "requests_total{job!=\"api\",code=~\"2..|4..\"}",
      "requests_total{code!~\"5..\"}",
      "{__name__=~\"mem.*\"}",
      "{__name__=\"temperature\",room=\"\"}",
      "requests_total{missing=\"\"}",
      "requests_total offset 3m",
      "requests_total offset -90s",
      "temperature @ end()",
      "temperature @ start()",
      "rate(requests_total[2m] offset 1m30s)",
      "requests_total{job=\"none\"}",
      "mem_bytes{instance=~\".*-1\"}",
      "ended",
      "marked",
      "gappy",
      "special",
      // Literals and scalars.
      "1",
      "-1.5e3",
      "0x1F",
      "Inf",
      "-Inf",
      "NaN",
      "1 + 2 * 3 ^ 2 ^ 0.5 % 4 - -1",
      "7 % -4",
      "-7 % 4",
      "5 > bool 3",
      "5 == bool 5.0",
      "\"text\"",
      "time()",
      "pi()",
      "vector(3)",
      "scalar(requests_total{job=\"api\",code=\"200\",instance=\"api-0\"})",
      "scalar(requests_total)",
      "1 atan2 2",
      "vector(time())",
      "-(2 ^ 2)",
      "-2 ^ 2",
      "2 ^ 3 ^ 2",
      // Rates and counters.
      "rate(requests_total[1m])",
      "rate(requests_total[5m])",
      "irate(requests_total[2m])",
      "increase(requests_total[5m])",
      "increase(requests_total[37s])",
      "delta(temperature[4m])",
      "idelta(temperature[1m])",
      "deriv(temperature[5m])",
      "resets(requests_total[20m])",
      "changes(stepped[20m])",
      "changes(special[10m])",
      "rate(gappy[3m])",
      "rate(marked[2m])",
      "rate(requests_total[15s])",
      "increase(ended[10m])",
      "predict_linear(temperature[5m], 3600)",
      "predict_linear(mem_bytes[10m], -60)",
      "holt_winters(temperature[5m], 0.3, 0.6)",
      // Over time.
      "avg_over_time(temperature[3m])",
      "min_over_time(temperature[3m])",
      "max_over_time(temperature[3m])",
      "sum_over_time(temperature[3m])",
      "count_over_time(gappy[5m])",
      "quantile_over_time(0.9, temperature[5m])",
      "quantile_over_time(2, temperature[5m])",
      "quantile_over_time(-1, temperature[5m])",
      "quantile_over_time(0.37, mem_bytes[7m])",
      "stddev_over_time(temperature[5m])",
      "stdvar_over_time(mem_bytes[5m])",
      "last_over_time(ended[20m])",
      "present_over_time(gappy[1m])",
      "absent_over_time(nothing{a=\"b\"}[5m])",
      "absent_over_time(temperature[5m])",
      "avg_over_time(special[3m])",
      "sum_over_time(special[3m])",
      "max_over_time(special[3m])",
      "min_over_time(special[3m])",
      "stddev_over_time(special[3m])",
      "quantile_over_time(0.5, special[3m])",
      "count_over_time(marked[10m])",
      "timestamp(temperature)",
      "timestamp(gappy)",
      "timestamp(temperature offset 1m)",
      "timestamp(vector(1))",
      // Subqueries.
      "max_over_time(rate(requests_total[1m])[5m:30s])",
      "avg_over_time(temperature[5m:45s])",
      "sum_over_time(temperature[3m:])",
      "min_over_time((temperature * 2)[4m:20s] offset 1m)",
      "count_over_time(vector(1)[5m:30s])",
      "rate(requests_total[5m:30s])",
      "quantile_over_time(0.5, (sum by (job) (rate(requests_total[1m])))[10m:1m])",
      "last_over_time(temperature[2m:30s] @ end())",
      "deriv(rate(requests_total{code=\"200\"}[1m])[5m:30s])",
      // Arithmetic between vectors.
      "temperature + 1",
      "2 * temperature",
      "temperature / temperature",
      "temperature % 3",
      "temperature ^ 2",
      "-temperature",
      "+temperature",
      "mem_bytes / on (instance) mem_limit_bytes",
      "mem_bytes / ignoring (kind) mem_limit_bytes",
      "mem_bytes - on (job, instance) mem_limit_bytes",
      "requests_total * on (job) group_left (version) build_info",
      "build_info * on (job) group_right (version) requests_total",
      "requests_total * on (job) group_left build_info",
      "sum by (job) (requests_total) / ignoring (version) group_left sum by (job) (requests_total)",
      "sum by (room) (temperature atan2 on () group_left vector(2))",
      "temperature * 0 / 0",
      "temperature / 0",
      "1 / (temperature - temperature)",
      // Comparisons.
      "temperature > 20",
      "20 < temperature",
      "temperature > bool 20",
      "temperature == 21.5",
      "temperature != bool 21.5",
      "temperature >= bool scalar(vector(20))",
      "mem_bytes > on (instance) (mem_limit_bytes / 2)",
      "mem_bytes < bool on (instance) (mem_limit_bytes / 2)",
      "special == special",
      "special > 0",
      "requests_total > on (job) group_left () (sum by (job) (requests_total) / 10)",
      "special != special",
      "temperature <= 22",
      // Sets.
      "requests_total and on (job) build_info{version=\"1.2\"}",
      "requests_total or temperature",
      "requests_total unless on (job) build_info{version=\"1.2\"}",
      "requests_total{code=\"200\"} and requests_total",
      "requests_total{code=\"200\"} or requests_total{code=\"500\"}",
      "temperature or on () vector(1)",
      "vector(1) or on () temperature",
      "requests_total unless requests_total{code=\"200\"}",
      "temperature > 21 and temperature < 25 or temperature > 30",
      "requests_total and ignoring (code) requests_total{code=\"500\"}",
      // Aggregations.
      "sum(requests_total)",
      "sum by (job) (requests_total)",
      "sum without (instance) (requests_total)",
      "sum by (job, code) (rate(requests_total[5m]))",
      "avg(temperature)",
      "avg by (room) (temperature)",
      "min by (job) (requests_total)",
      "max without (code, instance) (requests_total)",
      "count(requests_total)",
      "count by (code) (requests_total)",
      "group by (job) (requests_total)",
      "stddev(temperature)",
      "stdvar by (job) (requests_total)",
      "topk(3, requests_total)",
      "bottomk(2, requests_total)",
      "topk by (job) (1, requests_total)",
      "bottomk(0, requests_total)",
      "topk(100, temperature)",
      "quantile(0.9, requests_total)",
      "quantile by (job) (0.5, requests_total)",
      "quantile(1.5, temperature)",
      "quantile(NaN, temperature)",
      "count_values(\"v\", stepped)",
      "count_values by (job) (\"version_seen\", build_info)",
      "sum(special)",
      "max(special)",
      "min(special)",
      "avg(special)",
      "sum by (nothing) (requests_total)",
      "sum(nothing)",
      "count(nothing)",
      "sum(sum by (job) (requests_total))",
      "topk(2, special)",
      // Functions of a vector.
      "abs(temperature - 22)",
      "ceil(temperature)",
      "floor(temperature)",
      "round(temperature)",
      "round(temperature, 0.25)",
      "round(-temperature, 5)",
      "exp(temperature / 10)",
      "ln(temperature)",
      "log2(temperature)",
      "log10(temperature)",
      "sqrt(temperature)",
      "sgn(temperature - 22)",
      "ln(temperature - 22)",
      "sqrt(temperature - 22)",
      "clamp(temperature, 20, 23)",
      "clamp_min(temperature, 21)",
      "clamp_max(temperature, 22)",
      "clamp(temperature, 23, 20)",
      "sin(temperature)",
      "cos(temperature)",
      "tan(temperature)",
      "asin(temperature / 100)",
      "acos(temperature / 100)",
      "atan(temperature)",
      "sinh(temperature / 10)",
      "cosh(temperature / 10)",
      "tanh(temperature / 10)",
      "asinh(temperature)",
      "acosh(temperature)",
      "atanh(temperature / 100)",
      "deg(temperature)",
      "rad(temperature)",
      "absent(nothing)",
      "absent(nothing{a=\"b\",c=~\"d\"})",
      "absent(temperature)",
      "absent(sum(nothing))",
      "sort(requests_total)",
      "sort_desc(requests_total)",
      "vector(scalar(vector(4)))",
      "label_replace(requests_total, \"host\", \"$1-x\", \"instance\", \"(.*)-.*\")",
      "label_replace(requests_total, \"job\", \"\", \"code\", \"200\")",
      "label_replace(requests_total, \"new\", \"v\", \"missing\", \"\")",
      "label_join(requests_total, \"both\", \"/\", \"job\", \"code\")",
      "label_join(requests_total, \"none\", \"-\")",
      "label_replace(temperature, \"__name__\", \"renamed\", \"\", \"\")",
      // Dates.
      "minute()",
      "hour()",
      "day_of_week()",
      "day_of_month()",
      "day_of_year()",
      "days_in_month()",
      "month()",
      "year()",
      "minute(stamp)",
      "hour(stamp)",
      "day_of_week(stamp)",
      "day_of_month(stamp)",
      "day_of_year(stamp)",
      "days_in_month(stamp)",
      "month(stamp)",
      "year(stamp)",
      "hour(vector(1e9))",
      // Histograms.
      "histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket[5m])))",
      "histogram_quantile(0.5, rate(latency_seconds_bucket[5m]))",
      "histogram_quantile(0.99, latency_seconds_bucket)",
      "histogram_quantile(0, latency_seconds_bucket)",
      "histogram_quantile(1, latency_seconds_bucket)",
      "histogram_quantile(1.1, latency_seconds_bucket)",
      "histogram_quantile(-0.1, latency_seconds_bucket)",
      "histogram_quantile(NaN, latency_seconds_bucket)",
      "histogram_quantile(0.9, latency_seconds_bucket{le!=\"+Inf\"})",
      "histogram_quantile(0.9, temperature)",
      "histogram_quantile(0.75, sum by (job, le) (increase(latency_seconds_bucket[10m])))",
      "rate(latency_seconds_sum[5m]) / rate(latency_seconds_count[5m])",
      // What people write.
      "sum by (job) (rate(requests_total{code=~\"5..\"}[5m])) / sum by (job) (rate(requests_total[5m]))",
      "100 * (1 - avg by (instance) (rate(requests_total{code=\"200\"}[5m])))",
      "max by (job) (mem_bytes) / min by (job) (mem_bytes) > 1",
      "(temperature - avg_over_time(temperature[10m])) / stddev_over_time(temperature[10m])",
      "sum(rate(requests_total[1m])) by (job) > bool 1",
      "abs(delta(temperature[5m])) > 0.1 or absent(temperature)",
      "topk(1, sum by (instance) (rate(requests_total[5m])))",
      "count(count by (instance) (requests_total))",
      // Errors: the class must agree.
      "sum(",
      "requests_total{",
      "nope(requests_total)",
      "sum(requests_total[5m])",
      "requests_total[5m] + 1",
      "1 + \"a\"",
      "requests_total and 1",
      "topk(requests_total)",
      "label_replace(requests_total, \"\", \"x\", \"y\", \"z\")",
      "label_replace(requests_total, \"a\", \"x\", \"y\", \"(\")",
      "requests_total{a=~\"(\"}",
      "requests_total + on (job) build_info * on () temperature",
      "mem_bytes + on (job) mem_limit_bytes",
      "requests_total * on (job) group_left mem_bytes",
      "count_values(\"\", stepped)",
      "1 and 2",
      "vector(1) == 1 bool",
      "requests_total offset",
      "requests_total[5m:",
      "{}",
      "{a=\"\"}",
      "sum by (job) requests_total)",
      "histogram_quantile(0.9)",
      "label_replace(requests_total, \"instance\", \"same\", \"\", \"\")",
      "{__name__=~\"mem.*\"} * 1",
      "time() offset 5m",
      "\"a\" + \"b\"",
  };
  return queries;
}

std::vector<RemoteSeries> MakeSeries(int64_t begin_ms) {
  std::vector<RemoteSeries> all;
  const auto add = [&](std::initializer_list<LabelView> labels, const ValueOf& value) {
    RemoteSeries series{Labels::Of(labels), {}};
    for (int k = 0; k < kScrapes; ++k) {
      if (const auto v = value(k)) series.samples.emplace_back(begin_ms + k * kScrapeMs, *v);
    }
    all.push_back(std::move(series));
  };
  int n = 0;
  for (const std::string job : {"api", "web"}) {
    for (const std::string& instance : {job + "-0", job + "-1"}) {
      for (const std::string code : {"200", "404", "500"}) {
        ++n;
        // A restart of one instance, later of the other.
        const int restart = 60 + 7 * n;
        add({{"__name__", "requests_total"}, {"job", job}, {"instance", instance}, {"code", code}}, [=](int k) {
          return std::floor((k < restart ? k + 20 : k - restart) * (1.7 + 0.9 * n) + 3 * std::sin(k * 0.1 * n)) +
                 (k < restart ? 9 : 4) + 0.001 * n;  // the fraction: no two series are ever equal, ties have no defined order
        });
      }
      add({{"__name__", "mem_bytes"}, {"job", job}, {"instance", instance}, {"kind", "used"}},
          [=](int k) { return 1e9 + n * 3e7 + 1e7 * std::sin(k * 0.07 + n) + 12345.678 * k; });
      add({{"__name__", "mem_limit_bytes"}, {"job", job}, {"instance", instance}}, [=](int /*k*/) { return 2e9 + n * 1e8; });
    }
    add({{"__name__", "build_info"}, {"job", job}, {"version", job == "api" ? "1.2" : "2.0"}}, [](int /*k*/) { return 1; });
  }
  for (const std::string room : {"attic", "cellar", "hall"}) {
    ++n;
    add({{"__name__", "temperature"}, {"room", room}},
        [=](int k) { return 21.5 + n * 0.37 - 5 + 3.1 * std::sin(k * 0.05 * (n - 10)) + 0.01 * (k % 7); });
  }
  add({{"__name__", "temperature"}}, [](int k) { return 24.25 + 0.5 * (k % 3); });
  add({{"__name__", "gappy"}}, [](int k) { return k % 40 < 12 ? std::optional<double>(k * 2.5) : std::nullopt; });
  add({{"__name__", "marked"}, {"a", "1"}}, [](int k) { return k % 25 == 20 ? StaleMarker() : k * 1.5; });
  add({{"__name__", "ended"}, {"a", "1"}}, [](int k) {
    return k < 150 ? std::optional<double>(k * 3) : k == 150 ? std::optional(StaleMarker()) : std::nullopt;
  });
  add({{"__name__", "ended"}, {"a", "2"}}, [](int k) { return k < 150 ? std::optional<double>(k * 4) : std::nullopt; });
  add({{"__name__", "special"}, {"kind", "inf"}}, [](int k) { return k % 5 == 0 ? kInf : k; });
  add({{"__name__", "special"}, {"kind", "mixed"}}, [](int k) {
    return k % 6 == 0 ? kInf : k % 6 == 3 ? -kInf : k % 6 == 1 ? kNan : -k;
  });
  add({{"__name__", "special"}, {"kind", "nan"}}, [](int k) { return k % 4 == 0 ? kNan : k + 0.25; });
  add({{"__name__", "special"}, {"kind", "negative"}}, [](int k) { return -k - 0.5; });
  add({{"__name__", "stamp"}, {"of", "leap"}}, [](int k) { return 1'709'164'800.0 + k * 3601; });
  add({{"__name__", "stamp"}, {"of", "old"}}, [](int k) { return -86'400.0 * 200 + k * 86'399; });
  add({{"__name__", "stepped"}, {"job", "api"}}, [](int k) { return k / 30; });
  add({{"__name__", "stepped"}, {"job", "web"}}, [](int k) { return k / 50 + 0.5; });
  for (const std::string job : {"api", "web"}) {
    const double scale = job == "api" ? 1 : 2.5;
    double share = 0;
    for (const std::string le : {"0.05", "0.1", "0.5", "1", "5", "+Inf"}) {
      share += job == "api" ? 0.17 : 0.15;
      const double upto = le == "+Inf" ? 1 : std::min(share, 0.97);
      add({{"__name__", "latency_seconds_bucket"}, {"job", job}, {"le", le}},
          [=](int k) { return std::floor(scale * k * k * 0.3 * upto + upto * 100 * k); });
    }
    add({{"__name__", "latency_seconds_count"}, {"job", job}},
        [=](int k) { return std::floor(scale * k * k * 0.3 + 100 * k); });
    add({{"__name__", "latency_seconds_sum"}, {"job", job}}, [=](int k) { return scale * k * k * 0.11 + 31.7 * k; });
  }
  // By labels: Prometheus answers instant selectors in the order in which it first saw the series.
  std::sort(all.begin(), all.end(), [](const RemoteSeries& a, const RemoteSeries& b) { return a.labels < b.labels; });
  return all;
}

double NumberOf(const json& text) {
  const std::string value = text.get<std::string>();
  if (value == "NaN") return kNan;
  if (value == "+Inf") return kInf;
  if (value == "-Inf") return -kInf;
  return std::stod(value);
}

bool SameValue(const json& a, const json& b) {
  const double x = NumberOf(a);
  const double y = NumberOf(b);
  if (std::isnan(x) || std::isnan(y)) return std::isnan(x) && std::isnan(y);
  if (std::isinf(x) || std::isinf(y) || x == y) return x == y;
  return std::fabs(x - y) <= std::max(kAbsoluteTolerance, kRelativeTolerance * std::max(std::fabs(x), std::fabs(y)));
}

/// "" when both say the same, else the first difference.
std::string DifferenceOfPoints(const json& want, const json& got) {
  if (want.size() != got.size()) return fmt::format("{} points, Prometheus has {}", got.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    if (std::fabs(want[i][0].get<double>() - got[i][0].get<double>()) > 5e-4 || !SameValue(want[i][1], got[i][1])) {
      return fmt::format("point {}: {}, Prometheus has {}", i, got[i].dump(), want[i].dump());
    }
  }
  return "";
}

std::string DifferenceOf(const HttpAnswer& want_answer, const HttpAnswer& got_answer) {
  const json want = want_answer.Json();
  const json got = got_answer.Json();
  if (!want.is_object() || !got.is_object()) return "an answer is not JSON: " + got_answer.body.substr(0, 300);
  if (want["status"] == "error" || got["status"] == "error") {
    if (want["status"] == got["status"] && want["errorType"] == got["errorType"] && want_answer.status == got_answer.status)
      return "";
    return fmt::format("{} {}, Prometheus answers {} {}", got_answer.status, got_answer.body.substr(0, 300), want_answer.status,
                       want_answer.body.substr(0, 300));
  }
  const json& a = want["data"];
  const json& b = got["data"];
  if (a["resultType"] != b["resultType"])
    return fmt::format("type {}, Prometheus has {}", b["resultType"].dump(), a["resultType"].dump());
  if (a["resultType"] == "string") return a["result"] == b["result"] ? "" : b["result"].dump();
  if (a["resultType"] == "scalar") return DifferenceOfPoints(json::array({a["result"]}), json::array({b["result"]}));
  const json& series_a = a["result"];
  const json& series_b = b["result"];
  if (series_a.size() != series_b.size()) {
    return fmt::format("{} series, Prometheus has {}: {} ... {}", series_b.size(), series_a.size(),
                       series_b.dump().substr(0, 300), series_a.dump().substr(0, 300));
  }
  for (size_t i = 0; i < series_a.size(); ++i) {
    if (series_a[i]["metric"] != series_b[i]["metric"]) {
      return fmt::format("series {}: {}, Prometheus has {}", i, series_b[i]["metric"].dump(), series_a[i]["metric"].dump());
    }
    const bool vector = a["resultType"] == "vector";
    const std::string difference =
        vector ? DifferenceOfPoints(json::array({series_a[i]["value"]}), json::array({series_b[i]["value"]}))
               : DifferenceOfPoints(series_a[i]["values"], series_b[i]["values"]);
    if (!difference.empty()) return fmt::format("series {} {}: {}", i, series_a[i]["metric"].dump(), difference);
  }
  return "";
}

/// How Prometheus orders an instant vector is its own business, except where the query asks for an order.
void SortUnlessOrdered(const std::string& query, HttpAnswer& answer) {
  for (const char* ordered : {"sort(", "sort_desc(", "topk(", "bottomk("}) {
    if (query.starts_with(ordered)) return;
  }
  json body = answer.Json();
  if (!body.is_object() || !body.contains("data") || !body["data"].is_object() ||
      body["data"].value("resultType", "") != "vector")
    return;
  auto& result = body["data"]["result"];
  std::sort(result.begin(), result.end(), [](const json& a, const json& b) { return a["metric"] < b["metric"]; });
  answer.body = body.dump();
}

class PrometheusDifferentialTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(dir_ / "prometheus.yml") << "global: {scrape_interval: 1h}\n";
    prometheus_port_ = FreePort();
    prometheus_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{
            "/usr/bin/prometheus", "--config.file=" + (dir_ / "prometheus.yml"), "--storage.tsdb.path=" + (dir_ / "prometheus"),
            "--web.listen-address=127.0.0.1:" + std::to_string(prometheus_port_), "--web.enable-remote-write-receiver"},
        dir_ / "prometheus.log");
    auspex_ = std::make_unique<ServerProcess>(dir_ / "auspex", dir_ / "auspex.log");
    ASSERT_TRUE(auspex_->started()) << auspex_->Log();
    const HttpClient http(prometheus_port_);
    for (int i = 0; i < 600 && http.Get("/-/ready").status != 200; ++i) {
      ASSERT_TRUE(prometheus_->running()) << "scripts/install has Debian's prometheus package installed\n"
                                          << prometheus_->Log();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ASSERT_EQ(http.Get("/-/ready").status, 200) << prometheus_->Log();
  }

  /// Loads series that start at `begin_ms`, and compares every query at `end_ms` and over the 40 minutes before.
  void Compare(int64_t begin_ms, int64_t end_ms, bool compat2) {
    const std::vector<RemoteSeries> series = MakeSeries(begin_ms);
    const std::string body = auspex::testing::RemoteWriteBody(series);
    const HttpClient theirs(prometheus_port_);
    const HttpClient ours = auspex_->client();
    const HttpAnswer written = theirs.Post("/api/v1/write", body, auspex::testing::RemoteWriteHeaders());
    ASSERT_EQ(written.status, 204) << written.body;
    ASSERT_EQ(ours.Post("/api/v1/write", body, auspex::testing::RemoteWriteHeaders()).status, 204);

    const auto seconds = [](int64_t t_ms) { return fmt::format("{}.{:03}", t_ms / 1000, t_ms % 1000); };
    size_t differing = 0;
    std::string differences;
    for (const std::string& query : Queries()) {
      for (const bool range : {false, true}) {
        std::vector<std::pair<std::string, std::string>> form = {{"query", query}};
        if (range) {
          form.insert(form.end(), {{"start", seconds(end_ms - 40 * 60'000)}, {"end", seconds(end_ms)}, {"step", "60"}});
        } else {
          form.emplace_back("time", seconds(end_ms));
        }
        const std::string path = range ? "/api/v1/query_range" : "/api/v1/query";
        HttpAnswer want = theirs.Form(path, form);
        if (compat2) form.emplace_back("compat", "2");
        HttpAnswer got = ours.Form(path, form);
        SortUnlessOrdered(query, want);
        SortUnlessOrdered(query, got);
        const std::string difference = DifferenceOf(want, got);
        if (difference.empty()) continue;
        ++differing;
        differences += fmt::format("{} {}\n    {}\n", range ? "range  " : "instant", query, difference);
      }
    }
    EXPECT_EQ(differing, 0u) << "of " << 2 * Queries().size() << " answers\n" << differences;
  }

  /// Answers of both to one query, "" when they agree. What cancels out may differ by what its terms are rounded to.
  std::string CompareGenerated(const std::string& query, bool range, int64_t begin_ms, int64_t end_ms) {
    const auto seconds = [](int64_t t_ms) { return fmt::format("{}.{:03}", t_ms / 1000, t_ms % 1000); };
    std::vector<std::pair<std::string, std::string>> form = {{"query", query}};
    if (range) {
      form.insert(form.end(), {{"start", seconds(begin_ms)}, {"end", seconds(end_ms)}, {"step", "60"}});
    } else {
      form.emplace_back("time", seconds(end_ms));
    }
    const std::string path = range ? "/api/v1/query_range" : "/api/v1/query";
    const HttpAnswer want = HttpClient(prometheus_port_).Form(path, form);
    form.emplace_back("compat", "2");
    const HttpAnswer got = auspex_->client().Form(path, form);
    return DifferenceOfSets(want.Json(), got.Json());
  }

  static std::string DifferenceOfSets(const json& want, const json& got) {
    if (want["status"] != got["status"])
      return got.dump().substr(0, 300) + ", Prometheus answers " + want.dump().substr(0, 300);
    if (want["status"] == "error") return "";
    const auto points_of = [](const json& answer) {
      std::map<std::string, std::map<int64_t, double>> all;
      const json& data = answer["data"];
      if (data["resultType"] == "scalar") {
        all[""][0] = NumberOf(data["result"][1]);
        return all;
      }
      for (const json& series : data["result"]) {
        auto& points = all[series["metric"].dump()];
        for (const json& point : series.contains("value") ? json::array({series["value"]}) : series["values"]) {
          points[std::llround(point[0].get<double>() * 1000)] = NumberOf(point[1]);
        }
      }
      return all;
    };
    const auto a = points_of(want);
    const auto b = points_of(got);
    if (a.size() != b.size()) return fmt::format("{} series, Prometheus has {}", b.size(), a.size());
    for (const auto& [labels, points] : a) {
      const auto same = b.find(labels);
      if (same == b.end()) return "missing: " + labels;
      if (same->second.size() != points.size())
        return fmt::format("{}: {} points of {}", labels, same->second.size(), points.size());
      for (const auto& [t_ms, value] : points) {
        const auto point = same->second.find(t_ms);
        if (point == same->second.end()) return fmt::format("{}: no point at {}", labels, t_ms);
        const double other = point->second;
        if (std::isnan(value) != std::isnan(other))
          return fmt::format("{} at {}: {}, Prometheus has {}", labels, t_ms, other, value);
        if (std::isnan(value) || value == other) continue;
        if (!(std::fabs(value - other) <= 1e-9 * std::max({std::fabs(value), std::fabs(other), 1e3}))) {
          return fmt::format("{} at {}: {:.17g}, Prometheus has {:.17g}", labels, t_ms, other, value);
        }
      }
    }
    return "";
  }

  /// A multiple of a quarter of an hour that has just passed: Prometheus takes only samples near its newest one.
  static int64_t Base() {
    const int64_t now_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    return now_ms / 900'000 * 900'000;
  }

  TempDir dir_;
  uint16_t prometheus_port_ = 0;
  std::unique_ptr<ChildProcess> prometheus_;
  std::unique_ptr<ServerProcess> auspex_;
};

TEST_F(PrometheusDifferentialTest, Compat2OnTheEdgesOfRanges) {
  const int64_t base_ms = Base();
  Compare(base_ms - kScrapes * kScrapeMs, base_ms - 30'000, true);
}

TEST_F(PrometheusDifferentialTest, GeneratedQueriesWithCompat2) {
  constexpr int kQueries = 1500;
  const uint64_t seed = auspex::testing::TestSeed();
  const int64_t end_ms = Base() - 30'000;
  const int64_t begin_ms = end_ms - 120 * kScrapeMs;
  std::vector<RemoteSeries> all;
  for (const auto& [labels, samples] : auspex::testing::TypedQueryData(seed, begin_ms, 120)) {
    RemoteSeries series{labels, {}};
    series.samples.assign(samples.begin(), samples.end());
    all.push_back(std::move(series));
  }
  const std::string body = auspex::testing::RemoteWriteBody(all);
  ASSERT_EQ(HttpClient(prometheus_port_).Post("/api/v1/write", body, auspex::testing::RemoteWriteHeaders()).status, 204);
  ASSERT_EQ(auspex_->client().Post("/api/v1/write", body, auspex::testing::RemoteWriteHeaders()).status, 204);
  auspex::testing::TypedQuery generator(seed, {.prometheus_2 = true});
  size_t differing = 0;
  std::string differences;
  for (int i = 0; i < kQueries; ++i) {
    const std::string query = generator.Any(1 + i % 4);
    // Over a range, Prometheus 2.42 moves the window of predict_linear away from the time that `@` gives it.
    if (i % 2 == 1 && query.find("predict_linear") != std::string::npos && query.find(" @ ") != std::string::npos) continue;
    const std::string difference = CompareGenerated(query, i % 2 == 1, end_ms - 600'000, end_ms - i % 7 * 5'000);
    if (difference.empty()) continue;
    ++differing;
    differences += query + "\n    " + difference + "\n";
  }
  EXPECT_EQ(differing, 0u) << "of " << kQueries << " answers\n" << differences.substr(0, 20'000);
}

TEST_F(PrometheusDifferentialTest, OffTheEdgesOfRanges) {
  const int64_t base_ms = Base();
  // Samples 7.321 s after a multiple of the steps, questions 3 s after one: no range or subquery edge meets a sample.
  Compare(base_ms - kScrapes * kScrapeMs + 7'321, base_ms - 30'000 + 3'000, false);
}

}  // namespace
}  // namespace auspex::server
