#include <algorithm>
#include <functional>
#include <limits>

#include "json_writer.h"
#include "parameters.h"
#include "routes.h"

namespace auspex::server {
namespace {

/// What the three lists have in common.
struct ListRequest {
  std::vector<SelectRequest> selects;  // one per match[], at least one
  size_t limit = 0;
  /// One more than asked for tells whether something is left out.
  size_t fetch() const { return limit == 0 ? 0 : limit + 1; }
};

ApiResult ReadListRequest(Service& service, const Request& request, ListRequest& out) {
  SelectRequest times;
  std::optional<int64_t> start_ms;
  std::optional<int64_t> end_ms;
  if (auto error = ReadOptionalTime(request, "start", start_ms)) return error;
  if (auto error = ReadOptionalTime(request, "end", end_ms)) return error;
  if (auto error = ReadLimit(request, out.limit)) return error;
  if (start_ms && end_ms && *end_ms < *start_ms) return BadParameter("end", "end timestamp must not be before start time");
  if (start_ms) times.begin_ms = *start_ms;
  if (end_ms && *end_ms < std::numeric_limits<int64_t>::max()) times.end_ms = *end_ms + 1;
  std::vector<std::vector<Matcher>> selectors;
  if (auto error = ReadSelectors(service.database(), request, selectors)) return error;
  for (auto& matchers : selectors) {
    out.selects.push_back(times);
    out.selects.back().matchers = std::move(matchers);
  }
  if (out.selects.empty()) out.selects.push_back(times);
  return std::nullopt;
}

/// The union of what `list` gives for each select, sorted, without repeats.
template <typename Item>
Result<std::vector<Item>> Union(const ListRequest& request,
                                const std::function<Result<std::vector<Item>>(const SelectRequest&)>& list) {
  std::vector<Item> all;
  for (const SelectRequest& select : request.selects) {
    AUSPEX_ASSIGN_OR_RETURN(std::vector<Item> some, list(select));
    all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  if (request.selects.size() > 1) {
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
  }
  return all;
}

template <typename Item, typename Write>
ApiResult WriteList(Result<std::vector<Item>> items, const ListRequest& request, ResponseWriter& response, Write write) {
  if (!items.ok()) return QueryError(items.status());
  const bool truncated = request.limit > 0 && items->size() > request.limit;
  if (truncated) items->resize(request.limit);
  JsonWriter json(response);
  json.BeginSuccess();
  json.BeginArray();
  for (const Item& item : *items) write(json, item);
  json.EndArray();
  if (truncated) json.Key("warnings"), json.Raw(R"(["results truncated due to limit"])");
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

ApiResult LabelNames(Service& service, Request& request, ResponseWriter& response) {
  ListRequest list;
  if (auto error = ReadListRequest(service, request, list)) return error;
  const SeriesStore& store = service.database().store();
  return WriteList(
      Union<std::string>(list, [&](const SelectRequest& select) { return store.LabelNames(select, list.fetch()); }), list,
      response, [](JsonWriter& json, const std::string& name) { json.String(name); });
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void AppendUtf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xc0 | code >> 6));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | code >> 12));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xf0 | code >> 18));
    out.push_back(static_cast<char>(0x80 | (code >> 12 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  }
}

/// "U__http_2e_status" -> "http.status": Prometheus' way of naming any label within a URL. A name that does not follow
/// its rules stands for itself.
std::string UnescapeLabelName(std::string_view name) {
  if (!name.starts_with("U__")) return std::string(name);
  std::string out;
  for (size_t i = 3; i < name.size(); ++i) {
    if (name[i] != '_') {
      out.push_back(name[i]);
      continue;
    }
    ++i;
    if (i < name.size() && name[i] == '_') {
      out.push_back('_');
      continue;
    }
    uint32_t code = 0;
    size_t digits = 0;
    for (; i < name.size() && name[i] != '_'; ++i, ++digits) {
      if (HexValue(name[i]) < 0 || digits == 6) return std::string(name);
      code = code * 16 + static_cast<uint32_t>(HexValue(name[i]));
    }
    if (i >= name.size() || digits == 0 || code > 0x10ffff) return std::string(name);
    AppendUtf8(out, code);
  }
  return out;
}

ApiResult LabelValues(Service& service, Request& request, ResponseWriter& response) {
  const std::string name = UnescapeLabelName(request.captures[0]);
  if (!IsUtf8(name)) return BadData("invalid label name: not UTF-8");
  ListRequest list;
  if (auto error = ReadListRequest(service, request, list)) return error;
  const SeriesStore& store = service.database().store();
  return WriteList(
      Union<std::string>(list, [&](const SelectRequest& select) { return store.LabelValues(name, select, list.fetch()); }),
      list, response, [](JsonWriter& json, const std::string& value) { json.String(value); });
}

ApiResult Series(Service& service, Request& request, ResponseWriter& response) {
  if (request.parameters.All("match[]").empty()) return BadData("no match[] parameter provided");
  ListRequest list;
  if (auto error = ReadListRequest(service, request, list)) return error;
  const SeriesStore& store = service.database().store();
  return WriteList(Union<Labels>(list, [&](const SelectRequest& select) { return store.Series(select, list.fetch()); }), list,
                   response, [](JsonWriter& json, const Labels& labels) { json.LabelObject(labels); });
}

}  // namespace

void AddSeriesRoutes(Router& router, Service& service) {
  for (const char* method : {"GET", "POST"}) {
    router.Add({method, "/api/v1/labels", Access::kRead, Workers::kQueries, true, WithDatabase(service, LabelNames)});
    router.Add({method, "/api/v1/series", Access::kRead, Workers::kQueries, true, WithDatabase(service, Series)});
  }
  router.Add(
      {"GET", "/api/v1/label/{name}/values", Access::kRead, Workers::kQueries, false, WithDatabase(service, LabelValues)});
}

}  // namespace auspex::server
