#pragma once

#include <protozero/pbf_reader.hpp>

#include "auspex/storage/histogram.h"

namespace auspex::server {

/// A histogram as remote write carries it, and its time.
struct HistogramSample {
  int64_t t_ms = 0;
  HistogramPtr histogram;  ///< null: a staleness marker
};

/// Reads prometheus.Histogram or io.prometheus.write.v2.Histogram, which are the same. Integer histograms become float ones,
/// exact up to 2^53; a resolution beyond what is stored is reduced. Only "gauge" is kept of the reset hint: whether a counter
/// started again is found by comparing, as Prometheus does with what it stores.
/// Errors: InvalidArgument (spans that do not fit the buckets, and what Validate refuses). Throws protozero::exception.
Result<HistogramSample> ReadHistogramMessage(protozero::pbf_reader message);

}  // namespace auspex::server
