#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/query/joint_function.h"
#include "auspex/query/value.h"
#include "auspex/storage/base/result.h"

namespace auspex::query {

/// The arguments of a call beside its range vector, which functions may look at before evaluation starts.
/// The vectors have one entry per argument position of the call (the range vector's own entry is empty).
struct RangeCall {
  int64_t range_ms = 0;              ///< of the selector or subquery: `x[1d]` -> 86,400,000
  std::vector<std::string> strings;  ///< literal string arguments; "" elsewhere
  std::vector<double> numbers;       ///< literal number (or duration, in seconds) arguments; NaN elsewhere
  std::vector<ValueType> types;      ///< of each argument
};

/// One series and the steps to answer: what a range function sees.
struct RangeInput {
  std::span<const int64_t> t_ms;    ///< strictly increasing, from (steps.start_ms - range_ms - history_ms) to steps.end_ms()
  std::span<const double> values;   ///< as many; staleness markers are left out
  std::span<const HistogramPtr> histograms;  ///< empty: registered functions are given numbers alone
  StepGrid steps;                   ///< ends of the windows: evaluation times with `offset` and `@` applied
  StepGrid evaluation;              ///< as many evaluation times, as they were asked for
  int64_t range_ms = 0;
  int64_t lookback_ms = 0;         ///< how far beyond the window `anchored` and `smoothed` look
  bool closed_left = false;        ///< compat=2: the window of step t is [t - range_ms, t], else (t - range_ms, t]
  const Labels* labels = nullptr;  ///< of the series, metric name included
  /// Scalar arguments by argument position: steps.count values, or one that holds for every step; empty for other types.
  std::vector<std::span<const double>> scalars;
};

/// A range function made ready for one call: arguments are checked, options parsed. Immutable, thread-safe.
class RangeFunction {
 public:
  virtual ~RangeFunction() = default;
  /// How much older than the first step's window the samples must reach that Evaluate sees, in ms.
  virtual int64_t HistoryMs() const { return 0; }
  /// Where the function answers with several series per series: the label pair (name, value) by which each is told apart.
  /// Empty: one series, with the labels as they are.
  virtual std::vector<std::pair<std::string, std::string>> Outputs() const { return {}; }
  /// Fills out[k] for step k of input.steps (of output o: out[o * input.steps.count + k]); `out` comes filled with Absent().
  /// O(samples + steps).
  virtual Status Evaluate(const RangeInput& input, std::span<double> out, Annotations& annotations) const = 0;
};

/// Argument types a call must have. `kDuration`: a scalar in seconds for which `1h` may be written as well. `kSeries`: an
/// instant or a range vector, for joint functions.
enum class ArgumentType : uint8_t { kScalar, kVector, kMatrix, kString, kDuration, kSeries };

struct Argument {
  std::string name;
  ArgumentType type;
  bool optional = false;
};

/// One row of the registry: what the parser, the type check, error suggestions, documentation and completion know of a
/// function. Row of a range function: exactly one argument is kMatrix and make_range is set. Row of a joint function:
/// make_joint is set.
struct Function {
  std::string name;
  std::vector<Argument> arguments;
  bool variadic = false;  ///< the last argument may be repeated
  ValueType returns = ValueType::kVector;
  std::string description;  ///< one sentence, with the unit of the value
  std::string example;      ///< a call that works
  bool experimental = false;
  bool keeps_metric_name = false;  ///< the output series keep __name__ (last_over_time, ...)
  /// Range functions: checks the call's literal arguments and makes the kernel. Errors: InvalidArgument.
  std::function<Result<std::unique_ptr<const RangeFunction>>(const RangeCall&)> make_range;
  /// Joint functions: the same.
  std::function<Result<std::unique_ptr<const JointFunction>>(const JointCall&)> make_joint;
  bool aggregates = false;          ///< `by (...)` or `without (...)` may stand before or after the arguments
};

/// Which argument of a call stands for which parameter: entry p is the index of the argument given for parameter p, or -1
/// when it was left out. An optional parameter is left out when the next argument's type fits a later one, so
/// `anomaly_score(x[1d], "dir=above")` skips k. Repeats of a variadic last parameter follow it, one entry each.
/// `types`: of the arguments given. A kDuration parameter takes a scalar.
/// Errors: InvalidArgument in Prometheus' words; `offender`, when given, is set to the argument at fault, -1 for the call.
Result<std::vector<int>> MatchArguments(const Function& function, std::span<const ValueType> types, int* offender = nullptr);

/// The functions of the language, built-in ones first; analytics and users of the library add theirs.
/// One thread at a time while rows are added, thread-safe afterwards.
class FunctionRegistry {
 public:
  /// The functions of PromQL.
  static FunctionRegistry BuiltIn();

  /// Errors: AlreadyExists; InvalidArgument when the row contradicts itself.
  Status Add(Function function);
  /// Null when there is none.
  const Function* Find(std::string_view name) const;
  /// The known name nearest to `name` by edit distance, or "" when none is near: "did you mean".
  std::string Nearest(std::string_view name) const;
  /// In order of name.
  std::vector<const Function*> All() const;

 private:
  std::vector<std::unique_ptr<const Function>> functions_;  // sorted by name
};

}  // namespace auspex::query
