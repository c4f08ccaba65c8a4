#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "auspex/analytics/insight.h"
#include "rule_expression.h"
#include "rule_template.h"

namespace auspex::analytics {

enum class RuleKind : uint8_t { kRecord, kAlert, kInsight };
std::string_view Name(RuleKind kind);  ///< "record"

/// `high: "> 4 or svc:http_error_ratio:1m > 0.05"`: holds when the magnitude of the rule's value passes the bound, or when
/// the expression has a series that agrees with the anomaly's on every label they share.
struct SeverityBound {
  enum class Op : uint8_t { kGreater, kGreaterEqual, kLess, kLessEqual };
  Severity severity = Severity::kMedium;
  Op op = Op::kGreater;
  double bound = 0;
  std::string or_expr;  ///< empty: none
  bool Holds(double magnitude) const;
};

struct RecommendationTemplate {
  std::string name;
  Template text;
  Template reason;
  Template link;
};

/// What an `insight` rule says beyond its expression.
struct InsightRule {
  InsightType type = InsightType::kReactive;
  std::string when;  ///< empty: always
  Severity severity = Severity::kMedium;
  std::vector<SeverityBound> bounds;                 ///< the highest that holds wins; none given: `severity`
  std::optional<std::vector<std::string>> group_by;  ///< none: every label of the series; empty: one insight for the rule
  AnomalyRole role = AnomalyRole::kCausal;
  int64_t correlate_events_ms = 30 * 60 * 1000;
  int64_t reopen_within_ms = 30 * 60 * 1000;
  int64_t merge_within_ms = 90 * 60 * 1000;
  std::vector<RecommendationTemplate> recommend;
};

/// One rule of a group. Immutable once loaded.
struct Rule {
  using NamedTemplates = std::vector<std::pair<std::string, Template>>;

  RuleKind kind = RuleKind::kRecord;
  std::string name;
  std::string expr;
  int64_t for_ms = 0;
  int64_t keep_firing_for_ms = 0;
  NamedTemplates labels;  ///< the group's, overridden by the rule's
  NamedTemplates annotations;
  InsightRule insight;
  RuleExpression expression;  ///< what the text of `expr` tells
  std::string definition;     ///< YAML
  std::string version;        ///< hash of the definition
};

/// Rules that are evaluated together, in order, at the same times. Immutable once loaded.
struct RuleGroup {
  std::string name;
  int64_t interval_ms = 60 * 1000;
  int64_t query_offset_ms = 0;
  size_t limit = 0;  ///< series that one rule may give; 0: no limit
  std::vector<Rule> rules;
  std::string definition;  ///< YAML of a file with this group alone

  const Rule* Find(std::string_view rule) const;
};

}  // namespace auspex::analytics
