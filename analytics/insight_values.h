#pragma once

#include "auspex/analytics/insight.h"
#include "rule_evaluator.h"
#include "rule_expression.h"

namespace auspex::analytics {

/// Asks the engine for what the observed series was and should have been at the anomaly's start. What cannot be known
/// stays empty.
void FillObserved(const RuleEvaluator& evaluator, const RuleExpression& expression, Anomaly& anomaly);

/// When the series with `labels` reaches the limit, as forecast at `t_ms`: expected, earliest and latest. `value`: what the
/// rule's expression gave, in seconds. None when nothing is foreseen.
std::optional<PredictionRange> Predicted(const RuleEvaluator& evaluator, const RuleExpression& expression, const Labels& labels,
                                         int64_t t_ms, double value);
/// The one of the three times that the rule's own expression gives.
std::optional<int64_t> GivenBy(const RuleExpression& expression, const PredictionRange& range);

}  // namespace auspex::analytics
