#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "auspex/storage/base/result.h"
#include "auspex/storage/labels.h"

namespace auspex::analytics {

/// Lines of one log stream that are alike but for their variable parts. How many there were over time is a counter beside the
/// other metrics: log_pattern_lines_total{pattern="<id>", ...the stream's labels}.
struct LogPattern {
  std::string id;             ///< of the stream and the template: the same again when it comes back
  Labels labels;              ///< of the stream: service, environment, ...
  std::string template_text;  ///< "connection to <*> refused"
  std::string sample;         ///< a line that was seen first, as it was
  int64_t first_seen_ms = 0;
  int64_t last_seen_ms = 0;
  uint64_t lines_count = 0;  ///< since first_seen_ms
};

/// What was seen of a pattern between two times, both of which belong to it.
struct LogPatternSeen {
  Labels labels;
  std::string template_text;
  std::string sample;
  int64_t begin_ms = 0;
  int64_t end_ms = 0;
  uint64_t lines_count = 0;
};

/// JSON as the store keeps it. Times are RFC 3339 strings in UTC with milliseconds.
std::string ToJson(const LogPattern& pattern);
/// Errors: InvalidArgument naming the field.
Result<LogPattern> LogPatternFromJson(std::string_view json);

}  // namespace auspex::analytics
