#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "auspex/storage/base/check.h"

namespace auspex {

/// What kind of thing went wrong. The numbers are stable: they are counted in metrics and mapped to HTTP codes.
enum class StatusCode : uint8_t {
  kOk = 0,
  kInvalidArgument = 1,     ///< the caller's input is wrong, and will stay wrong
  kNotFound = 2,
  kAlreadyExists = 3,
  kCorruption = 4,          ///< stored bytes are not what was written
  kIoError = 5,             ///< the disk said no
  kResourceExhausted = 6,   ///< a limit was reached: disk reserve, memory, samples of a query
  kFailedPrecondition = 7,  ///< not in this state: read-only, closed, locked by another process
  kDeadlineExceeded = 8,
  kCancelled = 9,
  kUnsupported = 10,        ///< valid, but this build or store cannot do it
  kInternal = 11,           ///< a bug of ours that could be contained
};

/// The lower-case name of a code, as logs and metrics show it ("invalid_argument").
std::string_view StatusCodeName(StatusCode code);

/// Success, or a code with a message that says where, what, found and expected.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }
  /// "corruption: cold block series 812: checksum mismatch ..."
  std::string ToString() const;

  friend bool operator==(const Status&, const Status&) = default;

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

inline Status OkStatus() { return {}; }

// One maker per code, so that call sites read as a sentence: return InvalidArgument("step: found {}, expected > 0", step).
#define AUSPEX_DEFINE_STATUS_MAKER(Name)                                              \
  template <typename... Args>                                                         \
  Status Name(fmt::format_string<Args...> format, Args&&... args) {                   \
    return Status(StatusCode::k##Name, fmt::format(format, std::forward<Args>(args)...)); \
  }
AUSPEX_DEFINE_STATUS_MAKER(InvalidArgument)
AUSPEX_DEFINE_STATUS_MAKER(NotFound)
AUSPEX_DEFINE_STATUS_MAKER(AlreadyExists)
AUSPEX_DEFINE_STATUS_MAKER(Corruption)
AUSPEX_DEFINE_STATUS_MAKER(IoError)
AUSPEX_DEFINE_STATUS_MAKER(ResourceExhausted)
AUSPEX_DEFINE_STATUS_MAKER(FailedPrecondition)
AUSPEX_DEFINE_STATUS_MAKER(DeadlineExceeded)
AUSPEX_DEFINE_STATUS_MAKER(Cancelled)
AUSPEX_DEFINE_STATUS_MAKER(Unsupported)
AUSPEX_DEFINE_STATUS_MAKER(Internal)
#undef AUSPEX_DEFINE_STATUS_MAKER

/// A value or the Status that explains its absence.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor): return value;
  Result(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor): return status;
    AUSPEX_CHECK(!status_.ok());
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  T& value() & { AUSPEX_CHECK(ok()); return *value_; }
  const T& value() const& { AUSPEX_CHECK(ok()); return *value_; }
  /// By value, so that `for (x : F().value())` does not loop over what is already gone.
  T value() && { AUSPEX_CHECK(ok()); return *std::move(value_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::optional<T> value_;
  Status status_;
};

#define AUSPEX_CONCAT_INNER(a, b) a##b
#define AUSPEX_CONCAT(a, b) AUSPEX_CONCAT_INNER(a, b)

#define AUSPEX_RETURN_IF_ERROR(expr)                              \
  do {                                                            \
    if (::auspex::Status auspex_status = (expr); !auspex_status.ok()) { \
      return auspex_status;                                       \
    }                                                             \
  } while (false)

#define AUSPEX_ASSIGN_OR_RETURN(declaration, expr) \
  AUSPEX_ASSIGN_OR_RETURN_INNER(AUSPEX_CONCAT(auspex_result_, __LINE__), declaration, expr)
#define AUSPEX_ASSIGN_OR_RETURN_INNER(result, declaration, expr) \
  auto result = (expr);                                          \
  if (!result.ok()) {                                            \
    return result.status();                                      \
  }                                                              \
  declaration = std::move(result).value()

}  // namespace auspex
