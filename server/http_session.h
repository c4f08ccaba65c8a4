#pragma once

#include <atomic>
#include <chrono>
#include <memory>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>

#include "http_server.h"
#include "query_queue.h"

namespace auspex::server {

/// Bytes of request bodies that are in memory, over all connections.
struct BodyBudget {
  uint64_t limit_bytes = 0;
  std::atomic<uint64_t> held_bytes{0};
};

/// What the connections of one server share.
struct SessionContext {
  const HttpServerOptions& options;
  RequestHandler& handler;
  QueryQueue& queries;
  boost::asio::thread_pool& write_pool;
  std::atomic<bool>& stopping;
  BodyBudget& bodies;
};

/// One connection, from accept to close: reads a request, hands it to a worker, sends the answer, reads the next.
/// Keeps itself alive while anything is under way.
class HttpSession {
 public:
  using Clock = std::chrono::steady_clock;
  virtual ~HttpSession() = default;
  /// `socket` must run on a strand of its own.
  static std::shared_ptr<HttpSession> Make(boost::asio::ip::tcp::socket socket, const SessionContext& context);
  virtual void Start() = 0;
  /// Closes if no request is under way; else the answer will be the last one.
  virtual void Drain() = 0;
  /// Closes now; a query under way is cancelled.
  virtual void Abort() = 0;
  /// Closes when the client took too long, cancels a query whose client has gone. To be called every now and then, which costs
  /// less than a timer and a watch for each request. On any thread.
  virtual void Check(Clock::time_point now) = 0;
};

}  // namespace auspex::server
