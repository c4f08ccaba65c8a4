#pragma once

#include <cstdint>

namespace auspex {

/// Where time comes from. Nothing in the library asks the system for it, so a test can hold time in its hand.
/// Implementations are thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall time, milliseconds since 1970-01-01T00:00:00Z.
  virtual int64_t NowMs() const = 0;
  /// Time that never goes back, for measuring how long something took. Nanoseconds from an arbitrary start.
  virtual int64_t MonotonicNs() const = 0;

  /// The system's clock; lives as long as the process.
  static const Clock& System();
};

}  // namespace auspex
