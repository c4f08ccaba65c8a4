#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "auspex/analytics/functions.h"
#include "auspex/query/function_registry.h"

namespace auspex::testing {

/// Samples of one series.
struct Samples {
  std::vector<int64_t> t_ms;
  std::vector<double> values;
  Labels labels = Labels::Of({{"__name__", "x"}});
  void Add(int64_t t, double value) {
    t_ms.push_back(t);
    values.push_back(value);
  }
};

/// An argument of a call after `x[range]`: a number or a string.
struct Argument {
  Argument(double value) : number(value), type(query::ValueType::kScalar) {}     // NOLINT: as literals are written
  Argument(const char* value) : text(value), type(query::ValueType::kString) {}  // NOLINT
  double number = 0;
  std::string text;
  query::ValueType type;
};

struct Answer {
  Status status;
  std::vector<double> values;
  query::Annotations annotations;
  double front() const { return values.at(0); }
};

/// Calls a range function as the engine does. kept: a registry with the functions that outlives the call; null: a new one.
inline Answer Call(const std::string& function, int64_t range_ms, const std::vector<Argument>& arguments,
                   const Samples& samples, query::StepGrid steps, query::FunctionRegistry* kept = nullptr) {
  query::FunctionRegistry own;
  Answer answer;
  if (kept == nullptr) answer.status = analytics::RegisterAnalyticsFunctions(own);
  if (!answer.status.ok()) return answer;
  const query::FunctionRegistry& registry = kept == nullptr ? own : *kept;
  query::RangeCall call;
  call.range_ms = range_ms;
  call.types = {query::ValueType::kMatrix};
  call.strings = {""};
  call.numbers = {std::numeric_limits<double>::quiet_NaN()};
  std::vector<double> scalars(arguments.size());
  for (size_t i = 0; i < arguments.size(); ++i) {
    call.types.push_back(arguments[i].type);
    call.strings.push_back(arguments[i].text);
    call.numbers.push_back(arguments[i].type == query::ValueType::kScalar ? arguments[i].number
                                                                          : std::numeric_limits<double>::quiet_NaN());
    scalars[i] = arguments[i].number;
  }
  auto kernel = registry.Find(function)->make_range(call);
  if (!kernel.ok()) {
    answer.status = kernel.status();
    return answer;
  }
  // The engine hands over no more than the kernel asked for.
  const int64_t begin_ms = steps.start_ms - range_ms - (*kernel)->HistoryMs();
  Samples seen;
  for (size_t i = 0; i < samples.t_ms.size(); ++i) {
    if (samples.t_ms[i] >= begin_ms && samples.t_ms[i] <= steps.end_ms()) seen.Add(samples.t_ms[i], samples.values[i]);
  }
  query::RangeInput input;
  input.t_ms = seen.t_ms;
  input.values = seen.values;
  input.steps = steps;
  input.range_ms = range_ms;
  input.labels = &samples.labels;
  input.scalars.resize(arguments.size() + 1);
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].type == query::ValueType::kScalar) input.scalars[i + 1] = std::span(&scalars[i], 1);
  }
  answer.values.assign(steps.count, query::Absent());
  answer.status = (*kernel)->Evaluate(input, answer.values, answer.annotations);
  return answer;
}

/// At every sample from the first on: the grid must be regular.
inline query::StepGrid EverySample(const Samples& samples, size_t first = 0) {
  const int64_t step_ms = samples.t_ms[1] - samples.t_ms[0];
  return {.start_ms = samples.t_ms[first], .step_ms = step_ms, .count = samples.t_ms.size() - first};
}

}  // namespace auspex::testing
