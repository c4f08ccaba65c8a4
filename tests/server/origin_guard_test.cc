#include "server/origin_guard.h"

#include <gtest/gtest.h>

namespace auspex::server {
namespace {

struct Case {
  std::string method;
  Access access;
  std::string host;
  std::string origin;
  std::string fetch_site;
  int want;  // 0: let through
};

int Check(const OriginGuard& guard, const Case& item, RecordedResponse& response) {
  Request request;
  request.method = item.method;
  if (!item.host.empty()) request.headers.Add("host", item.host);
  if (!item.origin.empty()) request.headers.Add("origin", item.origin);
  if (!item.fetch_site.empty()) request.headers.Add("sec-fetch-site", item.fetch_site);
  const ApiResult error = guard.Check(request, item.access, response);
  return error.has_value() ? error->http_status : 0;
}

TEST(OriginGuardTest, OnLoopback) {
  const OriginGuard guard({.listen_host = "127.0.0.1",
                           .loopback = true,
                           .allowed_hosts = {"metrics.internal"},
                           .cors_origins = {"https://grafana.example.org"}});
  const std::string own = "127.0.0.1:9292";
  const Case cases[] = {
      // Programs that are not browsers.
      {"POST", Access::kChange, own, "", "", 0},
      {"DELETE", Access::kChange, "localhost:9292", "", "", 0},
      {"GET", Access::kRead, "[::1]:9292", "", "", 0},
      {"GET", Access::kRead, "LocalHost", "", "", 0},
      {"POST", Access::kChange, "metrics.internal:9292", "", "", 0},
      // A name that somebody else made point here.
      {"GET", Access::kRead, "evil.example.com:9292", "", "", 403},
      {"POST", Access::kChange, "evil.example.com", "", "", 403},
      {"GET", Access::kRead, "192.168.1.7:9292", "", "", 403},
      {"GET", Access::kRead, "127.0.0.1.evil.com", "", "", 403},
      {"GET", Access::kRead, "", "", "", 400},
      // Our own page.
      {"POST", Access::kChange, own, "http://127.0.0.1:9292", "same-origin", 0},
      {"DELETE", Access::kChange, "localhost:9292", "http://localhost:9292", "", 0},
      // Other pages, also of another port here.
      {"POST", Access::kChange, own, "http://evil.example.com", "", 403},
      {"POST", Access::kChange, own, "http://127.0.0.1:3000", "", 403},
      {"PUT", Access::kChange, own, "http://localhost:9292", "", 403},
      {"DELETE", Access::kChange, own, "null", "", 403},
      {"POST", Access::kChange, own, "https://grafana.example.org", "", 403},
      {"POST", Access::kChange, own, "", "cross-site", 403},
      {"POST", Access::kChange, own, "", "same-site", 403},
      {"POST", Access::kChange, own, "", "none", 0},
      {"POST", Access::kRead, own, "http://evil.example.com", "", 403},
      {"GET", Access::kRead, own, "http://evil.example.com", "", 0},  // without CORS headers
      {"POST", Access::kRead, own, "https://grafana.example.org", "", 0},
      {"GET", Access::kRead, own, "https://grafana.example.org", "", 0},
  };
  for (const Case& item : cases) {
    RecordedResponse response;
    EXPECT_EQ(Check(guard, item, response), item.want)
        << item.method << " host " << item.host << " origin " << item.origin << " " << item.fetch_site;
    const bool cors = item.want == 0 && item.origin == "https://grafana.example.org";
    EXPECT_EQ(response.headers().Get("Access-Control-Allow-Origin"), cors ? item.origin : "") << item.origin;
  }
}

TEST(OriginGuardTest, BeyondLoopback) {
  const OriginGuard open({.listen_host = "0.0.0.0", .loopback = false, .allowed_hosts = {}, .cors_origins = {}});
  RecordedResponse response;
  EXPECT_EQ(Check(open, {"POST", Access::kChange, "metrics.lan:9292", "", "", 0}, response), 0);
  EXPECT_EQ(Check(open, {"POST", Access::kChange, "10.0.0.5:9292", "http://10.0.0.5:9292", "", 0}, response), 0);
  // Same origin to the browser, but a name that was never said to be ours.
  EXPECT_EQ(Check(open, {"POST", Access::kChange, "evil.com:9292", "http://evil.com:9292", "", 0}, response), 403);
  const OriginGuard named({.listen_host = "0.0.0.0", .loopback = false, .allowed_hosts = {"metrics.lan"}, .cors_origins = {}});
  EXPECT_EQ(Check(named, {"POST", Access::kChange, "metrics.lan:9292", "http://metrics.lan:9292", "", 0}, response), 0);
  EXPECT_EQ(Check(named, {"GET", Access::kRead, "evil.com:9292", "", "", 0}, response), 403);
}

TEST(OriginGuardTest, HostWithoutPort) {
  EXPECT_EQ(HostWithoutPort("localhost:9292"), "localhost");
  EXPECT_EQ(HostWithoutPort("[::1]:9292"), "::1");
  EXPECT_EQ(HostWithoutPort("example.org"), "example.org");
  EXPECT_EQ(HostWithoutPort("[::1"), "[::1");
}

}  // namespace
}  // namespace auspex::server
