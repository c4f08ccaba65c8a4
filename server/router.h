#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api_error.h"
#include "auspex/storage/base/clock.h"
#include "http_server.h"
#include "origin_guard.h"
#include "server_metrics.h"

namespace auspex::server {

using Handler = std::function<ApiResult(Request&, ResponseWriter&)>;

struct Route {
  std::string method;
  std::string pattern;  ///< "/api/v1/label/{name}/values": a {place} is one segment
  Access access = Access::kRead;
  Workers workers = Workers::kQueries;
  bool form = false;  ///< a POST body of type application/x-www-form-urlencoded holds parameters
  Handler handler;
};

/// From method and path to a handler; checks Host and Origin, undoes forms, counts, and turns whatever goes wrong into
/// an error answer. Immutable once serving, thread-safe.
class Router final : public RequestHandler {
 public:
  Router(OriginOptions origins, ServerMetrics& metrics, const Clock& clock, size_t body_limit_bytes)
      : guard_(std::move(origins)), metrics_(metrics), clock_(clock), body_limit_bytes_(body_limit_bytes) {}

  void Add(Route route);

  Workers WorkersFor(const Request& request) const override;
  void Handle(Request& request, ResponseWriter& response) override;
  void OnRefused(int status) override { metrics_.CountRequest("", status, 0); }

 private:
  struct Entry {
    std::vector<std::string> segments;
    Route route;
  };
  /// Null when the path is unknown or the method does not fit; `allow` gets the methods that the path knows.
  const Route* Find(const Request& request, std::string& allow, std::vector<std::string>& captures) const;
  ApiResult Answer(Request& request, ResponseWriter& response);

  const OriginGuard guard_;
  ServerMetrics& metrics_;
  const Clock& clock_;
  const size_t body_limit_bytes_;
  std::vector<Entry> entries_;
};

}  // namespace auspex::server
