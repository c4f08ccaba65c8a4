#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rule.h"
#include "rule_evaluator.h"

namespace auspex::analytics {

/// A sample that a rule gives at some time, as it will be stored.
struct LabelledValue {
  Labels labels;
  double value = 0;
  HistogramPtr histogram = nullptr;  ///< in place of the value
};
using LabelledValues = std::vector<LabelledValue>;

/// One alert of an alerting rule, pending or firing.
struct ActiveAlert {
  bool firing = false;
  int64_t active_since_ms = 0;
  std::optional<int64_t> absent_since_ms;                        ///< keep_firing_for runs from here
  double value = 0;                                              ///< of the expression, when it last was true
  std::vector<std::pair<std::string, std::string>> annotations;  ///< rendered then
};

/// Where an alerting rule stands. Copyable: a tick works on a copy until its transaction is stored.
struct AlertState {
  std::map<Labels, ActiveAlert> active;  ///< by the alert's labels, alertname included
  /// "inactive", "pending" or "firing": the worst of all.
  std::string_view Name() const;
};

/// One evaluation of an alerting rule, as Prometheus does it: `for`, `keep_firing_for`, and what ALERTS and ALERTS_FOR_STATE
/// become. Errors: FailedPrecondition when two results become the same alert.
Result<LabelledValues> StepAlert(const Rule& rule, const StepMatrix& points, size_t step, int64_t t_ms, AlertState& state);

/// One evaluation of a recording rule. Errors: FailedPrecondition when two results become the same series.
Result<LabelledValues> StepRecord(const Rule& rule, const StepMatrix& points, size_t step);

}  // namespace auspex::analytics
