#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "auspex/storage/base/result.h"

namespace auspex::query {

/// A time zone of the system's data (/usr/share/zoneinfo, Debian's package tzdata). Immutable.
class TimeZone {
 public:
  /// Errors: FailedPrecondition when there is no such zone, or its file is not what RFC 8536 says.
  static Result<TimeZone> Load(std::string_view name);
  /// Reads the bytes of a zone's file.
  static Result<TimeZone> Parse(std::string_view name, std::string_view bytes);
  /// How far local time is ahead of UTC, in seconds. Behind the last change that the data knows, as after it.
  int64_t OffsetSeconds(int64_t utc_seconds) const;

 private:
  int64_t first_offset_ = 0;                          // before the first change
  std::vector<std::pair<int64_t, int64_t>> changes_;  // from when on, offset
};

}  // namespace auspex::query
