#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "auspex/query/parser.h"

namespace auspex::query {
namespace {

struct Unit {
  std::string_view name;
  int64_t ms;
};
// Largest first: the order in which they must be written, each at most once. A year has 365 days, as in Prometheus.
constexpr Unit kUnits[] = {{"y", 365 * 86'400'000LL},
                           {"w", 7 * 86'400'000LL},
                           {"d", 86'400'000},
                           {"h", 3'600'000},
                           {"m", 60'000},
                           {"s", 1000},
                           {"ms", 1}};

Status NotADuration(std::string_view text) { return InvalidArgument("not a valid duration string: \"{}\"", text); }

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return c >= 'a' && c <= 'z'; }

}  // namespace

Result<int64_t> ParseDurationMs(std::string_view text) {
  if (text == "0") return int64_t{0};
  // Prometheus counts durations in nanoseconds of 63 bits: about 292 years.
  constexpr int64_t kLongestMs = std::numeric_limits<int64_t>::max() / 1'000'000;
  int64_t total = 0;
  size_t at = 0;
  const Unit* next = std::begin(kUnits);
  if (text.empty()) return InvalidArgument("empty duration string");
  while (at < text.size()) {
    int64_t count = 0;
    const size_t digits = at;
    for (; at < text.size() && IsDigit(text[at]); ++at) {
      if (count > kLongestMs) return InvalidArgument("duration out of range: \"{}\"", text);
      count = count * 10 + (text[at] - '0');
    }
    // `1.5h`: the fraction of a unit, to the millisecond. Beyond PromQL.
    double fraction = 0;
    if (at < text.size() && text[at] == '.') {
      double digit = 0.1;
      for (++at; at < text.size() && IsDigit(text[at]); ++at, digit /= 10) fraction += digit * (text[at] - '0');
    }
    const size_t unit_begin = at;
    while (at < text.size() && IsLetter(text[at])) ++at;
    const std::string_view unit = text.substr(unit_begin, at - unit_begin);
    while (next != std::end(kUnits) && next->name != unit) ++next;
    if (digits == unit_begin || next == std::end(kUnits)) return NotADuration(text);
    if (count > (kLongestMs - total) / next->ms) return InvalidArgument("duration out of range: \"{}\"", text);
    total += count * next->ms + std::llround(fraction * static_cast<double>(next->ms));
    ++next;
  }
  return total;
}

std::string PrintDurationMs(int64_t ms) {
  if (ms == 0) return "0s";
  std::string out;
  // Negated digit by digit: the smallest int64 has no positive twin.
  auto rest = ms < 0 ? 0 - static_cast<uint64_t>(ms) : static_cast<uint64_t>(ms);
  if (ms < 0) out.push_back('-');
  for (const Unit& unit : kUnits) {
    const auto size = static_cast<uint64_t>(unit.ms);
    // Years and weeks are printed only where nothing remains, so that 8d is not 1w1d.
    const bool must_be_exact = unit.name == "y" || unit.name == "w";
    if (rest < size || (must_be_exact && rest % size != 0)) continue;
    out += fmt::format("{}{}", rest / size, unit.name);
    rest %= size;
  }
  return out;
}

}  // namespace auspex::query
