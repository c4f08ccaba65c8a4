#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/query/function_registry.h"

namespace auspex::quality {

/// Samples of one series: two columns of one length.
struct Samples {
  std::vector<int64_t> t_ms;
  std::vector<double> values;
  void Add(int64_t t, double x) {
    t_ms.push_back(t);
    values.push_back(x);
  }
};

/// `function(x[range_ms], scalars..., "options")` at each step, as the engine calls it; absent where there is no answer.
/// The series has the labels {__name__="x", series=NAME}. Errors: the function's.
Result<std::vector<double>> CallAt(const query::FunctionRegistry& registry, std::string_view function, int64_t range_ms,
                                   std::span<const double> scalars, const std::string& options, const std::string& name,
                                   std::span<const int64_t> t_ms, std::span<const double> values, const query::StepGrid& steps);

/// The same at each sample's own time, 0 where there is no answer: one range query whose step divides all distances.
Result<std::vector<double>> CallAtSamples(const query::FunctionRegistry& registry, std::string_view function, int64_t range_ms,
                                          const std::string& options, const std::string& name, const Samples& samples);

}  // namespace auspex::quality
