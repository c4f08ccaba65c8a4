#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/quality/function_call.h"

namespace auspex::quality {

/// A resource that fills (or does not), five-minute samples, and when it reached its limit of 100.
struct FillHistory {
  std::string kind;  ///< linear, seasonal, stepwise, accelerating, saw-tooth, plateau; never: never-...
  Samples samples;
  int64_t begin_ms = 0;
  int64_t full_ms = 0;  ///< first time at 100; 0: never
};

/// `seeds` histories of each of six kinds that fill, with lives of 4 to 40 days.
std::vector<FillHistory> GenerateFilling(int seeds);
/// `seeds` histories of each of six kinds that never reach the limit: level, season, saw-tooth, saturating plateau, wandering
/// load, falling.
std::vector<FillHistory> GenerateNeverFull(int seeds);

}  // namespace auspex::quality
