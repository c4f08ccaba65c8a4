#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "auspex/storage/base/result.h"
#include "http_message.h"

namespace auspex::server {

/// Which workers run a handler. Writes have their own, so that no number of slow questions holds up ingestion.
enum class Workers : uint8_t { kQueries, kWrites };

/// What answers requests. Thread-safe.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  virtual Workers WorkersFor(const Request& request) const = 0;
  virtual void Handle(Request& request, ResponseWriter& response) = 0;
  /// Told about answers that no handler gave: bytes that are not HTTP, bodies over the limit.
  virtual void OnRefused(int status) = 0;
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";  ///< a name or an IP address
  uint16_t port = 9292;            ///< 0: any free one
  int io_threads = 1;              ///< only move bytes: one fills a gigabit
  int query_workers = 4;           ///< more than cores, because a slow reader of an answer keeps one
  int write_workers = 2;
  size_t max_connections = 1024;
  uint32_t header_limit_bytes = 64 << 10;
  uint64_t body_limit_bytes = 32 << 20;   ///< as sent; what remote write senders stay under by far
  uint64_t max_bodies_bytes = 256 << 20;  ///< of all bodies that are in memory, as sent
  size_t max_waiting = 1000;              ///< queries that wait for a worker; more are refused
  int queue_timeout_ms = 30'000;          ///< for a query to get a worker
  int read_timeout_ms = 30'000;           ///< for one whole request
  int idle_timeout_ms = 300'000;          ///< between requests of a connection; longer than senders' intervals
  int write_timeout_ms = 30'000;          ///< for one piece of an answer to be taken
  int drain_ms = 10'000;                  ///< for requests under way when the server stops
};

/// HTTP/1.1 on one TCP address: keep-alive, chunked bodies both ways, limits on everything that arrives. Thread-safe.
class HttpServer {
 public:
  /// Binds the address. Nothing is accepted before Start. Borrows the handler.
  /// Errors: FailedPrecondition (address in use), InvalidArgument (no such address).
  static Result<std::unique_ptr<HttpServer>> Listen(const HttpServerOptions& options, RequestHandler& handler);
  virtual ~HttpServer() = default;

  virtual void Start() = 0;
  /// Stops accepting, lets requests under way finish for drain_ms, then closes the rest and joins every thread.
  virtual void Stop() = 0;
  virtual uint16_t port() const = 0;
  /// "127.0.0.1:9292", with the port that was picked.
  virtual std::string address() const = 0;
};

/// Whether `host` is a loopback address or a name that stands for one.
/// Errors: InvalidArgument when it names nothing.
Result<bool> IsLoopbackHost(const std::string& host);

/// The reason phrase of a status code.
std::string_view ReasonPhrase(int status);

}  // namespace auspex::server
