#include "http_session.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <future>
#include <mutex>
#include <optional>

#include <boost/asio/defer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include "api_error.h"
#include "content_encoding.h"

namespace auspex::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

// Below this, the header and the work of compression cost more than the bytes saved.
constexpr size_t kEncodeFromBytes = 1024;
// An answer up to this size is sent whole; beyond, it streams in pieces of this size.
constexpr size_t kPieceBytes = 256 << 10;
// How much of a body is read at a time at least, if there is so much; and what its memory begins with.
constexpr size_t kReadBytes = 64 << 10;
// What is read and thrown away of a refused request, so that the client gets to see why.
constexpr size_t kDiscardBytes = 64 << 20;

std::string Lower(beast::string_view text) {
  std::string out(text.data(), text.size());
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

class SessionResponse;

/// A part of a BodyBudget, given back when destroyed. Borrows the budget.
class BodyReservation {
 public:
  explicit BodyReservation(BodyBudget& budget) : budget_(budget) {}
  ~BodyReservation() { budget_.held_bytes -= bytes_; }
  BodyReservation(const BodyReservation&) = delete;
  BodyReservation& operator=(const BodyReservation&) = delete;
  /// False, and nothing more taken, when the limit would be passed.
  bool Grow(uint64_t bytes) {
    if (bytes <= bytes_) return true;
    const uint64_t more = bytes - bytes_;
    if (budget_.held_bytes.fetch_add(more) + more > budget_.limit_bytes) {
      budget_.held_bytes -= more;
      return false;
    }
    bytes_ = bytes;
    return true;
  }

 private:
  BodyBudget& budget_;
  uint64_t bytes_ = 0;
};

class Session final : public HttpSession, public std::enable_shared_from_this<Session> {
 public:
  Session(asio::ip::tcp::socket socket, const SessionContext& context) : socket_(std::move(socket)), context_(context) {}

  void Start() override {
    asio::dispatch(socket_.get_executor(), [self = shared_from_this()] { self->ReadRequest(); });
  }
  void Drain() override {
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
      if (!self->busy_) self->Close();
    });
  }
  void Abort() override {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->Close(); });
  }
  void Check(Clock::time_point now) override;

  /// Sends bytes of a streaming answer. Called on a worker, waits for the client. False: the client has gone.
  bool SendPiece(std::string bytes);
  /// Sends the last bytes of an answer, then reads the next request or closes. Called on a worker, does not wait.
  void SendLast(std::string bytes, bool keep_alive);
  bool stopping() const { return context_.stopping.load(std::memory_order_relaxed); }

 private:
  size_t SendNow(std::string_view bytes);
  void Sent(error_code error, bool keep_alive);
  void ReadRequest();
  void OnHeader(error_code error);
  void ReadBody(error_code error);
  void ReadKnownBody(size_t done_bytes);
  bool ReserveBody();
  void Dispatch();
  void Refuse(error_code error);
  void RefuseWith(int status, std::string_view type, std::string_view text);
  void RefuseQuery(SessionResponse& response, std::string_view text);
  void Discard(size_t budget_bytes);
  void Close();
  void ExpireAfter(int timeout_ms) { deadline_ = Clock::now() + std::chrono::milliseconds(timeout_ms); }
  void ExpireNever() { deadline_ = Clock::time_point::max(); }

  asio::ip::tcp::socket socket_;
  const SessionContext context_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::shared_ptr<BodyReservation> reserved_;  // for the body that is being read
  std::string out_;
  std::array<char, 4 << 10> discarded_;
  std::atomic<bool> busy_{false};                                      // a worker has the request, or its answer is leaving
  std::atomic<Clock::time_point> deadline_{Clock::time_point::max()};  // of what the client has to do
  std::mutex socket_mu_;                                               // a worker sends without the strand
  bool closed_ = false;                                                // changed by the strand alone, with socket_mu_
  std::atomic<bool> cancelled_{false};
};

/// An answer on its way to one connection. Lives on a worker; bytes leave through the session's strand.
class SessionResponse final : public ResponseWriter {
 public:
  SessionResponse(std::shared_ptr<Session> session, bool head, bool http11, bool keep_alive, BodyEncoding encoding)
      : session_(std::move(session)), head_(head), http11_(http11), keep_alive_(keep_alive), encoding_(encoding) {}

  bool started() const override { return started_; }
  bool Write(std::string_view bytes) override {
    pending_ += bytes;
    return pending_.size() < kPieceBytes ? alive_ : Flush();
  }
  bool Flush() override;
  void Abandon() override {
    pending_.clear();
    broken_ = started_;
  }
  /// Sends the rest; the connection goes on from there by itself.
  void Finish();

 private:
  std::string Head(std::optional<size_t> content_length) const;
  std::string Chunk(bool last);
  /// A handler that sets Content-Encoding has compressed the body itself.
  bool Encodes() const { return encoding_ != BodyEncoding::kIdentity && !headers().Find("Content-Encoding"); }

  std::shared_ptr<Session> session_;
  const bool head_;
  const bool http11_;
  bool keep_alive_;
  const BodyEncoding encoding_;
  bool started_ = false;
  bool alive_ = true;
  bool broken_ = false;  // what has left of the answer is not all of it, and no more will come
  std::string pending_;
  std::unique_ptr<BodyEncoder> encoder_;  // once the answer is compressed
};

std::string SessionResponse::Head(std::optional<size_t> content_length) const {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", status(), ReasonPhrase(status()));
  for (const auto& field : headers()) fmt::format_to(std::back_inserter(head), "{}: {}\r\n", field.first, field.second);
  head += "X-Content-Type-Options: nosniff\r\nVary: Accept-Encoding\r\n";
  if (encoder_ != nullptr) {
    fmt::format_to(std::back_inserter(head), "Content-Encoding: {}\r\n", BodyEncodingName(encoding_));
  }
  if (!content_length.has_value()) {
    if (http11_) head += "Transfer-Encoding: chunked\r\n";
  } else if (status() != 204) {  // which has no body and says no length
    fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n", *content_length);
  }
  if (!keep_alive_) {
    head += "Connection: close\r\n";
  } else if (!http11_) {
    head += "Connection: keep-alive\r\n";
  }
  return head + "\r\n";
}

std::string SessionResponse::Chunk(bool last) {
  std::string body;
  if (encoder_ != nullptr) {
    encoder_->Encode(pending_, last, body);
  } else {
    body.swap(pending_);
  }
  pending_.clear();
  if (head_) return {};
  if (!http11_) return body;
  std::string out;
  if (!body.empty()) out = fmt::format("{:x}\r\n", body.size()) + body + "\r\n";
  if (last) out += "0\r\n\r\n";
  return out;
}

bool SessionResponse::Flush() {
  if (!alive_) {
    pending_.clear();
    return false;
  }
  if (pending_.empty()) return true;
  std::string out;
  if (!started_) {
    // Progress lines must leave at once and are short: compressing them would only keep them back.
    if (Encodes() && pending_.size() >= kPieceBytes) encoder_ = BodyEncoder::Make(encoding_);
    if (!http11_) keep_alive_ = false;  // without chunks, only the end of the connection ends the body
    out = Head(std::nullopt);
    started_ = true;
  }
  out += Chunk(false);
  if (!out.empty()) alive_ = session_->SendPiece(std::move(out));
  return alive_;
}

void SessionResponse::Finish() {
  if (session_->stopping() && !started_) keep_alive_ = false;
  std::string out;
  if (broken_) {
    keep_alive_ = false;  // and without the last chunk, which would end the body properly
  } else if (started_) {
    out = Chunk(true);
  } else {
    std::string body;
    if (Encodes() && pending_.size() >= kEncodeFromBytes) {
      encoder_ = BodyEncoder::Make(encoding_);
      encoder_->Encode(pending_, true, body);
    } else {
      body.swap(pending_);
    }
    out = Head(body.size());
    if (!head_ && status() != 204) out += body;
  }
  session_->SendLast(std::move(out), keep_alive_ && alive_);
  session_.reset();
}

bool Session::SendPiece(std::string bytes) {
  auto sent = std::make_shared<std::promise<bool>>();
  auto future = sent->get_future();
  asio::post(socket_.get_executor(), [self = shared_from_this(), sent, bytes = std::move(bytes)]() mutable {
    if (self->closed_) {
      sent->set_value(false);
      return;
    }
    self->out_ = std::move(bytes);
    self->ExpireAfter(self->context_.options.write_timeout_ms);
    asio::async_write(self->socket_, asio::buffer(self->out_), [self, sent](error_code error, size_t) {
      self->ExpireNever();
      if (error) self->Close();
      sent->set_value(!error);
    });
  });
  return future.get();
}

size_t Session::SendNow(std::string_view bytes) {
  const std::lock_guard lock(socket_mu_);
  if (closed_) return 0;
  const ssize_t sent = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? 0 : static_cast<size_t>(sent);
}

// Straight from the worker as much as the socket takes, which most often is everything: the client need not wait for a thread
// to wake up. The rest, and what comes next on the connection, is the strand's.
void Session::SendLast(std::string bytes, bool keep_alive) {
  const size_t sent = SendNow(bytes);
  asio::defer(socket_.get_executor(), [self = shared_from_this(), keep_alive, sent, bytes = std::move(bytes)]() mutable {
    if (self->closed_) return;
    if (sent == bytes.size()) {
      self->Sent({}, keep_alive);
      return;
    }
    self->out_ = std::move(bytes);
    self->ExpireAfter(self->context_.options.write_timeout_ms);
    asio::async_write(self->socket_, asio::buffer(self->out_) + sent,
                      [self, keep_alive](error_code error, size_t) { self->Sent(error, keep_alive); });
  });
}

void Session::Sent(error_code error, bool keep_alive) {
  busy_ = false;
  out_ = {};
  if (error || !keep_alive || stopping()) {
    Close();
  } else {
    ReadRequest();
  }
}

void Session::ReadRequest() {
  if (stopping() || closed_) {
    Close();
    return;
  }
  parser_.emplace();
  parser_->header_limit(context_.options.header_limit_bytes);
  parser_->body_limit(context_.options.body_limit_bytes);
  cancelled_ = false;
  ExpireAfter(buffer_.size() > 0 ? context_.options.read_timeout_ms : context_.options.idle_timeout_ms);
  http::async_read_header(socket_, buffer_, *parser_,
                          [self = shared_from_this()](error_code error, size_t) { self->OnHeader(error); });
}

void Session::OnHeader(error_code error) {
  if (error) {
    Refuse(error);
    return;
  }
  ExpireAfter(context_.options.read_timeout_ms);
  if (!beast::iequals(parser_->get()[http::field::expect], "100-continue")) {
    ReadBody({});
    return;
  }
  out_ = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(socket_, asio::buffer(out_),
                    [self = shared_from_this()](error_code failed, size_t) { self->ReadBody(failed); });
}

// What has arrived of the body, or what its length says will, counts against what all bodies together may take.
bool Session::ReserveBody() {
  const auto announced = parser_->content_length();
  const uint64_t bytes = std::max<uint64_t>(announced ? *announced : 0, parser_->get().body().size());
  if (reserved_ == nullptr) reserved_ = std::make_shared<BodyReservation>(context_.bodies);
  return reserved_->Grow(bytes);
}

void Session::ReadBody(error_code error) {
  if (error) {
    Refuse(error);
  } else if (!ReserveBody()) {
    reserved_.reset();
    RefuseWith(
        503, "unavailable",
        fmt::format("body: the bodies of all requests under way may take {} bytes together (max_bodies_bytes): try again",
                    context_.bodies.limit_bytes));
  } else if (parser_->is_done()) {
    Dispatch();
  } else if (parser_->content_length()) {
    std::string& body = parser_->get().body();
    const auto* arrived = static_cast<const char*>(buffer_.data().data());
    body.assign(arrived, std::min<uint64_t>(buffer_.size(), *parser_->content_length()));
    buffer_.consume(body.size());
    ReadKnownBody(body.size());
  } else {
    buffer_.reserve(buffer_.size() + kReadBytes);  // which decides how much is read at once
    http::async_read_some(socket_, buffer_, *parser_,
                          [self = shared_from_this()](error_code failed, size_t) { self->ReadBody(failed); });
  }
}

// The parser would take the bytes through a small buffer of its own; here they go where they belong, as many as have come.
void Session::ReadKnownBody(size_t done_bytes) {
  std::string& body = parser_->get().body();
  const size_t length = *parser_->content_length();
  if (done_bytes == length) {
    body.resize(length);
    Dispatch();
    return;
  }
  // Memory follows what has come, not what was announced.
  if (done_bytes == body.size()) body.resize(std::min(length, std::max(kReadBytes, done_bytes * 4)));
  socket_.async_read_some(asio::buffer(body.data() + done_bytes, body.size() - done_bytes),
                          [self = shared_from_this(), done_bytes](error_code failed, size_t count) {
                            if (failed) {
                              self->Refuse(failed);
                            } else {
                              self->ReadKnownBody(done_bytes + count);
                            }
                          });
}

void Session::Dispatch() {
  ExpireNever();
  auto message = parser_->release();
  auto request = std::make_shared<Request>();
  request->method = std::string(message.method_string());
  const std::string target(message.target());
  const size_t question = std::min(target.find('?'), target.size());
  request->path = target.substr(0, question);
  for (const auto& field : message) request->headers.Add(Lower(field.name_string()), std::string(field.value()));
  request->body = std::move(message.body());
  request->cancelled = &cancelled_;
  const Status parsed = ParseForm(std::string_view(target).substr(std::min(question + 1, target.size())), request->parameters);
  if (!parsed.ok()) {
    RefuseWith(400, "bad_data", "URL: " + parsed.message());
    return;
  }
  busy_ = true;
  auto response =
      std::make_shared<SessionResponse>(shared_from_this(), request->method == "HEAD", message.version() >= 11,
                                        message.keep_alive(), ChooseEncoding(request->headers.Get("accept-encoding")));
  request->held = std::move(reserved_);
  auto work = [context = &context_, request, response] {
    context->handler.Handle(*request, *response);
    request->body = std::string();
    request->held.reset();  // before the client can send its next body
    response->Finish();
  };
  if (context_.handler.WorkersFor(*request) == Workers::kWrites) {
    asio::post(context_.write_pool, std::move(work));
    return;
  }
  const auto arrived = std::chrono::steady_clock::now();
  const bool taken = context_.queries.Submit([self = shared_from_this(), request, response, arrived, work = std::move(work)] {
    const SessionContext& context = self->context_;
    const auto waited = std::chrono::steady_clock::now() - arrived;
    request->queue_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(waited).count();
    if (waited > std::chrono::milliseconds(context.options.queue_timeout_ms)) {
      self->RefuseQuery(*response, fmt::format("query timed out in query queue: queue_timeout is {} ms, max_concurrency is {}",
                                               context.options.queue_timeout_ms, context.options.query_workers));
      return;
    }
    work();
  });
  if (!taken) {
    RefuseQuery(*response, fmt::format("too many queries wait already: max_waiting is {}", context_.options.max_waiting));
  }
}

void Session::RefuseQuery(SessionResponse& response, std::string_view text) {
  context_.handler.OnRefused(503);
  WriteError(response, {503, "timeout", std::string(text)});
  response.Finish();
}

void Session::Check(Clock::time_point now) {
  const std::lock_guard lock(socket_mu_);
  if (closed_) return;
  if (now >= deadline_.load()) {
    error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);  // what is under way fails, and closes
  } else if (busy_) {
    char byte = 0;
    const ssize_t got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    // A client that sends its next request ahead is still there.
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) cancelled_ = true;
  }
}

void Session::Refuse(error_code error) {
  const bool malformed = error.category() == http::make_error_code(http::error::bad_method).category();
  if (error == http::error::body_limit) {
    RefuseWith(413, "bad_data", fmt::format("body: larger than the limit of {} bytes", context_.options.body_limit_bytes));
  } else if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    RefuseWith(431, "bad_data", fmt::format("header: larger than the limit of {} bytes", context_.options.header_limit_bytes));
  } else if (malformed && error != http::error::end_of_stream && error != http::error::partial_message) {
    RefuseWith(400, "bad_data", "request: not HTTP: " + error.message());
  } else {
    Close();
  }
}

void Session::RefuseWith(int status, std::string_view type, std::string_view text) {
  context_.handler.OnRefused(status);
  const std::string body = ErrorJson(type, text);
  out_ = fmt::format("HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                     status, ReasonPhrase(status), body.size(), body);
  ExpireAfter(context_.options.write_timeout_ms);
  asio::async_write(socket_, asio::buffer(out_), [self = shared_from_this()](error_code failed, size_t) {
    if (failed) {
      self->Close();
      return;
    }
    // Closing while the client still sends would reset the connection, and the client would never see the answer.
    error_code ignored;
    self->socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    self->ExpireAfter(5000);
    self->Discard(kDiscardBytes);
  });
}

void Session::Discard(size_t budget_bytes) {
  socket_.async_read_some(asio::buffer(discarded_), [self = shared_from_this(), budget_bytes](error_code error, size_t count) {
    if (error || count >= budget_bytes) {
      self->Close();
    } else {
      self->Discard(budget_bytes - count);
    }
  });
}

void Session::Close() {
  if (closed_) return;
  cancelled_ = true;
  const std::lock_guard lock(socket_mu_);
  closed_ = true;
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
}

}  // namespace

std::shared_ptr<HttpSession> HttpSession::Make(asio::ip::tcp::socket socket, const SessionContext& context) {
  return std::make_shared<Session>(std::move(socket), context);
}

}  // namespace auspex::server
