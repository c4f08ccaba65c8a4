#include "content_encoding.h"
#include "json_writer.h"
#include "parameters.h"
#include "routes.h"
#include "value_text.h"

namespace auspex::server {
namespace {

// A line of progress at most this often: enough for a bar, and nothing for the connection.
constexpr int64_t kProgressIntervalNs = 200'000'000;

void WriteQuery(JsonWriter& json, const ContinuousQueryStatus& query) {
  json.BeginObject();
  json.Member("group", query.group);
  json.Member("name", query.name);
  json.Member("kind", query.kind);
  json.Key("interval_seconds");
  json.Number(static_cast<double>(query.interval_ms) / 1000);
  json.Member("health", query.health);
  if (!query.last_error.empty()) json.Member("last_error", query.last_error);
  if (!query.state.empty()) json.Member("state", query.state);
  if (query.last_evaluation_ms) json.Member("last_evaluation", FormatTime(*query.last_evaluation_ms));
  json.Key("last_duration_seconds");
  json.Number(static_cast<double>(query.last_duration_ns) * 1e-9);
  json.Member("evaluations", query.evaluations);
  json.Member("failures", query.failures);
  json.Member("missed_intervals", query.missed_intervals);
  json.Member("warming_up", query.warming_up);
  json.Member("definition", query.definition);
  json.EndObject();
}

/// Those of `group` and `name`; an empty one does not restrict.
ApiResult WriteQueries(Service& service, std::string_view group, std::string_view name, ResponseWriter& response) {
  std::vector<ContinuousQueryStatus> found;
  for (ContinuousQueryStatus& query : service.database().ContinuousQueries()) {
    if ((group.empty() || query.group == group) && (name.empty() || query.name == name)) found.push_back(std::move(query));
  }
  if (found.empty() && !group.empty()) {
    return ApiError{404, "not_found",
                    name.empty() ? fmt::format("group \"{}\" is unknown", group)
                                 : fmt::format("continuous query \"{}\" is unknown in group \"{}\"", name, group)};
  }
  JsonWriter json(response);
  json.BeginSuccess();
  if (!name.empty() && found.size() == 1) {
    WriteQuery(json, found.front());
  } else {
    json.BeginArray();
    for (const ContinuousQueryStatus& query : found) WriteQuery(json, query);
    json.EndArray();
  }
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

ApiResult List(Service& service, Request& /*request*/, ResponseWriter& response) {
  return WriteQueries(service, "", "", response);
}
ApiResult GetGroup(Service& service, Request& request, ResponseWriter& response) {
  return WriteQueries(service, request.captures[0], "", response);
}
ApiResult GetOne(Service& service, Request& request, ResponseWriter& response) {
  return WriteQueries(service, request.captures[0], request.captures[1], response);
}

ApiResult PutFile(Service& service, Request& request, ResponseWriter& response) {
  const auto body = DecodeContent(request.headers.Get("content-encoding"), request.body, service.body_limit_bytes);
  if (!body.ok()) return BodyError(body.status());
  if (const Status put = service.database().PutRuleGroups(*body); !put.ok()) return StoreError(put);
  return WriteQueries(service, "", "", response);
}

ApiResult PutOne(Service& service, Request& request, ResponseWriter& response) {
  const auto body = DecodeContent(request.headers.Get("content-encoding"), request.body, service.body_limit_bytes);
  if (!body.ok()) return BodyError(body.status());
  const Status put = service.database().PutContinuousQuery(request.captures[0], request.captures[1], *body);
  if (!put.ok()) return StoreError(put);
  return WriteQueries(service, request.captures[0], request.captures[1], response);
}

ApiResult Done(const Status& status, ResponseWriter& response) {
  if (!status.ok()) return StoreError(status);
  response.SetHeader("Content-Type", "application/json");
  response.Write(R"({"status":"success"})");
  return std::nullopt;
}

ApiResult DeleteGroup(Service& service, Request& request, ResponseWriter& response) {
  return Done(service.database().DeleteRuleGroup(request.captures[0]), response);
}
ApiResult DeleteOne(Service& service, Request& request, ResponseWriter& response) {
  return Done(service.database().DeleteContinuousQuery(request.captures[0], request.captures[1]), response);
}

void WriteReport(JsonWriter& json, const TickReport& report) {
  json.BeginObject();
  json.Member("groups_evaluated", report.groups_evaluated);
  json.Member("rules_evaluated", report.rules_evaluated);
  json.Member("rules_failed", report.rules_failed);
  json.Member("intervals_missed", report.intervals_missed);
  json.Member("insights_opened", report.insights_opened);
  json.Member("insights_updated", report.insights_updated);
  json.Member("insights_closed", report.insights_closed);
  json.Key("errors");
  json.BeginArray();
  for (const std::string& error : report.errors) json.String(error);
  json.EndArray();
  json.EndObject();
}

/// Progress as lines of JSON, or as server-sent events, while a replay runs.
class ProgressStream {
 public:
  ProgressStream(Service& service, ResponseWriter& response, bool events)
      : clock_(service.clock()), response_(response), events_(events) {}

  /// False: the client has gone.
  bool Report(const ReplayProgress& progress) {
    const int64_t now_ns = clock_.MonotonicNs();
    if (last_ns_ != 0 && now_ns - last_ns_ < kProgressIntervalNs) return alive_;
    last_ns_ = now_ns;
    RecordedResponse line;
    JsonWriter json(line);
    json.BeginObject();
    json.Member("t", FormatTime(progress.t_ms));
    json.Member("evaluations_done", progress.evaluations_done);
    json.Member("evaluations_total", progress.evaluations_total);
    json.EndObject();
    json.Finish();
    Send(line.body());
    return alive_;
  }
  void Send(std::string_view json) {
    alive_ =
        alive_ && response_.Write(events_ ? fmt::format("data: {}\n\n", json) : fmt::format("{}\n", json)) && response_.Flush();
  }

 private:
  const Clock& clock_;
  ResponseWriter& response_;
  const bool events_;
  bool alive_ = true;
  int64_t last_ns_ = 0;
};

std::string ReportJson(const TickReport& report) {
  RecordedResponse body;
  JsonWriter json(body);
  json.BeginSuccess();
  WriteReport(json, report);
  json.EndObject();
  json.Finish();
  return body.body();
}

ApiResult Replay(Service& service, Request& request, ResponseWriter& response) {
  if (auto error = ReadJsonBody(request)) return error;
  int64_t from_ms = 0;
  int64_t to_ms = service.NowMs();
  if (auto error = ReadRequiredTime(request, "from", from_ms)) return error;
  if (auto error = ReadTime(request, "to", to_ms)) return error;
  if (to_ms < from_ms) return BadParameter("to", fmt::format("{} is before from {}", FormatTime(to_ms), FormatTime(from_ms)));
  const std::string& group = request.captures[0];
  const std::string& name = request.captures[1];
  const std::vector<ContinuousQueryStatus> known = service.database().ContinuousQueries();
  if (std::none_of(known.begin(), known.end(), [&](const auto& query) { return query.group == group && query.name == name; })) {
    return ApiError{404, "not_found", fmt::format("continuous query \"{}\" is unknown in group \"{}\"", name, group)};
  }

  const std::string_view accept = request.headers.Get("accept");
  const bool events = accept.find("text/event-stream") != std::string_view::npos;
  const std::string_view wish = request.parameters.Get("progress");
  const bool streaming =
      events || accept.find("application/x-ndjson") != std::string_view::npos || wish == "1" || wish == "true";
  const auto gone = [&] { return request.cancelled != nullptr && request.cancelled->load(std::memory_order_relaxed); };
  if (!streaming) {
    const auto report =
        service.database().Replay(group, name, from_ms, to_ms, [&](const ReplayProgress& /*progress*/) { return !gone(); });
    if (!report.ok()) return StoreError(report.status());
    response.SetHeader("Content-Type", "application/json");
    response.Write(ReportJson(*report));
    return std::nullopt;
  }
  response.SetHeader("Content-Type", events ? "text/event-stream" : "application/x-ndjson");
  response.SetHeader("Cache-Control", "no-store");
  ProgressStream stream(service, response, events);
  const auto report = service.database().Replay(
      group, name, from_ms, to_ms, [&](const ReplayProgress& progress) { return stream.Report(progress) && !gone(); });
  // The status line has left: the last line tells how it ended.
  const ApiError error = report.ok() ? ApiError{} : StoreError(report.status());
  stream.Send(report.ok() ? ReportJson(*report) : ErrorJson(error.type, error.text));
  return std::nullopt;
}

}  // namespace

void AddContinuousQueryRoutes(Router& router, Service& service) {
  const auto add = [&](const char* method, const char* pattern, Access access, ServiceHandler handler, bool form) {
    router.Add({method, pattern, access, Workers::kQueries, form, WithDatabase(service, handler)});
  };
  add("GET", "/api/v1/continuous_queries", Access::kRead, List, false);
  add("PUT", "/api/v1/continuous_queries", Access::kChange, PutFile, false);
  add("GET", "/api/v1/continuous_queries/{group}", Access::kRead, GetGroup, false);
  add("DELETE", "/api/v1/continuous_queries/{group}", Access::kChange, DeleteGroup, false);
  add("GET", "/api/v1/continuous_queries/{group}/{name}", Access::kRead, GetOne, false);
  add("PUT", "/api/v1/continuous_queries/{group}/{name}", Access::kChange, PutOne, false);
  add("DELETE", "/api/v1/continuous_queries/{group}/{name}", Access::kChange, DeleteOne, false);
  add("POST", "/api/v1/continuous_queries/{group}/{name}/replay", Access::kChange, Replay, true);
}

}  // namespace auspex::server
