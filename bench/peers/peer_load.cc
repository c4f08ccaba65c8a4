// Renders a sample set into requests, then posts them to a server, each connection from a thread of its own, and prints how
// long that took: {"samples": 4320000, "seconds": 2.31, "requests": 432, "bytes": 98123000}.
//
// Exit status 1 if a request was refused: a speed at which samples are lost is none.

#include <atomic>
#include <chrono>
#include <iostream>
#include <thread>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "bench/peers/payload.h"

namespace auspex::bench {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

struct Server {
  std::string host = "127.0.0.1";
  uint16_t port = 0;
  std::string path;
};

/// Posts every request of a stream over one kept connection. Returns the first refusal, empty when all were taken.
std::string Send(const Server& server, Format format, const std::vector<Payload>& stream) {
  boost::asio::io_context context;
  beast::tcp_stream connection(context);
  connection.connect({boost::asio::ip::make_address(server.host), server.port});
  beast::flat_buffer buffer;
  for (const Payload& payload : stream) {
    http::request<http::span_body<const char>> request(http::verb::post, server.path, 11);
    request.set(http::field::host, fmt::format("{}:{}", server.host, server.port));
    if (format == Format::kRemoteWrite) {
      request.set(http::field::content_type, "application/x-protobuf");
      request.set(http::field::content_encoding, "snappy");
      request.set("X-Prometheus-Remote-Write-Version", "0.1.0");
    }
    request.body() = {payload.body.data(), payload.body.size()};
    request.prepare_payload();
    http::write(connection, request);
    http::response<http::string_body> response;
    http::read(connection, buffer, response);
    if (response.result_int() / 100 != 2) return fmt::format("{}: {}", response.result_int(), response.body().substr(0, 300));
  }
  return {};
}

int Run(int argc, char** argv) {
  Server server;
  std::string set = "cpu";
  std::string format_name = "remote-write";
  size_t connections = 2;
  size_t size = 0;
  double hours = 12;
  CLI::App app("Renders a sample set into requests and posts them to a server on this machine.");
  app.add_option("--port", server.port, "where the server listens on 127.0.0.1")->required();
  app.add_option("--path", server.path, "of the URL; by default that of the format");
  app.add_option("--set", set)->check(CLI::IsMember({"cpu", "node", "card"}))->capture_default_str();
  app.add_option("--format", format_name)->check(CLI::IsMember({"remote-write", "influx"}))->capture_default_str();
  app.add_option("--connections", connections)->check(CLI::Range(1, 64))->capture_default_str();
  app.add_option("--size", size, "hosts of cpu (100), targets of node (20), series of card (1,000,000)");
  app.add_option("--hours", hours, "of samples, cpu every 10 s and node every 15 s")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const Format format = format_name == "influx" ? Format::kInflux : Format::kRemoteWrite;
  if (set != "cpu" && format == Format::kInflux) {
    std::cerr << "peer_load: only set cpu has an Influx form\n";
    return 2;
  }
  if (server.path.empty()) server.path = format == Format::kInflux ? "/write" : "/api/v1/write";
  const auto streams = set == "card"  ? RenderCard(size == 0 ? 1'000'000 : size, connections)
                       : set == "cpu" ? Render(CpuSet(size == 0 ? 100 : size, hours), format, connections)
                                      : Render(NodeSet(size == 0 ? 20 : size, hours, 15'000), format, connections);
  size_t samples = 0;
  size_t requests = 0;
  size_t bytes = 0;
  for (const auto& stream : streams) {
    requests += stream.size();
    for (const Payload& payload : stream) {
      samples += payload.samples;
      bytes += payload.body.size();
    }
  }
  std::vector<std::string> refusals(streams.size());
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (size_t i = 0; i < streams.size(); ++i) {
    threads.emplace_back([&, i] {
      try {
        refusals[i] = Send(server, format, streams[i]);
      } catch (const boost::system::system_error& error) {
        refusals[i] = error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  for (const std::string& refusal : refusals) {
    if (refusal.empty()) continue;
    std::cerr << "peer_load: " << refusal << "\n";
    return 1;
  }
  fmt::print("{{\"samples\": {}, \"seconds\": {:.3f}, \"requests\": {}, \"bytes\": {}}}\n", samples, seconds.count(), requests,
             bytes);
  return 0;
}

}  // namespace
}  // namespace auspex::bench

int main(int argc, char** argv) { return auspex::bench::Run(argc, argv); }
