#include "server/http_server.h"

#include <atomic>
#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/content_encoding.h"
#include "tests/support/http_client.h"

namespace auspex::server {
namespace {

using auspex::testing::HttpClient;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Answers by path; /wait holds on until told, or until the client has gone.
class TestHandler final : public RequestHandler {
 public:
  Workers WorkersFor(const Request& request) const override {
    return request.path == "/write" ? Workers::kWrites : Workers::kQueries;
  }
  void OnRefused(int status) override { refused = status; }
  void Handle(Request& request, ResponseWriter& response) override {
    if (request.path == "/echo" || request.path == "/write") {
      response.SetHeader("Content-Type", "text/plain");
      response.Write(fmt::format("{} {} {}", request.method, request.parameters.Get("a"), request.body));
    } else if (request.path == "/large") {
      for (int i = 0; i < 100'000; ++i) response.Write("0123456789\n");
    } else if (request.path == "/lines") {
      for (int i = 0; i < 3; ++i) {
        response.Write(fmt::format("line {}\n", i));
        response.Flush();
      }
    } else if (request.path == "/wait") {
      ++waiting;
      while (!*request.cancelled && !go_on) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      if (*request.cancelled) ++cancelled;
      response.Write("done");
    } else {
      response.SetStatus(204);
    }
  }
  std::atomic<int> refused{0};
  std::atomic<int> waiting{0};
  std::atomic<int> cancelled{0};
  std::atomic<bool> go_on{false};
};

class HttpServerTest : public ::testing::Test {
 protected:
  void Start(HttpServerOptions options = {}) {
    options.port = 0;
    server_ = HttpServer::Listen(options, handler_).value();
    server_->Start();
  }
  HttpClient client() const { return HttpClient(server_->port()); }
  template <typename Condition>
  static bool Eventually(Condition condition) {
    for (int i = 0; i < 2000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }

  TestHandler handler_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersAndKeepsTheConnection) {
  Start();
  const std::string one = "POST /echo?a=x%20y HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody";
  const std::string last = "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  const std::string answer = client().Raw(one + one + last);
  size_t count = 0;
  for (size_t at = answer.find("HTTP/1.1 200 OK"); at != std::string::npos; at = answer.find("HTTP/1.1 200 OK", at + 1))
    ++count;
  EXPECT_EQ(count, 3u) << answer;
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nPOST x y bodyHTTP/1.1"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
}

TEST_F(HttpServerTest, ReadsChunkedBodies) {
  Start();
  const std::string answer = client().Raw(
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: "
      "close\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("POST  abcdefg"));
}

TEST_F(HttpServerTest, AnswersExpectations) {
  Start();
  const std::string answer = client().Raw(
      "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"));
}

TEST_F(HttpServerTest, StreamsLargeAnswersAndCompressesThem) {
  Start();
  const auto plain = client().Get("/large");
  EXPECT_EQ(plain.status, 200);
  EXPECT_EQ(plain.body.size(), 1'100'000u);
  EXPECT_EQ(plain.headers.at("transfer-encoding"), "chunked");
  const auto packed = client().Get("/large", {"Accept-Encoding: gzip"});
  EXPECT_EQ(packed.headers.at("content-encoding"), "gzip");
  EXPECT_LT(packed.body.size(), 100'000u);
  EXPECT_EQ(DecodeContent("gzip", packed.body, 2 << 20).value(), plain.body);
  EXPECT_THAT(client().Raw("GET /large HTTP/1.0\r\n\r\n"), HasSubstr("Connection: close\r\n\r\n0123456789\n"));
}

TEST_F(HttpServerTest, SendsProgressAtOnce) {
  Start();
  const std::string answer =
      client().Raw("GET /lines HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("7\r\nline 0\n\r\n7\r\nline 1\n\r\n7\r\nline 2\n\r\n0\r\n\r\n"));
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  Start();
  const std::string answer = client().Raw("HEAD /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 6"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(HttpServerTest, BodiesOverTheLimitAreRefused) {
  Start({.body_limit_bytes = 1000});
  EXPECT_EQ(client().Post("/echo", std::string(1000, 'x')).status, 200);
  const auto answer = client().Post("/echo", std::string(1001, 'x'));
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.Json()["errorType"], "bad_data");
  EXPECT_EQ(handler_.refused, 413);
  const std::string chunked = client().Raw("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" +
                                           std::string(2000, 'x') + "\r\n");
  EXPECT_THAT(chunked, StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpServerTest, GarbageIsRefused) {
  Start({.header_limit_bytes = 2000});
  EXPECT_THAT(client().Raw("\x16\x03\x01 this is not HTTP\r\n\r\n", 300), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(client().Raw("GET /x HTTP/1.1\r\nBroken header\r\n\r\n", 300), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(client().Raw("POST /x HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 300), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(client().Raw("GET /" + std::string(5000, 'x') + " HTTP/1.1\r\n\r\n", 300), StartsWith("HTTP/1.1 431 "));
  EXPECT_EQ(client().Get("/echo").status, 200);
}

TEST_F(HttpServerTest, SlowRequestsAreCut) {
  Start({.read_timeout_ms = 50, .idle_timeout_ms = 50});
  EXPECT_EQ(client().Raw("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc", 2000), "");
  EXPECT_EQ(client().Raw("GET /ec", 2000), "");
}

TEST_F(HttpServerTest, AClientThatLeavesCancelsItsQuestion) {
  Start();
  client().Raw("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n", 50);
  EXPECT_TRUE(Eventually([&] { return handler_.cancelled == 1; }));
}

TEST_F(HttpServerTest, QuestionsDoNotHoldUpWrites) {
  Start({.query_workers = 1});
  std::thread question([&] { client().Get("/wait"); });
  ASSERT_TRUE(Eventually([&] { return handler_.waiting == 1; }));
  EXPECT_EQ(client().Post("/write", "x").status, 200);
  handler_.go_on = true;
  question.join();
}

TEST_F(HttpServerTest, QuestionsWaitForTheirTurnAndNotForEver) {
  Start({.query_workers = 1, .max_waiting = 1, .queue_timeout_ms = 30});
  std::thread first([&] { client().Get("/wait"); });
  ASSERT_TRUE(Eventually([&] { return handler_.waiting == 1; }));
  testing::HttpAnswer second;
  std::thread waits([&] { second = client().Get("/echo"); });
  // The third finds the second waiting, once that one has arrived.
  testing::HttpAnswer third;
  ASSERT_TRUE(Eventually([&] {
    third = client().Raw("GET /echo HTTP/1.1\r\nHost: h\r\n\r\n", 20).find(" 503 ") != std::string::npos
                ? testing::HttpAnswer{503, {}, ""}
                : testing::HttpAnswer{};
    return third.status == 503;
  }));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  handler_.go_on = true;
  first.join();
  waits.join();
  EXPECT_EQ(second.status, 503);
  EXPECT_THAT(second.body, ::testing::AnyOf(HasSubstr("query queue"), HasSubstr("max_waiting")));
}

TEST_F(HttpServerTest, AllBodiesTogetherAreBounded) {
  Start({.max_bodies_bytes = 1000});
  EXPECT_EQ(client().Post("/echo", std::string(900, 'x')).status, 200);
  const testing::HttpAnswer refused = client().Post("/echo", std::string(1100, 'x'));
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.body, HasSubstr("max_bodies_bytes"));
  // One that is still being read holds its share; when its client leaves, the share is free again.
  std::thread half([&] { client().Raw("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 600\r\n\r\nabc", 2000); });
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // a body that is there first would have it refused
  EXPECT_EQ(client().Post("/echo", std::string(500, 'x')).status, 503);
  half.join();
  EXPECT_TRUE(Eventually([&] { return client().Post("/echo", std::string(900, 'x')).status == 200; }));
  EXPECT_EQ(client().Post("/echo", std::string(900, 'x'), {"Transfer-Encoding: chunked"}).status, 200);
  EXPECT_EQ(client().Post("/echo", std::string(1100, 'x'), {"Transfer-Encoding: chunked"}).status, 503);
}

TEST_F(HttpServerTest, ZstdForThoseWhoPreferIt) {
  Start();
  for (const char* path : {"/large", "/echo"}) {
    const testing::HttpAnswer plain = client().Post(path, std::string(5000, 'y'));
    const testing::HttpAnswer small = client().Post(path, std::string(5000, 'y'), {"Accept-Encoding: gzip, zstd"});
    EXPECT_EQ(small.headers.at("content-encoding"), "zstd");
    EXPECT_LT(small.body.size(), plain.body.size() / 10);
    EXPECT_EQ(DecodeContent("zstd", small.body, 8 << 20).value(), plain.body);
  }
}

TEST_F(HttpServerTest, StopFinishesRequestsUnderWay) {
  Start();
  int status = 0;
  std::thread question([&] { status = client().Get("/wait").status; });
  ASSERT_TRUE(Eventually([&] { return handler_.waiting == 1; }));
  std::thread stop([&] { server_->Stop(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  handler_.go_on = true;
  stop.join();
  question.join();
  EXPECT_EQ(status, 200);
  EXPECT_EQ(client().Get("/echo").status, 0);
}

TEST_F(HttpServerTest, StopCutsWhatDoesNotFinish) {
  Start({.drain_ms = 50});
  std::thread question([&] { client().Get("/wait"); });
  ASSERT_TRUE(Eventually([&] { return handler_.waiting == 1; }));
  server_->Stop();
  question.join();
  EXPECT_EQ(handler_.cancelled, 1);
}

TEST_F(HttpServerTest, TakenPortIsNamed) {
  Start();
  HttpServerOptions options;
  options.port = server_->port();
  const auto second = HttpServer::Listen(options, handler_);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.status().message(), HasSubstr(fmt::format("127.0.0.1:{} is already in use", server_->port())));
}

TEST_F(HttpServerTest, TooManyConnectionsAreClosed) {
  Start({.max_connections = 1});
  std::thread question([&] { client().Get("/wait"); });
  ASSERT_TRUE(Eventually([&] { return handler_.waiting == 1; }));
  EXPECT_EQ(client().Get("/echo").status, 0);
  handler_.go_on = true;
  question.join();
  EXPECT_TRUE(Eventually([&] { return client().Get("/echo").status == 200; }));
}

}  // namespace
}  // namespace auspex::server
