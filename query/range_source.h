#pragma once

#include <optional>

#include "operator.h"

namespace auspex::query {

/// When a selector or subquery looks: `offset` and `@` with start() and end() resolved.
struct TimeShift {
  std::optional<int64_t> at_ms;
  int64_t offset_ms = 0;
  /// The times to look at for the evaluation times of `grid`: as many, or a single one for all of them (`@`).
  StepGrid Apply(const StepGrid& grid) const {
    if (at_ms) return {*at_ms - offset_ms, grid.step_ms, 1};
    return {grid.start_ms - offset_ms, grid.step_ms, grid.count};
  }
};

/// Where range vectors take their samples from: stored series, or an expression evaluated at steps of its own.
/// Immutable, thread-safe.
class RangeSource {
 public:
  virtual ~RangeSource() = default;
  /// The series with their samples of [begin_ms, end_ms], staleness markers left out.
  virtual Result<std::unique_ptr<Selection>> Open(int64_t begin_ms, int64_t end_ms, Execution& execution) const = 0;
  /// Whether a Selection's ReadSummarized saves anything.
  virtual bool Summarizes() const { return false; }
  /// Whether all series have the same metric name, so that dropping it cannot make two of them equal.
  virtual bool OneMetric() const = 0;
  /// Whether samples are read as they are stored: reading far back then costs no evaluation.
  virtual bool Stored() const { return false; }
};

/// The series that all `matchers` hold for.
/// `reset_hints`: histograms say whether they are resets (reset_hint.h). `alternatives`: as SelectSeries takes them.
std::unique_ptr<const RangeSource> MakeStoredSource(std::vector<Matcher> matchers, bool reset_hints = false,
                                                    std::vector<std::vector<Matcher>> alternatives = {});
/// `expr` at every multiple of step_ms; `aligned`: at the end of the range, and every step_ms before.
std::unique_ptr<const RangeSource> MakeSubquerySource(OperatorPtr expr, int64_t step_ms, bool aligned = false);

/// Whether a matcher fixes the metric name.
bool FixesMetricName(const std::vector<Matcher>& matchers);

}  // namespace auspex::query
