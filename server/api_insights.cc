#include "json_writer.h"
#include "parameters.h"
#include "routes.h"

namespace auspex::server {
namespace {

using analytics::InsightStatus;
using analytics::InsightType;
using analytics::Severity;

/// Sets `out` to the one of `choices` whose name the parameter has, in any case.
template <typename Enum>
ApiResult ReadName(const Request& request, std::string_view parameter, std::initializer_list<Enum> choices,
                   std::optional<Enum>& out) {
  const std::string_view text = request.parameters.Get(parameter);
  if (text.empty()) return std::nullopt;
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  std::string known;
  for (const Enum choice : choices) {
    if (analytics::Name(choice) == upper) {
      out = choice;
      return std::nullopt;
    }
    known += (known.empty() ? "" : ", ") + std::string(analytics::Name(choice));
  }
  return BadParameter(parameter, fmt::format("found \"{}\", expected one of {}", text, known));
}

void WriteInsights(const std::vector<Insight>& insights, ResponseWriter& response) {
  JsonWriter json(response);
  json.BeginSuccess();
  json.BeginArray();
  for (const Insight& insight : insights) json.Raw(ToJson(insight));
  json.EndArray();
  json.EndObject();
  json.Finish();
}

ApiResult List(Service& service, Request& request, ResponseWriter& response) {
  InsightFilter filter;
  if (auto error = ReadName(request, "type", {InsightType::kReactive, InsightType::kProactive}, filter.type)) return error;
  if (auto error = ReadName(request, "status", {InsightStatus::kOngoing, InsightStatus::kClosed}, filter.status)) return error;
  if (auto error = ReadName(request, "severity", {Severity::kLow, Severity::kMedium, Severity::kHigh}, filter.min_severity)) {
    return error;
  }
  filter.group = std::string(request.parameters.Get("group"));
  filter.cq = std::string(request.parameters.Get("cq"));
  if (auto error = ReadOptionalTime(request, "start", filter.begin_ms)) return error;
  if (auto error = ReadOptionalTime(request, "end", filter.end_ms)) return error;
  if (filter.begin_ms && filter.end_ms && *filter.end_ms < *filter.begin_ms) {
    return BadParameter("end", "end timestamp must not be before start time");
  }
  if (auto error = ReadOptionalTime(request, "at", filter.known_at_ms)) return error;
  if (auto error = ReadLimit(request, filter.limit)) return error;
  std::vector<std::vector<Matcher>> selectors;
  if (auto error = ReadSelectors(service.database(), request, selectors)) return error;
  for (auto& matchers : selectors) {
    filter.matchers.insert(filter.matchers.end(), matchers.begin(), matchers.end());
  }
  const auto insights = service.database().Insights(filter);
  if (!insights.ok()) return StoreError(insights.status());
  WriteInsights(*insights, response);
  return std::nullopt;
}

ApiResult GetOne(Service& service, Request& request, ResponseWriter& response) {
  std::optional<int64_t> known_at_ms;
  if (auto error = ReadOptionalTime(request, "at", known_at_ms)) return error;
  const auto insight = service.database().GetInsight(request.captures[0], known_at_ms);
  if (!insight.ok()) return StoreError(insight.status());
  JsonWriter json(response);
  json.BeginSuccess();
  json.Raw(ToJson(*insight));
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

ApiResult Revisions(Service& service, Request& request, ResponseWriter& response) {
  const auto revisions = service.database().InsightRevisions(request.captures[0]);
  if (!revisions.ok()) return StoreError(revisions.status());
  WriteInsights(*revisions, response);
  return std::nullopt;
}

}  // namespace

void AddInsightRoutes(Router& router, Service& service) {
  const auto add = [&](const char* pattern, ServiceHandler handler) {
    router.Add({"GET", pattern, Access::kRead, Workers::kQueries, false, WithDatabase(service, handler)});
  };
  add("/api/v1/insights", List);
  add("/api/v1/insights/{id}", GetOne);
  add("/api/v1/insights/{id}/revisions", Revisions);
}

}  // namespace auspex::server
