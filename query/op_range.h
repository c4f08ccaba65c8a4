#pragma once

#include <functional>
#include <string>

#include "auspex/query/function_registry.h"
#include "kernel.h"
#include "range_extension.h"
#include "range_source.h"

namespace auspex::query {

/// A call of a function of a range vector.
struct RangeSpec {
  std::string function;
  std::unique_ptr<const RangeSource> source;
  int64_t range_ms = 0;
  int64_t aligned_step_ms = 0;  ///< of an aligned subquery (`[1h::5m]`), else 0
  TimeShift shift;
  Kernel kernel = nullptr;                          ///< of a built-in function
  std::unique_ptr<const RangeFunction> registered;  ///< of another
  std::vector<OperatorPtr> scalars;                 ///< by argument position; null for other types
  bool keeps_metric_name = false;
  RangeExtension extension = RangeExtension::kNone;
  std::string place;  ///< of the first argument, " (1:5)", for notes
};

/// Evaluates the function series by series over all steps at once.
OperatorPtr MakeRange(RangeSpec spec);

/// `absent_over_time`: 1 with the given labels at every step where no series has a sample in its window.
OperatorPtr MakeAbsentOverTime(OperatorPtr present, Labels labels);

/// The first sample time that a window of `range_ms` before the first of `times` may see, `history_ms` included.
int64_t WindowBegin(const StepGrid& times, int64_t range_ms, int64_t history_ms, const Execution& execution);

/// The samples of a range vector at `time_ms`, as an instant query of one answers them: gives take the series one after the
/// other, by labels.
Status ReadMatrix(const RangeSource& source, int64_t range_ms, RangeExtension extension, const TimeShift& shift,
                  int64_t time_ms, Execution& execution, const std::function<Status(ResultSeries)>& take);

}  // namespace auspex::query
