#pragma once

#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "auspex/analytics/log_pattern.h"
#include "auspex/storage/matcher.h"
#include "auspex/storage/record_store.h"

namespace auspex::analytics {

/// Log patterns, stored by when they were last seen, so that retention takes those that are not seen any more. Thread-safe.
/// Borrows the store.
class PatternLog {
 public:
  static constexpr std::string_view kCounter = "log_pattern_lines_total";

  explicit PatternLog(RecordStore& records) : records_(records) {}

  /// Adds what was seen to what is known, and a sample to each pattern's counter, all together. Returns the ids.
  /// Errors: InvalidArgument (no template, a text that is not UTF-8, times), and the store's.
  /// Cost: reads every pattern of the tenant: for what gathered in seconds, not for each line.
  Result<std::vector<std::string>> Add(TenantId tenant, std::span<const LogPatternSeen> seen);
  /// Seen at some time of [begin_ms, end_ms], labels passing every matcher, the one seen last comes last; 0: no limit.
  Result<std::vector<LogPattern>> Find(TenantId tenant, int64_t begin_ms, int64_t end_ms, std::span<const Matcher> matchers,
                                       size_t limit) const;

 private:
  RecordStore& records_;
  std::mutex adding_;  // two that add would both count on from what was there
};

}  // namespace auspex::analytics
