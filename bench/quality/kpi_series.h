#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bench/quality/function_call.h"

namespace auspex::quality {

/// A generated production KPI at one-minute steps with the truth about what is wrong in it.
struct KpiSeries {
  std::string name;
  Samples samples;
  struct Event {
    int64_t begin_ms, end_ms;  ///< both included
    std::string kind;          ///< spike, dip, shift, burst, ramp, season
  };
  std::vector<Event> events;
  int64_t judged_from_ms = 0;  ///< events begin here: eight days are left to learn
};

/// Six kinds (requests, few requests, latency, CPU with a nightly batch, users, success ratio) with `seeds` seeds each, four
/// weeks long: a day with two humps, quieter weekends, noise that grows with the value and remembers itself, missing samples.
/// Each has one event every other day; every seventh series has none.
std::vector<KpiSeries> GenerateKpis(int seeds);

}  // namespace auspex::quality
