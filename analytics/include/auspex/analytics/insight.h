#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/storage/base/result.h"
#include "auspex/storage/labels.h"
#include "auspex/storage/matcher.h"

namespace auspex::analytics {

/// [start_ms, end_ms]; no end: goes on.
struct TimeRange {
  int64_t start_ms = 0;
  std::optional<int64_t> end_ms;
};

enum class InsightType : uint8_t { kReactive = 1, kProactive = 2 };
enum class Severity : uint8_t { kLow = 1, kMedium = 2, kHigh = 3 };
enum class InsightStatus : uint8_t { kOngoing = 1, kClosed = 2 };
enum class AnomalyRole : uint8_t { kCausal = 1, kContextual = 2 };
std::string_view Name(InsightType type);      ///< "REACTIVE"
std::string_view Name(Severity severity);     ///< "MEDIUM"
std::string_view Name(InsightStatus status);  ///< "ONGOING"
std::string_view Name(AnomalyRole role);      ///< "CAUSAL"

/// Something that somebody changed: a deployment, a configuration, a schema.
struct Event {
  std::string id;
  std::string kind;  ///< "deployment", "config", "feature_flag", ...
  std::string name;
  std::string source;
  int64_t t_ms = 0;
  Labels labels;  ///< what it touched: service, environment, ...
};

/// A change event as an insight sees it.
struct LinkedEvent {
  Event event;
  double delta_seconds = 0;  ///< behaviour start - event; positive: the event came first
  double relevance = 0;      ///< 0-1: nearer in time and in labels is more
};

struct SeverityChange {
  int64_t t_ms = 0;
  Severity severity = Severity::kLow;
  std::string why;
};

/// One series that one rule found wrong, for one stretch of time.
struct Anomaly {
  std::string id;
  AnomalyRole role = AnomalyRole::kCausal;
  std::string expr;
  Labels labels;
  Severity severity = Severity::kLow;
  InsightStatus status = InsightStatus::kOngoing;
  TimeRange time_range;            ///< behaviour
  TimeRange reported_range;        ///< when auspex said so
  double score = 0;                ///< the rule's value of greatest magnitude while it lasted (signed)
  std::optional<double> value_at;  ///< of the observed series at the first anomalous step, where the rule lets it be known
  std::optional<double> expected;
  std::optional<double> lower;
  std::optional<double> upper;
};

struct Recommendation {
  std::string name;
  std::string description;
  std::string reason;
  std::string link;
};

struct PredictionRange {
  int64_t start_ms = 0;                ///< earliest time at which the limit is reached
  std::optional<int64_t> end_ms;       ///< latest
  std::optional<int64_t> expected_ms;  ///< the forecast itself
  std::optional<double> limit;
};

/// What auspex tells people: what is wrong, since when, what changed before, how bad, what to do.
/// Field names follow Amazon DevOps Guru's where it has one.
struct Insight {
  std::string id;  ///< deterministic: from (group, rule, group key, start of the first causal anomaly)
  std::string group;
  std::string cq;          ///< the rule
  std::string cq_version;  ///< hash of the rule's definition
  InsightType type = InsightType::kReactive;
  std::string name;
  std::string description;
  Severity severity = Severity::kLow;
  std::vector<SeverityChange> severity_history;
  InsightStatus status = InsightStatus::kOngoing;
  TimeRange time_range;                             ///< behaviour
  TimeRange reported_range;                         ///< when auspex opened and closed it
  std::optional<PredictionRange> prediction_range;  ///< proactive only
  Labels collection;                                ///< the group key: service, environment, ...
  std::vector<Anomaly> anomalies;
  std::vector<LinkedEvent> events;
  std::vector<Recommendation> recommendations;
  uint32_t revision = 1;      ///< counts up; every revision stays stored
  int64_t known_from_ms = 0;  ///< when this revision became known
  uint32_t reopen_count = 0;
  uint32_t missed_evaluations = 0;  ///< that should have happened while it lasted and did not
  bool replayed = false;            ///< found in history, not as it happened
};

/// Which insights. Empty fields do not restrict.
struct InsightFilter {
  std::optional<InsightType> type;
  std::optional<InsightStatus> status;
  std::optional<Severity> min_severity;
  std::string group;
  std::string cq;
  std::vector<Matcher> matchers;            ///< on the collection's labels, or on those of one of the anomalies
  std::optional<int64_t> begin_ms, end_ms;  ///< behaviour overlaps [begin, end]
  std::optional<int64_t> known_at_ms;       ///< as it was known then
  size_t limit = 0;                         ///< 0: no limit; newest behaviour first
};

/// JSON as the HTTP API shows and the store keeps it. Times are RFC 3339 strings in UTC with milliseconds.
std::string ToJson(const Insight& insight);
std::string ToJson(const Event& event);
/// Errors: InvalidArgument naming the field.
Result<Insight> InsightFromJson(std::string_view json);
Result<Event> EventFromJson(std::string_view json);

}  // namespace auspex::analytics
