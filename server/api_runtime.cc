#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>

#include "json_writer.h"
#include "parameters.h"
#include "routes.h"
#include "value_text.h"

namespace auspex::server {
namespace {

// Nothing is scraped and nobody is notified yet: the lists are there, and empty.
ApiResult Targets(Service& /*service*/, Request& /*request*/, ResponseWriter& response) {
  response.SetHeader("Content-Type", "application/json");
  response.Write(R"({"status":"success","data":{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":{}}})");
  return std::nullopt;
}
ApiResult TargetsMetadata(Service& /*service*/, Request& /*request*/, ResponseWriter& response) {
  response.SetHeader("Content-Type", "application/json");
  response.Write(R"({"status":"success","data":[]})");
  return std::nullopt;
}
ApiResult ScrapePools(Service& /*service*/, Request& /*request*/, ResponseWriter& response) {
  JsonWriter json(response);
  json.BeginSuccess();
  json.BeginObject();
  json.Key("scrapePools");
  json.BeginArray();
  json.EndArray();
  json.EndObject();
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

ApiResult Alertmanagers(Service& /*service*/, Request& /*request*/, ResponseWriter& response) {
  response.SetHeader("Content-Type", "application/json");
  response.Write(R"({"status":"success","data":{"activeAlertmanagers":[],"droppedAlertmanagers":[]}})");
  return std::nullopt;
}

// What Prometheus would have in its file, as far as it is here: the rest is in the flags.
ApiResult ConfigStatus(Service& service, Request& /*request*/, ResponseWriter& response) {
  std::string yaml = "global:\n  scrape_interval: 1m\n  scrape_timeout: 10s\n  evaluation_interval: 1m\n";
  const auto rules = service.flags.find("rules");
  if (rules != service.flags.end() && !rules->second.empty()) {
    yaml += "rule_files:\n";
    for (size_t begin = 0; begin < rules->second.size();) {
      const size_t end = std::min(rules->second.find(',', begin), rules->second.size());
      yaml += "- " + rules->second.substr(begin, end - begin) + "\n";
      begin = end + 1;
    }
  }
  JsonWriter json(response);
  json.BeginSuccess();
  json.BeginObject();
  json.Member("yaml", yaml);
  json.EndObject();
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

ApiResult Flags(Service& service, Request& /*request*/, ResponseWriter& response) {
  JsonWriter json(response);
  json.BeginSuccess();
  json.BeginObject();
  for (const auto& [name, value] : service.flags) json.Member(name, value);
  json.EndObject();
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

ApiResult RuntimeInfo(Service& service, Request& /*request*/, ResponseWriter& response) {
  std::array<char, 4096> directory{};
  const char* cwd = getcwd(directory.data(), directory.size());
  const auto retention = service.flags.find("retention");
  JsonWriter json(response);
  json.BeginSuccess();
  json.BeginObject();
  json.Member("startTime", FormatTime(service.started_ms));
  json.Member("CWD", cwd == nullptr ? std::string() : std::string(cwd));
  json.Member("reloadConfigSuccess", true);
  json.Member("lastConfigTime", FormatTime(service.started_ms));
  json.Member("corruptionCount", int64_t{0});
  json.Member("goroutineCount", int64_t{0});
  json.Member("GOMAXPROCS", static_cast<int64_t>(sysconf(_SC_NPROCESSORS_ONLN)));
  json.Member("GOMEMLIMIT", int64_t{0});
  json.Member("GOGC", "");
  json.Member("GODEBUG", "");
  json.Member("storageRetention", retention == service.flags.end() ? std::string("0") : retention->second);
  json.EndObject();
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

using Counted = std::vector<std::pair<std::string, uint64_t>>;

void WriteTop(JsonWriter& json, std::string_view key, Counted counted, size_t limit) {
  std::stable_sort(counted.begin(), counted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  if (counted.size() > limit) counted.resize(limit);
  json.Key(key);
  json.BeginArray();
  for (const auto& [name, count] : counted) {
    json.BeginObject();
    json.Member("name", name);
    json.Member("value", count);
    json.EndObject();
  }
  json.EndArray();
}

/// What takes most of the index, counted over the series with samples in the last hours.
struct Cardinality {
  std::map<std::string, uint64_t, std::less<>> series_by_metric;
  std::map<std::string, uint64_t, std::less<>> series_by_pair;
  std::map<std::string, std::map<std::string, uint64_t, std::less<>>, std::less<>> bytes_by_value;  // of label -> value
};

// More series than this are not looked at one by one.
constexpr size_t kMostSeries = 200'000;
constexpr int64_t kRecentMs = 3 * 3'600'000;

Cardinality Count(const std::vector<Labels>& all) {
  Cardinality out;
  for (const Labels& labels : all) {
    ++out.series_by_metric[std::string(labels.MetricName())];
    for (const LabelView pair : labels) {
      ++out.series_by_pair[fmt::format("{}={}", pair.name, pair.value)];
      out.bytes_by_value[std::string(pair.name)][std::string(pair.value)] = pair.value.size();
    }
  }
  return out;
}

Counted ListOf(const std::map<std::string, uint64_t, std::less<>>& counts) { return Counted(counts.begin(), counts.end()); }

ApiResult Tsdb(Service& service, Request& request, ResponseWriter& response) {
  size_t limit = 10;
  if (auto error = ReadLimit(request, limit)) return error;
  if (limit == 0) limit = 10;
  const StoreStats stats = service.database().Stats();
  SelectRequest recent;
  recent.begin_ms = service.NowMs() - kRecentMs;
  const auto series = service.database().store().Series(recent, kMostSeries);
  if (!series.ok()) return QueryError(series.status());
  const Cardinality counts = Count(*series);
  Counted values;
  Counted bytes;
  for (const auto& [name, by_value] : counts.bytes_by_value) {
    uint64_t total = 0;
    for (const auto& [value, size] : by_value) total += size;
    values.emplace_back(name, by_value.size());
    bytes.emplace_back(name, total);
  }
  JsonWriter json(response);
  json.BeginSuccess();
  json.BeginObject();
  json.Key("headStats");
  json.BeginObject();
  json.Member("numSeries", stats.series_count);
  json.Member("numLabelPairs", static_cast<uint64_t>(counts.series_by_pair.size()));
  json.Member("chunkCount", stats.hot_blocks_count + stats.cold_blocks_count);
  json.Member("minTime", recent.begin_ms);
  json.Member("maxTime", service.NowMs());
  json.EndObject();
  WriteTop(json, "seriesCountByMetricName", ListOf(counts.series_by_metric), limit);
  WriteTop(json, "labelValueCountByLabelName", std::move(values), limit);
  WriteTop(json, "memoryInBytesByLabelName", std::move(bytes), limit);
  WriteTop(json, "seriesCountByLabelValuePair", ListOf(counts.series_by_pair), limit);
  json.EndObject();
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

}  // namespace

void AddRuntimeRoutes(Router& router, Service& service) {
  const auto add = [&](const char* path, ServiceHandler handler) {
    router.Add({"GET", path, Access::kRead, Workers::kQueries, false, WithoutDatabase(service, handler)});
  };
  add("/api/v1/targets", Targets);
  add("/api/v1/scrape_pools", ScrapePools);
  add("/api/v1/targets/metadata", TargetsMetadata);
  add("/api/v1/alertmanagers", Alertmanagers);
  add("/api/v1/status/config", ConfigStatus);
  add("/api/v1/status/flags", Flags);
  add("/api/v1/status/runtimeinfo", RuntimeInfo);
  router.Add({"GET", "/api/v1/status/tsdb", Access::kRead, Workers::kQueries, false, WithDatabase(service, Tsdb)});
}

}  // namespace auspex::server
