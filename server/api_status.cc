#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "json_writer.h"
#include "routes.h"

namespace auspex::server {
namespace {

// What clients decide features by: Grafana asks label values the cheap way from 2.24 on, and names may be any UTF-8 since 3.0.
constexpr std::string_view kPrometheusVersion = "3.0.0";

ApiResult Healthy(Service& /*service*/, Request& /*request*/, ResponseWriter& response) {
  response.SetHeader("Content-Type", "application/json");
  response.Write(R"({"status":"success"})");
  return std::nullopt;
}

// WithDatabase answers 503 until then.
ApiResult Ready(Service& service, Request& request, ResponseWriter& response) { return Healthy(service, request, response); }

ApiResult BuildInfo(Service& /*service*/, Request& /*request*/, ResponseWriter& response) {
  JsonWriter json(response);
  json.BeginSuccess();
  json.BeginObject();
  json.Member("version", kPrometheusVersion);
  json.Member("revision", "");
  json.Member("branch", "");
  json.Member("buildUser", "");
  json.Member("buildDate", "");
  json.Member("goVersion", "");
  json.Member("product", "auspex");
  json.Member("productVersion", AUSPEX_VERSION);
  json.EndObject();
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total_pages = 0;
  uint64_t resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return resident_pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

void PrintStore(const StoreStats& stats, std::string& out) {
  const auto print = [&](std::string_view type, std::string_view name, uint64_t value) {
    fmt::format_to(std::back_inserter(out), "# TYPE auspex_{1} {0}\nauspex_{1} {2}\n", type, name, value);
  };
  print("gauge", "storage_series", stats.series_count);
  print("gauge", "storage_head_samples", stats.head_samples_count);
  print("gauge", "storage_head_bytes", stats.head_bytes);
  print("counter", "storage_samples_appended_total", stats.appended_samples);
  print("counter", "storage_samples_rejected_total", stats.rejected_samples);
  print("counter", "storage_samples_too_old_total", stats.too_old_samples);
  print("gauge", "storage_index_bytes", stats.index_bytes);
  print("gauge", "storage_journal_bytes", stats.journal_bytes);
  print("gauge", "storage_hot_blocks", stats.hot_blocks_count);
  print("gauge", "storage_cold_blocks", stats.cold_blocks_count);
  print("gauge", "storage_tombstones", stats.tombstones_count);
  print("gauge", "storage_disk_bytes", stats.disk_bytes);
  print("gauge", "storage_replayed_samples", stats.replayed_samples);
  print("gauge", "storage_read_only", stats.read_only_reason.empty() ? 0 : 1);
}

void PrintRules(const std::vector<ContinuousQueryStatus>& rules, std::string& out) {
  const auto warming = std::count_if(rules.begin(), rules.end(), [](const auto& rule) { return rule.warming_up; });
  fmt::format_to(std::back_inserter(out), "# TYPE auspex_rules gauge\nauspex_rules {}\n", rules.size());
  fmt::format_to(std::back_inserter(out), "# TYPE auspex_warming_up gauge\nauspex_warming_up {}\n", warming);
}

ApiResult Metrics(Service& service, Request& /*request*/, ResponseWriter& response) {
  std::string out;
  fmt::format_to(std::back_inserter(out), "# TYPE auspex_build_info gauge\nauspex_build_info{{version=\"{}\"}} 1\n",
                 AUSPEX_VERSION);
  fmt::format_to(std::back_inserter(out), "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {}\n",
                 static_cast<double>(service.started_ms) / 1000);
  fmt::format_to(std::back_inserter(out), "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {}\n",
                 ResidentBytes());
  service.metrics().Print(out);
  if (service.ready()) {
    PrintStore(service.database().Stats(), out);
    PrintRules(service.database().ContinuousQueries(), out);
  }
  response.SetHeader("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  response.Write(out);
  return std::nullopt;
}

ApiResult Done(const Status& status, ResponseWriter& response) {
  if (!status.ok()) return StoreError(status);
  response.SetHeader("Content-Type", "application/json");
  response.Write(R"({"status":"success"})");
  return std::nullopt;
}

ApiResult Flush(Service& service, Request& /*request*/, ResponseWriter& response) {
  return Done(service.database().Flush(), response);
}
ApiResult Seal(Service& service, Request& /*request*/, ResponseWriter& response) {
  return Done(service.database().Seal(), response);
}

}  // namespace

void AddStatusRoutes(Router& router, Service& service) {
  // The workers of writes: probes and scrapes must not wait behind slow questions.
  router.Add({"GET", "/-/healthy", Access::kRead, Workers::kWrites, false, WithoutDatabase(service, Healthy)});
  router.Add({"GET", "/-/ready", Access::kRead, Workers::kWrites, false, WithDatabase(service, Ready)});
  router.Add({"GET", "/metrics", Access::kRead, Workers::kWrites, false, WithoutDatabase(service, Metrics)});
  router.Add({"GET", "/api/v1/status/buildinfo", Access::kRead, Workers::kWrites, false, WithoutDatabase(service, BuildInfo)});
  router.Add({"POST", "/api/v1/admin/flush", Access::kChange, Workers::kQueries, false, WithDatabase(service, Flush)});
  router.Add({"POST", "/api/v1/admin/seal", Access::kChange, Workers::kQueries, false, WithDatabase(service, Seal)});
}

}  // namespace auspex::server
