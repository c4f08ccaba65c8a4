#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api_error.h"
#include "http_message.h"

namespace auspex::server {

/// What a request may do: the origin rules depend on it.
enum class Access : uint8_t { kRead, kChange };

struct OriginOptions {
  std::string listen_host = "127.0.0.1";
  bool loopback = true;                    ///< listening on this machine only
  std::vector<std::string> allowed_hosts;  ///< further names under which this server is known, without port
  std::vector<std::string> cors_origins;   ///< other origins whose pages may read: "https://grafana.example.org"
};

/// Keeps foreign web pages out. A page in the user's browser can send requests to loopback: its own name may be made to
/// point here (DNS rebinding: the Host header gives that away), or it posts across origins (Origin or Sec-Fetch-Site
/// does). Programs that are not browsers send neither header. Immutable, thread-safe.
class OriginGuard {
 public:
  explicit OriginGuard(OriginOptions options) : options_(std::move(options)) {}

  /// Refuses with 403 (400 without a Host), or sets the CORS headers that the origin may have.
  ApiResult Check(const Request& request, Access access, ResponseWriter& response) const;

 private:
  bool KnownHost(std::string_view host) const;
  bool OwnOrigin(std::string_view origin, std::string_view host_header) const;
  bool ReadingOrigin(std::string_view origin) const;

  const OriginOptions options_;
};

/// "localhost:9292" -> "localhost", "[::1]:80" -> "::1".
std::string_view HostWithoutPort(std::string_view host_header);

}  // namespace auspex::server
