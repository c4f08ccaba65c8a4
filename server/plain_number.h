#pragma once

#include <cstdint>

namespace auspex::server {

/// Numbers as machines write them: digits, with a sign and a point at most. Everything else is left to the general parsers,
/// whose answers these give.

/// Reads digits from `at` on and moves it behind them. Returns how many there were; more than 19 do not fit.
inline int TakeDigits(const char*& at, const char* end, uint64_t& number) {
  const char* const begin = at;
  for (; at != end; ++at) {
    const auto digit = static_cast<unsigned char>(*at - '0');
    if (digit > 9) break;
    number = number * 10 + digit;
  }
  return static_cast<int>(at - begin);
}

/// A number with a fraction, or an integer with Influx' suffix i or u. False, with `at` anywhere, when it is not that plain.
/// Exact: both the digits and the power of ten are doubles, so their quotient is the one that is nearest.
/// Source: Clinger, "How to read floating point numbers accurately", 1990.
inline bool TakePlainNumber(const char*& at, const char* end, double& value) {
  static constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                       1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
  constexpr uint64_t kMaxExact = uint64_t{1} << 53;
  if (at == end) return false;
  const bool negative = *at == '-';
  if (negative) ++at;
  uint64_t number = 0;
  int digits = TakeDigits(at, end, number);
  if (digits == 0 || digits > 18) return false;
  if (at != end && (*at == 'i' || (*at == 'u' && !negative))) {
    ++at;
    value = static_cast<double>(negative ? -static_cast<int64_t>(number) : static_cast<int64_t>(number));
    return true;
  }
  int fraction = 0;
  if (at != end && *at == '.') {
    ++at;
    fraction = TakeDigits(at, end, number);
    digits += fraction;
    if (fraction == 0 || digits > 18) return false;
  }
  if (number > kMaxExact) return false;
  const double magnitude = static_cast<double>(number) / kPowers[fraction];
  value = negative ? -magnitude : magnitude;
  return true;
}

}  // namespace auspex::server
