#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "auspex/storage/labels.h"

namespace auspex::analytics {

/// What one Tick did.
struct TickReport {
  uint64_t groups_evaluated = 0;
  uint64_t rules_evaluated = 0;
  uint64_t rules_failed = 0;
  uint64_t intervals_missed = 0;  ///< evaluations that should have happened since the last tick and did not
  uint64_t insights_opened = 0;
  uint64_t insights_updated = 0;
  uint64_t insights_closed = 0;
  std::vector<std::string> errors;  ///< "group/rule: ..."
};

struct ReplayProgress {
  int64_t t_ms = 0;
  uint64_t evaluations_done = 0;
  uint64_t evaluations_total = 0;
};

/// One alert that is pending or firing.
struct AlertStatus {
  Labels labels;  ///< alertname included
  bool firing = false;
  int64_t active_since_ms = 0;
  double value = 0;                                              ///< of the expression, when it last was true
  std::vector<std::pair<std::string, std::string>> annotations;  ///< rendered then
};

/// One rule as it stands.
struct ContinuousQueryStatus {
  std::string group;
  std::string name;
  std::string kind;        ///< "record", "alert", "insight"
  std::string definition;  ///< YAML of the rule alone
  std::string health;      ///< "ok", "err", "unknown"
  std::string last_error;
  int64_t interval_ms = 0;
  std::optional<int64_t> last_evaluation_ms;
  int64_t last_duration_ns = 0;
  uint64_t evaluations = 0;  ///< since the database was opened
  uint64_t failures = 0;
  uint64_t missed_intervals = 0;
  bool warming_up = false;  ///< the first evaluation since the database was opened is not over: it reads all of the history
  std::string state;  ///< alerts: "inactive", "pending", "firing"
  std::vector<AlertStatus> alerts;
};

}  // namespace auspex::analytics
