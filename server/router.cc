#include "router.h"

#include <exception>

#include "content_encoding.h"

namespace auspex::server {
namespace {

std::vector<std::string> Split(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return segments;
}

bool IsPlace(std::string_view segment) { return segment.starts_with('{'); }

bool IsForm(std::string_view content_type) { return content_type.starts_with("application/x-www-form-urlencoded"); }

}  // namespace

void Router::Add(Route route) {
  Entry entry{Split(route.pattern), std::move(route)};
  entries_.push_back(std::move(entry));
}

const Route* Router::Find(const Request& request, std::string& allow, std::vector<std::string>& captures) const {
  const std::vector<std::string> segments = Split(request.path);
  const std::string_view method = request.method == "HEAD" ? std::string_view("GET") : std::string_view(request.method);
  for (const Entry& entry : entries_) {
    if (entry.segments.size() != segments.size()) continue;
    std::vector<std::string> taken;
    bool matches = true;
    for (size_t i = 0; matches && i < segments.size(); ++i) {
      if (IsPlace(entry.segments[i])) {
        taken.push_back(PercentDecode(segments[i], false));
        matches = !taken.back().empty();
      } else {
        matches = segments[i] == entry.segments[i];
      }
    }
    if (!matches) continue;
    if (entry.route.method == method) {
      captures = std::move(taken);
      return &entry.route;
    }
    if (allow.find(entry.route.method) != std::string::npos) continue;
    if (!allow.empty()) allow += ", ";
    allow += entry.route.method;
  }
  return nullptr;
}

Workers Router::WorkersFor(const Request& request) const {
  std::string allow;
  std::vector<std::string> captures;
  const Route* route = Find(request, allow, captures);
  return route == nullptr ? Workers::kWrites : route->workers;
}

void Router::Handle(Request& request, ResponseWriter& response) {
  const int64_t begin_ns = clock_.MonotonicNs();
  ApiResult error;
  try {
    error = Answer(request, response);
  } catch (const std::exception& thrown) {
    error = ApiError{500, "internal", thrown.what()};
  }
  if (error.has_value()) {
    response.Abandon();
    if (!response.started()) WriteError(response, *error);
  }
  metrics_.CountRequest(request.pattern, response.status(), clock_.MonotonicNs() - begin_ns);
}

ApiResult Router::Answer(Request& request, ResponseWriter& response) {
  std::string allow;
  const Route* route = Find(request, allow, request.captures);
  if (route == nullptr && request.method == "OPTIONS" && !allow.empty()) {
    // A preflight asks for what it wants to do next; everything but a read from a configured origin is refused here.
    const std::string_view wanted = request.headers.Get("access-control-request-method");
    Request asked = request;
    if (!wanted.empty()) asked.method = std::string(wanted);
    const Route* asked_route = Find(asked, allow, request.captures);
    const Access access = asked_route == nullptr ? Access::kChange : asked_route->access;
    asked.method = "OPTIONS";
    if (auto error = guard_.Check(asked, access, response)) return error;
    response.SetStatus(204);
    response.SetHeader("Allow", allow + ", OPTIONS");
    return std::nullopt;
  }
  if (auto error = guard_.Check(request, route == nullptr ? Access::kRead : route->access, response)) return error;
  if (route == nullptr && !allow.empty()) {
    response.SetHeader("Allow", allow + ", OPTIONS");
    return ApiError{405, "bad_data",
                    fmt::format("{} {}: method not allowed, expected {}", request.method.substr(0, 20),
                                request.path.substr(0, 200), allow)};
  }
  if (route == nullptr) return ApiError{404, "not_found", fmt::format("path \"{}\" is unknown", request.path.substr(0, 200))};

  request.pattern = route->pattern;
  if (route->form && request.method == "POST" && IsForm(request.headers.Get("content-type"))) {
    const auto body = DecodeContent(request.headers.Get("content-encoding"), request.body, body_limit_bytes_);
    if (!body.ok()) return BodyError(body.status());
    Fields merged;
    if (const Status parsed = ParseForm(*body, merged); !parsed.ok()) return BadData("form: " + parsed.message());
    for (const auto& field : request.parameters) merged.Add(field.first, field.second);
    request.parameters = std::move(merged);
  }
  return route->handler(request, response);
}

}  // namespace auspex::server
