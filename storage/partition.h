#pragma once

#include <compare>
#include <cstdint>

namespace auspex::storage {

inline constexpr int64_t kDayMs = 86'400'000;

/// Times that can be stored: about 270,000 years on both sides of 1970, so that no sum of a few of them overflows.
inline constexpr int64_t kMinTimeMs = -8'640'000'000'000'000;
inline constexpr int64_t kMaxTimeMs = 8'640'000'000'000'000;

/// A stretch of whole UTC days whose blocks are stored side by side and dropped together.
/// Partitions of different lengths may overlap (when the retention was changed).
struct Partition {
  int32_t begin_day = 0;  ///< days since 1970-01-01
  uint8_t days = 1;
  int64_t begin_ms() const { return begin_day * kDayMs; }
  int64_t end_ms() const { return (int64_t{begin_day} + days) * kDayMs; }
  bool Overlaps(int64_t from_ms, int64_t to_ms) const { return begin_ms() < to_ms && from_ms < end_ms(); }
  friend auto operator<=>(const Partition&, const Partition&) = default;
};

/// How times fall into partitions: calendar months, or, when a retention is so short that whole months would outlive it by
/// more than a tenth, runs of days. Immutable.
class Partitioning {
 public:
  explicit Partitioning(int64_t retention_ms);
  Partition Of(int64_t t_ms) const;

 private:
  int32_t days_;  // 0: months
};

}  // namespace auspex::storage
