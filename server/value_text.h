#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auspex/storage/base/result.h"

namespace auspex::server {

/// NaN as Prometheus stores one that was computed or sent as text.
inline constexpr uint64_t kNormalNanBits = 0x7ff8000000000001;

/// Times that a sample may carry: from 1970 to the end of the year 9999, in ms. What lies outside was sent in another unit.
inline constexpr int64_t kMinSampleTimeMs = 0;
inline constexpr int64_t kMaxSampleTimeMs = 253'402'300'799'999;

/// A float as text formats write it: "1", "-2.5e-3", "+Inf", "NaN" in any case. None when it is not one.
std::optional<double> ParseDouble(std::string_view text);
std::optional<int64_t> ParseInt64(std::string_view text);
std::optional<uint64_t> ParseUint64(std::string_view text);

/// Unix seconds with a fraction ("1435781451.781") or RFC 3339 ("2015-07-01T20:10:51.781Z") to ms.
/// Errors: InvalidArgument in Prometheus' words.
Result<int64_t> ParseTimeMs(std::string_view text);
/// Seconds with a fraction ("15", "0.5") or a duration ("15s", "1h30m", "250ms") to ms; smaller parts of a ms are cut.
/// Errors: InvalidArgument in Prometheus' words.
Result<int64_t> ParseDurationMs(std::string_view text);

/// "2015-07-01T20:10:51.781Z"
std::string FormatTime(int64_t t_ms);

}  // namespace auspex::server
