#include "value_text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>

namespace auspex::server {
namespace {

template <typename Number>
std::optional<Number> ParseWhole(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// `count` digits at the front of `text`, which they are taken from.
std::optional<int> TakeDigits(std::string_view& text, size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!IsDigit(text[i])) return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool Take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<int64_t> ParseRfc3339(std::string_view text) {
  const auto year = TakeDigits(text, 4);
  if (!year || !Take(text, '-')) return std::nullopt;
  const auto month = TakeDigits(text, 2);
  if (!month || !Take(text, '-')) return std::nullopt;
  const auto day = TakeDigits(text, 2);
  if (!day || (!Take(text, 'T') && !Take(text, 't'))) return std::nullopt;
  const auto hour = TakeDigits(text, 2);
  if (!hour || *hour > 23 || !Take(text, ':')) return std::nullopt;
  const auto minute = TakeDigits(text, 2);
  if (!minute || *minute > 59 || !Take(text, ':')) return std::nullopt;
  const auto second = TakeDigits(text, 2);
  if (!second || *second > 59) return std::nullopt;
  int64_t ms = 0;
  if (Take(text, '.')) {
    int64_t unit = 100;
    if (text.empty() || !IsDigit(text.front())) return std::nullopt;
    while (!text.empty() && IsDigit(text.front())) {
      ms += (text.front() - '0') * unit;
      unit /= 10;
      text.remove_prefix(1);
    }
  }
  int64_t zone_minutes = 0;
  if (!Take(text, 'Z') && !Take(text, 'z')) {
    const bool west = Take(text, '-');
    if (!west && !Take(text, '+')) return std::nullopt;
    const auto hours = TakeDigits(text, 2);
    if (!hours || *hours > 23 || !Take(text, ':')) return std::nullopt;
    const auto minutes = TakeDigits(text, 2);
    if (!minutes || *minutes > 59) return std::nullopt;
    zone_minutes = (*hours * 60 + *minutes) * (west ? -1 : 1);
  }
  if (!text.empty()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return (((days * 24 + *hour) * 60 + *minute - zone_minutes) * 60 + *second) * 1000 + ms;
}

struct DurationUnit {
  std::string_view name;
  int64_t ms;
};
// In the order in which they may follow each other.
constexpr std::array<DurationUnit, 7> kDurationUnits = {{{"y", 365LL * 24 * 3600 * 1000},
                                                         {"w", 7LL * 24 * 3600 * 1000},
                                                         {"d", 24LL * 3600 * 1000},
                                                         {"h", 3600LL * 1000},
                                                         {"m", 60LL * 1000},
                                                         {"s", 1000},
                                                         {"ms", 1}}};

std::optional<int64_t> ParseUnits(std::string_view text) {
  if (text.empty()) return std::nullopt;
  int64_t total_ms = 0;
  size_t next_unit = 0;
  while (!text.empty()) {
    const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto count = ParseInt64(text.substr(0, digits));
    text.remove_prefix(digits);
    const std::string_view name = text.substr(0, std::min(text.find_first_of("0123456789"), text.size()));
    text.remove_prefix(name.size());
    while (next_unit < kDurationUnits.size() && kDurationUnits[next_unit].name != name) ++next_unit;
    if (!count.has_value() || next_unit == kDurationUnits.size()) return std::nullopt;
    int64_t part_ms = 0;
    if (__builtin_mul_overflow(*count, kDurationUnits[next_unit].ms, &part_ms)) return std::nullopt;
    if (__builtin_add_overflow(total_ms, part_ms, &total_ms)) return std::nullopt;
    ++next_unit;
  }
  return total_ms;
}

}  // namespace

std::optional<double> ParseDouble(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  if (text.empty() || text.back() == ')') return std::nullopt;  // from_chars reads "nan(7)"
  const auto value = ParseWhole<double>(text);
  if (value.has_value()) return std::isnan(*value) ? std::bit_cast<double>(kNormalNanBits) : *value;
  // Too large or too small for a double: infinity and zero, as strtod has it, but only if it is a number at all.
  double ignored = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ignored);
  if (error != std::errc::result_out_of_range || end != text.data() + text.size()) return std::nullopt;
  return std::strtod(std::string(text).c_str(), nullptr);
}

std::optional<int64_t> ParseInt64(std::string_view text) { return ParseWhole<int64_t>(text); }
std::optional<uint64_t> ParseUint64(std::string_view text) { return ParseWhole<uint64_t>(text); }

Result<int64_t> ParseTimeMs(std::string_view text) {
  if (const auto seconds = ParseDouble(text); seconds.has_value()) {
    // Beyond these, no answer could be written as a time either.
    constexpr double kMaxSeconds = 9'223'372'036'854'775.0 / 2;
    if (std::fabs(*seconds) < kMaxSeconds) {
      double whole = 0;
      const double fraction = std::modf(*seconds, &whole);
      return static_cast<int64_t>(whole) * 1000 + static_cast<int64_t>(std::round(fraction * 1000));
    }
  } else if (const auto time = ParseRfc3339(text); time.has_value()) {
    return *time;
  }
  return InvalidArgument("cannot parse \"{}\" to a valid timestamp", text);
}

Result<int64_t> ParseDurationMs(std::string_view text) {
  if (const auto seconds = ParseDouble(text); seconds.has_value()) {
    constexpr double kMaxSeconds = 9'223'372'036.0;  // what Prometheus holds in nanoseconds
    if (std::isnan(*seconds) || std::fabs(*seconds) > kMaxSeconds) {
      return InvalidArgument("cannot parse \"{}\" to a valid duration. It overflows int64", text);
    }
    return static_cast<int64_t>(*seconds * 1000 + (*seconds < 0 ? -1e-6 : 1e-6));
  }
  if (const auto units = ParseUnits(text); units.has_value()) return *units;
  return InvalidArgument("cannot parse \"{}\" to a valid duration", text);
}

std::string FormatTime(int64_t t_ms) {
  constexpr int64_t kDayMs = 24LL * 3600 * 1000;
  int64_t days = t_ms / kDayMs;
  int64_t rest = t_ms % kDayMs;
  if (rest < 0) {
    rest += kDayMs;
    --days;
  }
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), rest / 3'600'000,
                     rest / 60'000 % 60, rest / 1000 % 60, rest % 1000);
}

}  // namespace auspex::server
