#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "auspex/storage/labels.h"

namespace auspex::bench {

struct Series {
  Labels labels;
  std::vector<int64_t> t_ms;
  std::vector<double> values;
};

/// 10 integer walks between 0 and 100 for each host, every 10 s, with the labels of TSBS' devops set
/// (github.com/timescale/tsbs).
std::vector<Series> CpuSet(size_t hosts, double hours);
/// What an exporter of a machine and its services has, for each target: 250 counters, 125 gauges of 2 or 3 decimals, 75
/// constants and 50 full-precision averages.
std::vector<Series> NodeSet(size_t targets, double hours, int64_t step_ms);
/// The value columns of a folder of the Numenta Anomaly Benchmark (every .csv below it), every 5 minutes. Empty without files.
std::vector<Series> NabSet(const std::string& folder);

}  // namespace auspex::bench
