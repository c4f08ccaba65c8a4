#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace auspex::testing {

struct HttpAnswer {
  int status = 0;                              ///< 0: no answer; `body` says why
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  /// The body as JSON; null when it is not.
  nlohmann::json Json() const { return nlohmann::json::parse(body, nullptr, false); }
};

/// Asks one HTTP server on 127.0.0.1, with a new connection per request.
class HttpClient {
 public:
  explicit HttpClient(uint16_t port) : port_(port) {}

  using Headers = std::vector<std::string>;  ///< "Name: value"
  HttpAnswer Send(const std::string& method, const std::string& path, const std::string& body = {},
                  const Headers& headers = {}) const;
  HttpAnswer Get(const std::string& path, const Headers& headers = {}) const { return Send("GET", path, {}, headers); }
  HttpAnswer Post(const std::string& path, const std::string& body, const Headers& headers = {}) const {
    return Send("POST", path, body, headers);
  }
  /// A POST of a form.
  HttpAnswer Form(const std::string& path, const std::vector<std::pair<std::string, std::string>>& fields) const;

  /// Sends bytes as they are and returns what comes back until the server closes or `timeout_ms` have passed.
  std::string Raw(std::string_view bytes, int timeout_ms = 2000) const;

 private:
  uint16_t port_;
};

/// a=1&b=2 with whatever needs it escaped.
std::string EncodeForm(const std::vector<std::pair<std::string, std::string>>& fields);

}  // namespace auspex::testing
