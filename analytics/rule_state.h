#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "insight_log.h"
#include "insight_tracker.h"
#include "rule.h"
#include "rule_alert.h"

namespace auspex::analytics {

/// Where one rule stands between two evaluations. Copyable: a tick works on a copy until its transaction is stored.
struct RuleState {
  std::vector<Labels> series;  ///< that the last evaluation wrote, sorted: those that vanish get a stale marker
  AlertState alert;
  InsightState insight;
  std::string stored;  ///< as it is in the store
};

/// How one rule does. Not stored.
struct RuleHealth {
  uint64_t evaluations = 0;
  uint64_t failures = 0;
  std::string last_error;  ///< of the last evaluation; empty when it went well
  int64_t last_duration_ns = 0;
};

/// A group as it stands.
struct GroupState {
  std::shared_ptr<const RuleGroup> group;
  std::optional<int64_t> last_evaluation_ms;
  uint64_t missed_intervals = 0;
  std::vector<RuleState> rules;    ///< as many as group->rules
  std::vector<RuleHealth> health;  ///< as many
};

/// Records' keys: a group's own, and one per rule (rules of a group may share a name; `index` counts all).
std::string GroupStateKey(std::string_view group);
std::string RuleStateKey(const RuleGroup& group, size_t index);
/// [begin, end) of all keys of a group.
std::string GroupStateEnd(std::string_view group);

std::string GroupStateToJson(const GroupState& state);
Status GroupStateFromJson(std::string_view json, GroupState& state);
std::string RuleStateToJson(const RuleState& state);
/// Insights are stored by their id alone and read from the log. Errors: Corruption.
Result<RuleState> RuleStateFromJson(std::string_view json, const InsightLog& insights);

}  // namespace auspex::analytics
