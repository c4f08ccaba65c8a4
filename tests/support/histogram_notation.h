#pragma once

#include <string_view>

#include "auspex/storage/base/result.h"
#include "auspex/storage/histogram.h"

namespace auspex::testing {

/// What stands between the braces of `{{schema:1 count:5 sum:3.5 z_bucket:1 z_bucket_w:0.001 offset:-2 buckets:[1 2 1]
/// n_offset:0 n_buckets:[1] custom_values:[5 10] counter_reset_hint:gauge}}`: the notation of Prometheus' language tests.
Result<Histogram> ParseHistogramNotation(std::string_view text);

/// Whether two histograms agree within a relative 1e-6 in every count, empty buckets aside. A hint is compared only where
/// `expected` says gauge.
bool HistogramsAgree(const Histogram& expected, const Histogram& found);

}  // namespace auspex::testing
