#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "auspex/storage/series_store.h"

namespace auspex::testing {

/// What a window amounts to. Staleness markers count for nothing.
struct WindowAmount {
  uint64_t count = 0;
  double sum = 0;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  double first = 0;
  double last = 0;
  double resets = 0;  // what a counter showed before each of its falls
  void Add(double v) {
    if (IsStaleMarker(v)) return;
    if (count > 0 && v < last) resets += last;
    if (count++ == 0) first = v;
    last = v;
    sum += v;
    min = std::min(min, v);
    max = std::max(max, v);
  }
  void Add(const RunSummary& run) {
    if (count > 0 && run.first < last) resets += last;
    if (count == 0) first = run.first;
    count += run.count;
    resets += run.reset_sum;
    last = run.last;
    sum += run.sum;
    min = std::min(min, run.min);
    max = std::max(max, run.max);
  }
};

}  // namespace auspex::testing
