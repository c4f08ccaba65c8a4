#pragma once

#include <cstdint>

#include "auspex/analytics/insight.h"
#include "rule.h"

namespace auspex::analytics {

/// Writes the insight's name, description and recommendations from what it holds, in plain words, as of behaviour time
/// `t_ms`. The annotations `summary` and `description` of the rule take the place of the built-in words.
void WriteWords(const Rule& rule, int64_t t_ms, Insight& insight);

/// `latency_seconds{service="checkout"}`, or the observed expression with its labels.
std::string SubjectText(const RuleExpression& expression, const Labels& labels);

}  // namespace auspex::analytics
