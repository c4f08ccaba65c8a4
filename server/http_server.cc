#include "http_server.h"

#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include "http_session.h"

namespace auspex::server {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Threads beside those that only move bytes: each may run a query in between.
constexpr size_t kInlineQueries = 1;
// How late a client's silence or departure is seen at most.
constexpr std::chrono::milliseconds kCheckInterval{100};

Result<asio::ip::address> ResolveHost(const std::string& host) {
  std::string name = host;
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') name = name.substr(1, name.size() - 2);
  // RFC 6761: this name is the loopback, whatever a system without /etc/hosts may think.
  if (name == "localhost") return asio::ip::address(asio::ip::address_v4::loopback());
  error_code error;
  const auto address = asio::ip::make_address(name, error);
  if (!error) return address;
  asio::io_context io;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(name, "", error);
  if (error || found.empty())
    return InvalidArgument("listen address: \"{}\" is neither an IP address nor a known host name", host);
  // A name may have both kinds of address; the older kind is what clients try with the least surprise.
  for (const auto& entry : found) {
    if (entry.endpoint().address().is_v4()) return entry.endpoint().address();
  }
  return found.begin()->endpoint().address();
}

class Server final : public HttpServer {
 public:
  Server(const HttpServerOptions& options, RequestHandler& handler)
      : options_(options),
        acceptor_(io_),
        retry_(io_),
        check_(io_),
        queries_(io_, static_cast<size_t>(options.query_workers), kInlineQueries, options.max_waiting),
        write_pool_(static_cast<size_t>(options.write_workers)),
        context_{options_, handler, queries_, write_pool_, stopping_, bodies_} {
    bodies_.limit_bytes = options_.max_bodies_bytes;
  }
  ~Server() override { Stop(); }

  Status Bind() {
    AUSPEX_ASSIGN_OR_RETURN(const asio::ip::address address, ResolveHost(options_.host));
    const tcp::endpoint endpoint(address, options_.port);
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error == asio::error::address_in_use) {
      return FailedPrecondition("{}:{} is already in use: is another auspexd running? --listen chooses another address",
                                options_.host, options_.port);
    }
    if (error) return InvalidArgument("cannot listen on {}:{}: {}", options_.host, options_.port, error.message());
    const tcp::endpoint bound = acceptor_.local_endpoint(error);
    port_ = bound.port();
    address_ = fmt::format("{}{}{}:{}", address.is_v6() ? "[" : "", address.to_string(), address.is_v6() ? "]" : "", port_);
    return OkStatus();
  }

  void Start() override {
    AUSPEX_CHECK(threads_.empty());
    asio::post(io_, [this] {
      Accept();
      CheckSessions();
    });
    const int threads_count = options_.io_threads + static_cast<int>(kInlineQueries);
    for (int i = 0; i < threads_count; ++i) threads_.emplace_back([this] { io_.run(); });
  }

  void Stop() override {
    if (stopping_.exchange(true) || threads_.empty()) return;
    asio::post(io_, [this] {
      error_code ignored;
      acceptor_.close(ignored);
      retry_.cancel();
    });
    ForEachSession([](HttpSession& session) { session.Drain(); });
    if (!WaitForSessions(options_.drain_ms)) {
      ForEachSession([](HttpSession& session) { session.Abort(); });
      WaitForSessions(options_.drain_ms);
    }
    queries_.Join();
    write_pool_.join();
    io_.stop();
    for (std::thread& thread : threads_) thread.join();
  }

  uint16_t port() const override { return port_; }
  std::string address() const override { return address_; }

 private:
  void Accept() {
    acceptor_.async_accept(asio::make_strand(io_), [this](error_code error, tcp::socket socket) {
      if (stopping_) return;
      if (error) {
        // Out of file descriptors, most likely: some connection will close.
        retry_.expires_after(std::chrono::milliseconds(100));
        retry_.async_wait([this](error_code cancelled) {
          if (!cancelled) Accept();
        });
        return;
      }
      if (auto session = Admit(std::move(socket))) session->Start();
      Accept();
    });
  }

  void CheckSessions() {
    check_.expires_after(kCheckInterval);
    check_.async_wait([this](error_code) {
      const auto now = HttpSession::Clock::now();
      ForEachSession([now](HttpSession& session) { session.Check(now); });
      CheckSessions();
    });
  }

  /// Null, and the socket closed, when there are too many.
  std::shared_ptr<HttpSession> Admit(tcp::socket socket) {
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const std::lock_guard lock(mu_);
    std::erase_if(sessions_, [](const std::weak_ptr<HttpSession>& session) { return session.expired(); });
    if (sessions_.size() >= options_.max_connections) return nullptr;
    auto session = HttpSession::Make(std::move(socket), context_);
    sessions_.push_back(session);
    return session;
  }

  template <typename Visit>
  void ForEachSession(Visit visit) {
    std::vector<std::shared_ptr<HttpSession>> alive;
    {
      const std::lock_guard lock(mu_);
      for (const auto& session : sessions_) {
        if (auto locked = session.lock()) alive.push_back(std::move(locked));
      }
    }
    for (const auto& session : alive) visit(*session);
  }

  bool WaitForSessions(int timeout_ms) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    while (true) {
      {
        const std::lock_guard lock(mu_);
        std::erase_if(sessions_, [](const std::weak_ptr<HttpSession>& session) { return session.expired(); });
        if (sessions_.empty()) return true;
      }
      if (std::chrono::steady_clock::now() >= deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  const HttpServerOptions options_;
  std::atomic<bool> stopping_{false};
  asio::io_context io_;
  const asio::executor_work_guard<asio::io_context::executor_type> work_{asio::make_work_guard(io_)};
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  asio::steady_timer check_;
  QueryQueue queries_;
  asio::thread_pool write_pool_;
  BodyBudget bodies_;
  const SessionContext context_;
  std::vector<std::thread> threads_;
  std::string address_;
  uint16_t port_ = 0;
  std::mutex mu_;
  std::vector<std::weak_ptr<HttpSession>> sessions_;  // guarded by mu_
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Listen(const HttpServerOptions& options, RequestHandler& handler) {
  auto server = std::make_unique<Server>(options, handler);
  AUSPEX_RETURN_IF_ERROR(server->Bind());
  return std::unique_ptr<HttpServer>(std::move(server));
}

Result<bool> IsLoopbackHost(const std::string& host) {
  AUSPEX_ASSIGN_OR_RETURN(const asio::ip::address address, ResolveHost(host));
  return address.is_loopback();
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Payload Too Large";
    case 415:
      return "Unsupported Media Type";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Entity";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 507:
      return "Insufficient Storage";
    default:
      return "Status";
  }
}

}  // namespace auspex::server
