#include "parameters.h"

#include <algorithm>

#include <simdjson.h>

#include "value_text.h"

namespace auspex::server {

ApiResult ReadOptionalTime(const Request& request, std::string_view name, std::optional<int64_t>& out) {
  const std::string_view text = request.parameters.Get(name);
  if (text.empty()) return std::nullopt;
  const auto time = ParseTimeMs(text);
  if (!time.ok()) return BadParameter(name, time.status().message());
  out = *time;
  return std::nullopt;
}

ApiResult ReadTime(const Request& request, std::string_view name, int64_t& out) {
  std::optional<int64_t> time;
  if (auto error = ReadOptionalTime(request, name, time)) return error;
  out = time.value_or(out);
  return std::nullopt;
}

ApiResult ReadRequiredTime(const Request& request, std::string_view name, int64_t& out) {
  const auto time = ParseTimeMs(request.parameters.Get(name));
  if (!time.ok()) return BadParameter(name, time.status().message());
  out = *time;
  return std::nullopt;
}

ApiResult ReadDuration(const Request& request, std::string_view name, int64_t& out) {
  const std::string_view text = request.parameters.Get(name);
  if (text.empty()) return std::nullopt;
  const auto duration = ParseDurationMs(text);
  if (!duration.ok()) return BadParameter(name, duration.status().message());
  out = *duration;
  return std::nullopt;
}

ApiResult ReadLimit(const Request& request, size_t& out) {
  const std::string_view text = request.parameters.Get("limit");
  if (text.empty()) return std::nullopt;
  const auto limit = ParseUint64(text);
  if (!limit.has_value())
    return BadParameter("limit", fmt::format("found \"{}\", expected a number that is not negative", text));
  out = *limit;
  return std::nullopt;
}

ApiResult ReadSelectors(Database& database, const Request& request, std::vector<std::vector<Matcher>>& out) {
  for (const std::string_view text : request.parameters.All("match[]")) {
    auto matchers = database.ParseSelector(text);
    if (!matchers.ok()) return BadParameter("match[]", matchers.status().message());
    if (std::all_of(matchers->begin(), matchers->end(), [](const Matcher& matcher) { return matcher.MatchesEmpty(); })) {
      return BadParameter("match[]", "match[] must contain at least one non-empty matcher");
    }
    out.push_back(std::move(matchers).value());
  }
  return std::nullopt;
}

ApiResult ReadJsonBody(Request& request) {
  if (!request.headers.Get("content-type").starts_with("application/json") || request.body.empty()) return std::nullopt;
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (const auto error = parser.parse(simdjson::padded_string(request.body)).get(object)) {
    return BadData(fmt::format("body: expected a JSON object: {}", simdjson::error_message(error)));
  }
  for (const auto field : object) {
    std::string_view text;
    const bool quoted = field.value.get(text) == simdjson::SUCCESS;
    request.parameters.Add(std::string(field.key), quoted ? std::string(text) : simdjson::minify(field.value));
  }
  return std::nullopt;
}

}  // namespace auspex::server
