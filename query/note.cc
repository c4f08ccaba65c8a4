#include "note.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace auspex::query {
namespace {

// The shortest digits of a finite value and the power of ten of the first one: 0.0123 -> "123", -2.
struct Digits {
  std::string text;
  int exponent = 0;
};

Digits ShortestDigits(double magnitude) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), magnitude, std::chars_format::scientific).ptr;
  const std::string_view printed(buffer, static_cast<size_t>(end - buffer));
  const size_t e = printed.find('e');
  Digits digits;
  for (const char c : printed.substr(0, e)) {
    if (c != '.') digits.text.push_back(c);
  }
  const char* exponent = printed.data() + e + 1;
  if (*exponent == '+') ++exponent;
  std::from_chars(exponent, end, digits.exponent);
  return digits;
}

std::string Special(double value) {
  if (std::isnan(value)) return "NaN";
  return value > 0 ? "+Inf" : "-Inf";
}

}  // namespace

std::string PrintPlainNumber(double value) {
  if (!std::isfinite(value)) return Special(value);
  const Digits digits = ShortestDigits(std::abs(value));
  std::string out = std::signbit(value) ? "-" : "";
  if (digits.exponent < 0) return out + "0." + std::string(static_cast<size_t>(-digits.exponent - 1), '0') + digits.text;
  const auto whole = static_cast<size_t>(digits.exponent) + 1;
  if (digits.text.size() <= whole) return out + digits.text + std::string(whole - digits.text.size(), '0');
  return out + digits.text.substr(0, whole) + "." + digits.text.substr(whole);
}

std::string PrintValue(double value) {
  if (!std::isfinite(value)) return Special(value);
  const double magnitude = std::abs(value);
  if (magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e21)) return PrintPlainNumber(value);
  const Digits digits = ShortestDigits(magnitude);
  std::string out = std::signbit(value) ? "-" : "";
  out += digits.text.substr(0, 1);
  if (digits.text.size() > 1) out += "." + digits.text.substr(1);
  return out + fmt::format("e{}{:02}", digits.exponent < 0 ? '-' : '+', std::abs(digits.exponent));
}

std::string InvalidQuantileText(double q) {
  return fmt::format("PromQL warning: quantile value should be between 0 and 1, got {}", PrintValue(q));
}

std::string PlaceSuffix(std::string_view text, size_t at) {
  const std::string_view before = text.substr(0, std::min(at, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t line_begin = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return fmt::format(" ({}:{})", line, before.size() - line_begin + 1);
}

}  // namespace auspex::query
