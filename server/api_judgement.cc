#include "json_writer.h"
#include "parameters.h"
#include "routes.h"
#include "value_text.h"

namespace auspex::server {
namespace {

/// A longer list than this is no longer labelled by people.
constexpr size_t kMostWindows = 100'000;
/// Pairs of sensitivity and hold time of one sweep.
constexpr size_t kMostVariants = 200;

void WriteResult(std::string_view type, std::string_view result, ResponseWriter& response, std::string_view text = {}) {
  JsonWriter json(response);
  json.BeginSuccess();
  json.BeginObject();
  json.Member("resultType", type);
  json.Key("result");
  json.Raw(result);
  if (!text.empty()) json.Member("text", text);
  json.EndObject();
  json.EndObject();
  json.Finish();
}

ApiResult Explain(Service& service, std::string_view query, int64_t time_ms, ResponseWriter& response) {
  const auto found = service.database().ExplainAnomaly(query, time_ms);
  if (!found.ok()) return QueryError(found.status());
  WriteResult("explain_anomaly", analytics::ToJson(*found), response);
  return std::nullopt;
}

ApiResult RunBacktest(Service& service, const BacktestRequest& request, ResponseWriter& response) {
  const auto report = service.database().Backtest(request);
  if (!report.ok()) return StoreError(report.status());
  WriteResult("backtest", analytics::ToJson(*report), response);
  return std::nullopt;
}

ApiResult RunWhatIf(Service& service, const WhatIfRequest& request, ResponseWriter& response) {
  if (std::max<size_t>(1, request.k.size()) * std::max<size_t>(1, request.for_ms.size()) > kMostVariants) {
    return BadData(fmt::format("more than {} pairs of k and for", kMostVariants));
  }
  const auto table = service.database().WhatIf(request);
  if (!table.ok()) return StoreError(table.status());
  WriteResult("whatif", analytics::ToJson(*table), response, analytics::ToText(*table));
  return std::nullopt;
}

ApiResult ExplainAnomaly(Service& service, Request& request, ResponseWriter& response) {
  int64_t time_ms = service.NowMs();
  if (auto error = ReadTime(request, "time", time_ms)) return error;
  return Explain(service, request.parameters.Get("query"), time_ms, response);
}

/// The statement that the parameters stand for: one way to read both.
ApiResult ReadRequest(Service& service, Request& request, WhatIfRequest& out) {
  if (auto error = ReadJsonBody(request)) return error;
  BacktestRequest& backtest = out.backtest;
  backtest.group = request.captures[0];
  backtest.name = request.captures[1];
  backtest.rule = request.parameters.Get("rule");
  backtest.to_ms = service.NowMs();
  if (auto error = ReadTime(request, "to", backtest.to_ms)) return error;
  backtest.from_ms = backtest.to_ms - 30 * int64_t{86'400'000};
  if (auto error = ReadTime(request, "from", backtest.from_ms)) return error;
  if (const std::string_view windows = request.parameters.Get("windows"); !windows.empty()) {
    auto read = analytics::ParseWindows(windows);
    if (!read.ok()) return BadParameter("windows", read.status().message());
    if (read->size() > kMostWindows) return BadParameter("windows", fmt::format("more than {}", kMostWindows));
    backtest.windows = *std::move(read);
  }
  return std::nullopt;
}

ApiResult Backtest(Service& service, Request& request, ResponseWriter& response) {
  WhatIfRequest read;
  if (auto error = ReadRequest(service, request, read)) return error;
  return RunBacktest(service, read.backtest, response);
}

/// "[2, 3]" as a body gives it, "2,3" as a form does: without brackets, quotes and blanks.
std::string PlainList(std::string_view list) {
  std::string out;
  for (const char c : list) {
    if (c != '[' && c != ']' && c != '"' && c != ' ') out += c;
  }
  return out;
}

ApiResult WhatIf(Service& service, Request& request, ResponseWriter& response) {
  WhatIfRequest wanted;
  if (auto error = ReadRequest(service, request, wanted)) return error;
  std::string statement = "WHATIF g/r";
  if (const std::string k = PlainList(request.parameters.Get("k")); !k.empty()) statement += " K " + k;
  if (const std::string hold = PlainList(request.parameters.Get("for")); !hold.empty()) statement += " FOR " + hold;
  const auto lists = analytics::ParseWhatIf(statement, 0);
  if (!lists.ok()) return BadData(std::string(lists.status().message()));
  wanted.k = (*lists)->k;
  wanted.for_ms = (*lists)->for_ms;
  return RunWhatIf(service, wanted, response);
}

}  // namespace

std::optional<ApiResult> AnswerJudgement(Service& service, std::string_view text, int64_t time_ms, ResponseWriter& response) {
  if (text.starts_with("EXPLAIN ANOMALY ")) return Explain(service, text, time_ms, response);
  if (text.starts_with("BACKTEST ")) {
    const auto request = analytics::ParseBacktest(text, time_ms);
    if (!request.ok()) return BadParameter("query", request.status().message());
    return RunBacktest(service, **request, response);
  }
  if (text.starts_with("WHATIF ")) {
    const auto request = analytics::ParseWhatIf(text, time_ms);
    if (!request.ok()) return BadParameter("query", request.status().message());
    return RunWhatIf(service, **request, response);
  }
  return std::nullopt;
}

void AddJudgementRoutes(Router& router, Service& service) {
  const auto add = [&](const char* method, const char* pattern, ServiceHandler handler) {
    router.Add({method, pattern, Access::kRead, Workers::kQueries, true, WithDatabase(service, handler)});
  };
  add("GET", "/api/v1/explain_anomaly", ExplainAnomaly);
  add("POST", "/api/v1/explain_anomaly", ExplainAnomaly);
  add("POST", "/api/v1/continuous_queries/{group}/{name}/backtest", Backtest);
  add("POST", "/api/v1/continuous_queries/{group}/{name}/whatif", WhatIf);
}

}  // namespace auspex::server
