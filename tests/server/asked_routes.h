#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/routes.h"
#include "tests/support/temp_dir.h"

namespace auspex::server {

/// A test that asks the router, with every route, as a connection to 127.0.0.1 would.
class AskedRoutes : public ::testing::Test {
 protected:
  explicit AskedRoutes(const Clock& clock = Clock::System())
      : clock_(clock),
        service_(clock),
        router_({.listen_host = "127.0.0.1", .loopback = true, .allowed_hosts = {}, .cors_origins = {"https://g.example"}},
                service_.metrics(), clock, 1 << 20) {
    AddRoutes(router_, service_);
  }

  enum class Place : uint8_t { kMemory, kDisk };

  /// options: what is not left to this.
  void Open(Place place = Place::kMemory, Options options = {}) {
    options.clock = &clock_;
    options.in_memory = place == Place::kMemory;
    if (place == Place::kDisk) options.path = dir_ / "db";
    options.memory_budget_bytes = uint64_t{64} << 20;
    auto opened = Database::Open(options);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    database_ = std::move(opened).value();
    service_.Attach(*database_);
  }

  RecordedResponse& Ask(const std::string& method, const std::string& target, const std::string& body = {},
                        std::vector<std::pair<std::string, std::string>> headers = {}) {
    Request request;
    request.method = method;
    const size_t question = std::min(target.find('?'), target.size());
    request.path = target.substr(0, question);
    request.body = body;
    EXPECT_TRUE(ParseForm(std::string_view(target).substr(std::min(question + 1, target.size())), request.parameters).ok());
    request.headers.Add("host", "localhost");
    for (auto& header : headers) request.headers.Add(header.first, header.second);
    response_ = std::make_unique<RecordedResponse>();
    router_.Handle(request, *response_);
    return *response_;
  }

  /// The `data` of a successful answer.
  nlohmann::json Data(const std::string& target) {
    const RecordedResponse& response = Ask("GET", target);
    EXPECT_EQ(response.status(), 200) << target << ": " << response.body();
    return nlohmann::json::parse(response.body(), nullptr, false)["data"];
  }

  const Clock& clock_;
  testing::TempDir dir_;
  Service service_;
  Router router_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<RecordedResponse> response_;
};

}  // namespace auspex::server
