#pragma once

#include "operator.h"

namespace auspex::query {

struct Expr;

/// What says which metric a series is of: its name, type and unit. Whatever makes something else of the values drops it.
/// Prometheus 2 knew of the name only.
///
/// Where an expression can tell the difference, dropping is put off to the end of the query, as Prometheus 3 does it behind
/// --enable-feature=promql-delayed-name-removal and in its own tests: the name can then still be grouped by or copied, and
/// series of different metrics do not collide on the way. A series whose name is to be dropped carries the label
/// kNameIsDropped, which no stored series has (it is not UTF-8) and no answer shows.
inline constexpr std::string_view kNameIsDropped = "\xff";
inline constexpr std::string_view kMetricType = "__type__";
inline constexpr std::string_view kMetricUnit = "__unit__";

/// The labels of a result that is of no metric any more.
Labels DropIdentity(const Labels& labels, const Execution& execution);
/// The same at once, even where dropping is put off: for results that are of two metrics.
Labels WithoutIdentity(const Labels& labels, const Execution& execution);
/// DropIdentity of every series, those that became equal merged.
/// Errors: FailedPrecondition when two of them have a sample at the same step.
Result<Batch> DropIdentities(Batch batch, const Execution& execution);
/// As an answer shows them: without the name when it was dropped.
Labels SettledLabels(const Labels& labels);

/// Whether an expression could tell when names are dropped.
bool NeedsDelayedNames(const Expr& expr);
/// The root of a plan with delayed names: turns the delay on and settles the answer.
OperatorPtr MakeSettleNames(OperatorPtr expr);
/// Before an aggregation by the metric name: the name of a group is dropped when that of any of its series is.
OperatorPtr MakeSpreadDroppedNames(OperatorPtr expr, std::vector<std::string> grouping);

}  // namespace auspex::query
