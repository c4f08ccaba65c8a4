#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "auspex/storage/histogram.h"
#include "auspex/storage/labels.h"

namespace auspex::testing {

/// One series as a remote write request carries it.
struct RemoteSeries {
  Labels labels;
  std::vector<std::pair<int64_t, double>> samples;  ///< (t_ms, value)
  std::vector<std::pair<int64_t, HistogramPtr>> histograms = {};
};

/// prometheus.WriteRequest, compressed with snappy: what a Prometheus server posts to /api/v1/write.
std::string RemoteWriteBody(const std::vector<RemoteSeries>& series);
/// The headers that go with it.
std::vector<std::string> RemoteWriteHeaders();

}  // namespace auspex::testing
