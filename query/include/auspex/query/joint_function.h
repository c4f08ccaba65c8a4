#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "auspex/query/value.h"
#include "auspex/storage/base/result.h"

namespace auspex::query {

/// The arguments of a call of a joint function as far as they are known before evaluation starts: one entry per argument.
struct JointCall {
  std::vector<std::string> strings;   ///< literal string arguments; "" elsewhere
  std::vector<double> numbers;        ///< literal number (or duration, in seconds) arguments; NaN elsewhere
  std::vector<ValueType> types;       ///< of each argument
  std::vector<int64_t> ranges_ms;     ///< of selectors and subqueries; 0 elsewhere
};

/// One series of an argument. Borrows.
struct JointSeries {
  const Labels* labels = nullptr;   ///< metric name included
  /// Range vector: the samples in time order, from the first step's window (less HistoryMs) to the last step.
  /// Instant vector: times are empty and there is one value per step, Absent() where it has no sample.
  std::span<const int64_t> t_ms;
  std::span<const double> values;
  size_t group = 0;                 ///< which of JointInput::groups it belongs to
};

/// An argument with all of its series.
struct JointArgument {
  std::vector<JointSeries> series;    ///< of a vector
  std::span<const double> scalar;     ///< of a scalar: a value per step, or one that holds for all of them
  int64_t range_ms = 0;               ///< of a range vector
  StepGrid steps;                     ///< of a range vector: ends of its windows, one per step or (`@`) one for all
  int64_t WindowEndMs(size_t step) const { return steps.At(steps.count == 1 ? 0 : step); }
  double ScalarAt(size_t step) const { return scalar.size() == 1 ? scalar[0] : scalar[step]; }
};

struct JointInput {
  std::vector<JointArgument> arguments;  ///< by position; strings are empty
  StepGrid evaluation;                   ///< times that the answer is for
  bool closed_left = false;              ///< compat=2: the window of step t is [t - range_ms, t], else (t - range_ms, t]
  std::vector<Labels> groups;            ///< by grouping clause; without one, all series are of a single group
  /// Cancelled or DeadlineExceeded when the query has to end: to be asked every millisecond or so.
  std::function<Status()> stop;
};

/// Takes the series of the answer.
class JointOutput {
 public:
  virtual ~JointOutput() = default;
  /// A row with a value per step, Absent() until it is set; valid until the next call. Rows that stay empty are left out, and
  /// metric names where the function's registry row says so.
  virtual std::span<double> Add(Labels labels) = 0;
};

/// The range and resolution with which an expression is read as if it were written as a subquery; 0: it is not.
struct ImpliedRange {
  int64_t range_ms = 0;
  int64_t step_ms = 0;
};

/// A function that looks at several series, or several arguments, at once: an aggregation, a comparison of two vectors, ...
/// Made ready for one call: arguments are checked. Immutable, thread-safe.
class JointFunction {
 public:
  virtual ~JointFunction() = default;
  /// How much older than the first step's window the samples of the range vector at `position` must reach, in ms.
  virtual int64_t HistoryMs(size_t /*position*/) const { return 0; }
  /// How to read an instant vector at `position` (ArgumentType::kSeries) that is wanted as a range.
  virtual ImpliedRange RangeOf(size_t /*position*/) const { return {}; }
  /// Errors: FailedPrecondition (what the series make impossible). Series with equal labels are an error of the caller's.
  virtual Status Evaluate(const JointInput& input, JointOutput& output, Annotations& annotations) const = 0;
};

}  // namespace auspex::query
