#include "origin_guard.h"

#include <algorithm>

#include <boost/asio/ip/address.hpp>

namespace auspex::server {
namespace {

bool SameText(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

std::string_view HostWithoutPort(std::string_view host_header) {
  if (host_header.starts_with('[')) {
    const size_t close = host_header.find(']');
    return close == std::string_view::npos ? host_header : host_header.substr(1, close - 1);
  }
  return host_header.substr(0, host_header.find(':'));
}

bool OriginGuard::KnownHost(std::string_view host) const {
  const auto same = [&](const std::string& known) { return SameText(known, host); };
  if (same("localhost") || same(std::string(HostWithoutPort(options_.listen_host))) ||
      std::any_of(options_.allowed_hosts.begin(), options_.allowed_hosts.end(), same)) {
    return true;
  }
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string(host), error);
  if (error) return false;
  // An address cannot be rebound. Beyond loopback this machine may have any.
  return address.is_loopback() || !options_.loopback;
}

bool OriginGuard::OwnOrigin(std::string_view origin, std::string_view host_header) const {
  const size_t scheme_end = origin.find("://");
  if (scheme_end == std::string_view::npos) return false;  // "null": a sandboxed or local page
  return SameText(origin.substr(scheme_end + 3), host_header) && KnownHost(HostWithoutPort(host_header));
}

bool OriginGuard::ReadingOrigin(std::string_view origin) const {
  return std::any_of(options_.cors_origins.begin(), options_.cors_origins.end(),
                     [&](const std::string& known) { return known == "*" || SameText(known, origin); });
}

ApiResult OriginGuard::Check(const Request& request, Access access, ResponseWriter& response) const {
  const auto host = request.headers.Find("host");
  if (!host.has_value() || request.headers.All("host").size() != 1) return BadData("request: expected one Host header");
  // Beyond loopback people reach the server under names of their own; allowed_hosts, once given, is the whole list.
  const bool check_host = options_.loopback || !options_.allowed_hosts.empty();
  if (check_host && !KnownHost(HostWithoutPort(*host))) {
    return ApiError{
        403, "forbidden",
        fmt::format("Host \"{}\" is not a name of this server; --http.allowed-hosts adds names", host->substr(0, 200))};
  }

  const std::string_view origin = request.headers.Get("origin");
  const std::string_view fetch_site = request.headers.Get("sec-fetch-site");
  const bool own = origin.empty() ? fetch_site != "cross-site" && fetch_site != "same-site" : OwnOrigin(origin, *host);
  if (own) return std::nullopt;

  response.SetHeader("Vary", "Origin");
  const bool safe_method = request.method == "GET" || request.method == "HEAD";
  if (access == Access::kRead && ReadingOrigin(origin)) {
    response.SetHeader("Access-Control-Allow-Origin", std::string(origin));
    response.SetHeader("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
    response.SetHeader("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin");
    response.SetHeader("Access-Control-Expose-Headers", "Date");
    response.SetHeader("Access-Control-Max-Age", "600");
    return std::nullopt;
  }
  // Without CORS headers the browser keeps the answer of a read from the page.
  if (access == Access::kRead && safe_method) return std::nullopt;
  return ApiError{403, "forbidden",
                  fmt::format("{} from another origin ({}) is refused; --web.cors-origin allows origins to read",
                              request.method, origin.empty() ? fetch_site : origin.substr(0, 200))};
}

}  // namespace auspex::server
