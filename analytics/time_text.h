#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace auspex::analytics {

/// The years 0000 to 9999, which RFC 3339 can write.
inline constexpr int64_t kFirstTimeMs = -62'167'219'200'000;
inline constexpr int64_t kLastTimeMs = 253'402'300'799'999;

/// "2026-11-22T03:10:00.000Z"; times outside of those years are written as the nearest one within.
std::string FormatTime(int64_t t_ms);
/// RFC 3339 with any fraction and zone, to milliseconds since 1970; none when it is not one.
std::optional<int64_t> ParseTime(std::string_view text);
/// A span as people say it, two units at most: "45 s", "9 h 12 min", "3 d 4 h".
std::string FormatSpan(double seconds);
/// At most four significant digits: "0.1234", "12.3", "1.5e+09".
std::string FormatNumber(double value);

}  // namespace auspex::analytics
