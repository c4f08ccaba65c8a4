#pragma once

#include <string_view>

#include "auspex/query/function_registry.h"
#include "auspex/storage/series_store.h"

namespace auspex::query {

/// A range function that can answer from summaries of runs of samples with the same bits as from the samples.
struct SummaryKernel {
  bool sums = false;    ///< needs the runs' sums
  bool resets = false;  ///< needs the runs' resets
  /// `columns` has at least one run; input.t_ms and input.values are not looked at.
  void (*evaluate)(const RangeInput& input, const SummarizedColumns& columns, std::span<double> out) = nullptr;
};

/// Null when the function needs every sample.
const SummaryKernel* FindSummaryKernel(std::string_view name);

}  // namespace auspex::query
