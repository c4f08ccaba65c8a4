#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/analytics/detector.h"
#include "auspex/analytics/forecaster_registry.h"
#include "auspex/storage/base/result.h"
#include "auspex/storage/matcher.h"

namespace auspex::analytics {

enum class Direction : uint8_t { kBoth, kAbove, kBelow };

/// What `opts` of the anomaly functions may say.
struct AnomalyOptions {
  const DetectorRow* detector = nullptr;
  DetectorOptions detecting;
  Direction direction = Direction::kBoth;
  double min_abs = 0;     ///< unit of the series: smaller deviations from the expected value are no anomalies
  double min_rel = 1e-3;  ///< share of the expected value, the same; not applied to unrest and calm
  double lowest = 0;      ///< with has_range: values outside of [lowest, highest] are always anomalies
  double highest = 0;
  bool has_range = false;
  int64_t history_ms = 56 * int64_t{86'400'000};  ///< how long before the anchor seasons are learned from
  std::vector<Matcher> exclude;                   ///< of events after which nothing is learned; empty: none
  int64_t exclude_for_ms = 3'600'000;             ///< how long after each
  std::string zone;                               ///< name of detecting.zone
  int64_t eval_ms = 0;                            ///< the stretch that is judged: 0 the newest sample
};

/// What `opts` of the forecast functions may say.
struct ForecastOptions {
  const ForecasterRow* forecaster = nullptr;
  Season season = Season::kAuto;
  LimitSide side = LimitSide::kAuto;
  double horizon_seconds = 30 * 86'400;
  int64_t history_ms = 28 * int64_t{86'400'000};  ///< how much is looked at, where the range is shorter and it is stored
};

/// What `opts` of the change point functions may say.
struct ChangeOptions {
  Season season = Season::kAuto;
  Direction direction = Direction::kBoth;
  double min_abs = 0;  ///< unit of the series: smaller shifts are no changes
  double min_rel = 0;  ///< share of the level before, the same
};

/// "key=value,key=value"; blanks around keys and values are allowed, nothing else is forgiven.
/// Errors: InvalidArgument naming the function, the key, what was found and what is known.
Result<AnomalyOptions> ParseAnomalyOptions(std::string_view function, std::string_view text, const DetectorRegistry& detectors);
Result<ChangeOptions> ParseChangeOptions(std::string_view function, std::string_view text);
Result<ForecastOptions> ParseForecastOptions(std::string_view function, std::string_view text, bool has_limit,
                                             const ForecasterRegistry& forecasters);

/// A duration that was given as a number of seconds. Errors: InvalidArgument when it is not known before the query runs (NaN),
/// not greater than 0, or longer than a century.
Result<int64_t> ReadDurationMs(std::string_view function, std::string_view argument, double seconds);

}  // namespace auspex::analytics
