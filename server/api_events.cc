#include <limits>

#include <simdjson.h>

#include "content_encoding.h"
#include "json_writer.h"
#include "parameters.h"
#include "routes.h"

namespace auspex::server {
namespace {

constexpr size_t kMaxEvents = 10'000;  // of one request

/// A single event, a list of them, or {"events":[...]}.
Result<std::vector<Event>> ReadEvents(const std::string& body) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.parse(simdjson::padded_string(body)).get(root)) {
    return InvalidArgument("body: not JSON: {}", simdjson::error_message(error));
  }
  simdjson::dom::array list;
  if (root.get(list) != simdjson::SUCCESS && root["events"].get(list) != simdjson::SUCCESS) {
    AUSPEX_ASSIGN_OR_RETURN(Event event, analytics::EventFromJson(body));
    return std::vector<Event>{std::move(event)};
  }
  std::vector<Event> events;
  for (const simdjson::dom::element element : list) {
    if (events.size() == kMaxEvents) return InvalidArgument("body: more than {} events", kMaxEvents);
    auto event = analytics::EventFromJson(simdjson::minify(element));
    if (!event.ok()) return InvalidArgument("event {}: {}", events.size(), event.status().message());
    events.push_back(std::move(event).value());
  }
  return events;
}

ApiResult Add(Service& service, Request& request, ResponseWriter& response) {
  const auto body = DecodeContent(request.headers.Get("content-encoding"), request.body, service.body_limit_bytes);
  if (!body.ok()) return BodyError(body.status());
  auto events = ReadEvents(*body);
  if (!events.ok()) return StoreError(events.status());
  const auto ids = service.database().AddEvents(std::move(events).value());
  if (!ids.ok()) return StoreError(ids.status());
  JsonWriter json(response);
  json.BeginSuccess();
  json.BeginObject();
  json.Key("ids");
  json.BeginArray();
  for (const std::string& id : *ids) json.String(id);
  json.EndArray();
  json.EndObject();
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

ApiResult List(Service& service, Request& request, ResponseWriter& response) {
  int64_t begin_ms = std::numeric_limits<int64_t>::min();
  int64_t end_ms = std::numeric_limits<int64_t>::max();
  size_t limit = 0;
  if (auto error = ReadTime(request, "start", begin_ms)) return error;
  if (auto error = ReadTime(request, "end", end_ms)) return error;
  if (end_ms < begin_ms) return BadParameter("end", "end timestamp must not be before start time");
  if (auto error = ReadLimit(request, limit)) return error;
  std::vector<std::vector<Matcher>> selectors;
  if (auto error = ReadSelectors(service.database(), request, selectors)) return error;
  std::vector<Matcher> matchers;
  for (auto& selector : selectors) matchers.insert(matchers.end(), selector.begin(), selector.end());
  const auto events = service.database().Events(begin_ms, end_ms, matchers, limit);
  if (!events.ok()) return StoreError(events.status());
  JsonWriter json(response);
  json.BeginSuccess();
  json.BeginArray();
  for (const Event& event : *events) json.Raw(ToJson(event));
  json.EndArray();
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

}  // namespace

void AddEventRoutes(Router& router, Service& service) {
  router.Add({"POST", "/api/v1/events", Access::kChange, Workers::kWrites, false, WithDatabase(service, Add)});
  router.Add({"GET", "/api/v1/events", Access::kRead, Workers::kQueries, false, WithDatabase(service, List)});
}

}  // namespace auspex::server
