#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auspex/storage/base/result.h"

namespace auspex::server {

/// Names with values, in order, names may repeat: headers, or the parameters of a URL and a form.
class Fields {
 public:
  void Add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  /// The first value of `name`; none when absent.
  std::optional<std::string_view> Find(std::string_view name) const;
  /// The first value of `name`, or "".
  std::string_view Get(std::string_view name) const { return Find(name).value_or(std::string_view()); }
  std::vector<std::string_view> All(std::string_view name) const;
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  size_t size() const { return fields_.size(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// Turns %41 into A, and + into a space where `plus_is_space`. A broken escape stays as it is written.
std::string PercentDecode(std::string_view text, bool plus_is_space);
/// Appends the parameters of `a=1&b=2` to `fields`. Errors: InvalidArgument (more than 10,000 parameters).
Status ParseForm(std::string_view text, Fields& fields);

/// One request, body already read. Header names are in lower case.
struct Request {
  std::string method;
  std::string path;   ///< as sent: percent escapes are undone per segment by the router
  Fields parameters;  ///< of the URL, then of a form in the body
  Fields headers;
  std::string body;                              ///< as sent: still compressed
  std::vector<std::string> captures;             ///< what stood in the {places} of the route's pattern, percent-decoded
  std::string_view pattern;                      ///< of the route that matched
  const std::atomic<bool>* cancelled = nullptr;  ///< set when the client has gone
  int64_t queue_ns = 0;                          ///< from its last byte until a worker took it
  std::shared_ptr<void> held;                    ///< what the body in memory counts against
};

/// What a handler answers into: status and headers first, then the body piece by piece. A small body is sent whole with
/// its length, a large one streams while it is made. One thread at a time.
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;
  void SetStatus(int status) { status_ = status; }
  int status() const { return status_; }
  /// Replaces an earlier value.
  void SetHeader(std::string_view name, std::string value);
  const Fields& headers() const { return headers_; }
  /// Whether bytes of the body have left: status and headers can no longer change.
  virtual bool started() const { return false; }

  /// False: the client has gone, nothing more needs to be written.
  virtual bool Write(std::string_view bytes) = 0;
  /// Sends what was written so far, however little: for progress.
  virtual bool Flush() = 0;
  /// What was written is not the answer: an error was found. As long as nothing has left it is forgotten, and another answer
  /// can be written; else the connection breaks off, so that no client takes what it has got for the whole.
  virtual void Abandon() = 0;

 private:
  int status_ = 200;
  Fields headers_;
};

/// Keeps the answer in memory: for tests, and for whatever calls a handler without a connection.
class RecordedResponse final : public ResponseWriter {
 public:
  bool Write(std::string_view bytes) override {
    body_ += bytes;
    return true;
  }
  bool Flush() override { return true; }
  void Abandon() override { body_.clear(); }
  const std::string& body() const { return body_; }

 private:
  std::string body_;
};

}  // namespace auspex::server
