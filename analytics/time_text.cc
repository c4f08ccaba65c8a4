#include "time_text.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

namespace auspex::analytics {
namespace {

constexpr int64_t kDayMs = 24 * 3600 * 1000;

/// Reads `count` digits at `at` and moves it; none when there are fewer.
std::optional<int> ReadDigits(std::string_view text, size_t& at, size_t count) {
  if (at + count > text.size()) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < count; ++i, ++at) {
    if (text[at] < '0' || text[at] > '9') return std::nullopt;
    value = value * 10 + (text[at] - '0');
  }
  return value;
}

bool ReadChar(std::string_view text, size_t& at, std::string_view any_of) {
  if (at >= text.size() || any_of.find(text[at]) == std::string_view::npos) return false;
  ++at;
  return true;
}

/// ".25" to 250; nothing there is 0.
std::optional<int> ReadFractionMs(std::string_view text, size_t& at) {
  if (at >= text.size() || text[at] != '.') return 0;
  const size_t begin = ++at;
  int ms = 0;
  int unit = 100;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10) ms += unit * (text[at] - '0');
  if (at == begin) return std::nullopt;
  return ms;
}

/// "Z", "+02:00" to the minutes that local time is ahead.
std::optional<int> ReadZoneMinutes(std::string_view text, size_t& at) {
  if (ReadChar(text, at, "Zz")) return 0;
  const bool behind = at < text.size() && text[at] == '-';
  if (!ReadChar(text, at, "+-")) return std::nullopt;
  const auto hours = ReadDigits(text, at, 2);
  if (!hours || !ReadChar(text, at, ":")) return std::nullopt;
  const auto minutes = ReadDigits(text, at, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return (behind ? -1 : 1) * (*hours * 60 + *minutes);
}

}  // namespace

std::string FormatTime(int64_t t_ms) {
  t_ms = std::clamp(t_ms, kFirstTimeMs, kLastTimeMs);
  const int64_t days = t_ms / kDayMs - (t_ms % kDayMs < 0 ? 1 : 0);
  const int64_t in_day = t_ms - days * kDayMs;
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), in_day / 3600000,
                     in_day / 60000 % 60, in_day / 1000 % 60, in_day % 1000);
}

std::optional<int64_t> ParseTime(std::string_view text) {
  size_t at = 0;
  std::array<int, 6> fields{};
  constexpr std::array<size_t, 6> kDigits = {4, 2, 2, 2, 2, 2};
  constexpr std::array<std::string_view, 6> kAfter = {"-", "-", "Tt ", ":", ":", ""};
  for (size_t i = 0; i < fields.size(); ++i) {
    const auto field = ReadDigits(text, at, kDigits[i]);
    if (!field || (!kAfter[i].empty() && !ReadChar(text, at, kAfter[i]))) return std::nullopt;
    fields[i] = *field;
  }
  const auto fraction = ReadFractionMs(text, at);
  if (!fraction) return std::nullopt;
  const auto zone = ReadZoneMinutes(text, at);
  if (!zone || at != text.size()) return std::nullopt;
  const auto [year, month, day, hour, minute, second] = fields;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  return days * kDayMs + ((hour * 60 + minute - *zone) * int64_t{60} + second) * 1000 + *fraction;
}

std::string FormatSpan(double seconds) {
  if (!std::isfinite(seconds) || std::abs(seconds) > 3e10) return seconds < 0 ? "-Inf" : "for ever";
  const std::string sign = seconds < 0 ? "-" : "";
  const double span = std::abs(seconds);
  if (span < 1) return sign + FormatNumber(span * 1000) + " ms";
  const auto whole = static_cast<int64_t>(std::llround(span));
  const auto two = [&](int64_t large, std::string_view large_unit, int64_t small, std::string_view small_unit) {
    return small == 0 ? fmt::format("{}{} {}", sign, large, large_unit)
                      : fmt::format("{}{} {} {} {}", sign, large, large_unit, small, small_unit);
  };
  if (whole < 60) return fmt::format("{}{} s", sign, whole);
  if (whole < 3600) return two(whole / 60, "min", whole % 60, "s");
  const int64_t minutes = (whole + 30) / 60;
  if (minutes < 24 * 60) return two(minutes / 60, "h", minutes % 60, "min");
  const int64_t hours = (minutes + 30) / 60;
  return two(hours / 24, "d", hours % 24, "h");
}

std::string FormatNumber(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
  return fmt::format("{:.4g}", value);
}

}  // namespace auspex::analytics
