#include <limits>

#include "json_writer.h"
#include "parameters.h"
#include "routes.h"
#include "value_text.h"

namespace auspex::server {
namespace {

/// -1 when absent: no limit. 0 is a limit of none, as in Prometheus.
ApiResult ReadSignedLimit(const Request& request, std::string_view name, int64_t& out) {
  const std::string_view text = request.parameters.Get(name);
  if (text.empty()) return std::nullopt;
  const auto limit = ParseInt64(text);
  if (!limit.has_value()) return BadData(fmt::format("{} must be a number", name));
  out = *limit;
  return std::nullopt;
}

ApiResult Metadata(Service& service, Request& request, ResponseWriter& response) {
  int64_t limit = -1;
  int64_t limit_per_metric = -1;
  if (auto error = ReadSignedLimit(request, "limit", limit)) return error;
  // One is kept of each metric, so any limit above zero lets it through; Prometheus takes 0 for none.
  if (auto error = ReadSignedLimit(request, "limit_per_metric", limit_per_metric)) return error;
  std::vector<MetricMetadata> found;
  if (limit != 0) {
    auto metadata = service.database().Metadata(request.parameters.Get("metric"), limit > 0 ? static_cast<size_t>(limit) : 0);
    if (!metadata.ok()) return StoreError(metadata.status());
    found = *std::move(metadata);
  }
  JsonWriter json(response);
  json.BeginSuccess();
  json.BeginObject();
  for (const MetricMetadata& metadata : found) {
    json.Key(metadata.metric);
    json.BeginArray();
    json.BeginObject();
    json.Member("type", metadata.type);
    json.Member("help", metadata.help);
    json.Member("unit", metadata.unit);
    json.EndObject();
    json.EndArray();
  }
  json.EndObject();
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

void WriteExemplar(JsonWriter& json, const Exemplar& exemplar) {
  std::string number;
  json.BeginObject();
  json.Key("labels");
  json.LabelObject(exemplar.labels);
  AppendSampleValue(number, exemplar.value);
  json.Member("value", number);
  number.clear();
  AppendSeconds(number, exemplar.t_ms);
  json.Key("timestamp");
  json.Raw(number);
  json.EndObject();
}

ApiResult QueryExemplars(Service& service, Request& request, ResponseWriter& response) {
  int64_t begin_ms = std::numeric_limits<int64_t>::min();
  int64_t end_ms = std::numeric_limits<int64_t>::max();
  if (auto error = ReadTime(request, "start", begin_ms)) return error;
  if (auto error = ReadTime(request, "end", end_ms)) return error;
  if (end_ms < begin_ms) return BadData("end timestamp must not be before start timestamp");
  const auto found = service.database().Exemplars(request.parameters.Get("query"), begin_ms, end_ms);
  if (!found.ok()) return QueryError(found.status());
  JsonWriter json(response);
  json.BeginSuccess();
  json.BeginArray();
  for (const SeriesExemplars& series : *found) {
    json.BeginObject();
    json.Key("seriesLabels");
    json.LabelObject(series.series);
    json.Key("exemplars");
    json.BeginArray();
    for (const Exemplar& exemplar : series.exemplars) WriteExemplar(json, exemplar);
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

}  // namespace

void AddMetadataRoutes(Router& router, Service& service) {
  router.Add({"GET", "/api/v1/metadata", Access::kRead, Workers::kQueries, false, WithDatabase(service, Metadata)});
  for (const char* method : {"GET", "POST"}) {
    router.Add(
        {method, "/api/v1/query_exemplars", Access::kRead, Workers::kQueries, true, WithDatabase(service, QueryExemplars)});
  }
}

}  // namespace auspex::server
