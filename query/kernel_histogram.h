#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "kernel.h"

namespace auspex::query {

/// Evaluates a function over numbers alone.
using NumberKernel = std::function<Status(const RangeInput& input, std::span<double> out, Annotations& notes)>;

/// Evaluates a built-in range function over a range in which some samples are histograms. Where a window has numbers alone,
/// `numbers` answers; a function that cannot take histograms sees a window's numbers, with a note.
/// out: as of a kernel; histograms: beside `out`, resized where an answer is a histogram.
Status EvaluateHistogramRange(std::string_view function, const RangeInput& input, const NumberKernel& numbers,
                              std::span<double> out, std::vector<HistogramPtr>& histograms, Annotations& notes);

/// The same for a function that looks at the whole range at once: it sees the numbers.
Status EvaluateNumbersOnly(const RangeInput& input, const NumberKernel& numbers, std::span<double> out, Annotations& notes);

}  // namespace auspex::query
