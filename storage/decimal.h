#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

// Doubles as integers: decimals by scaling, any others by their bits.
namespace auspex::storage {

inline constexpr int kMaxExponent = 17;
inline constexpr double kMaxInteger = 9007199254740992.0;  // 2^53: integers below are exact doubles

// All of them are exact: 10^22 is the largest power of ten that is a double.
inline constexpr std::array<double, kMaxExponent + 1> kPowers = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,
                                                                 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17};

inline uint64_t BitsOf(double v) { return std::bit_cast<uint64_t>(v); }

/// Maps bits to integers that sort as the numbers do; its own inverse.
inline int64_t Ordered(uint64_t bits) {
  return static_cast<int64_t>(bits) ^ static_cast<int64_t>(static_cast<uint64_t>(static_cast<int64_t>(bits) >> 63) >> 1);
}
inline uint64_t Unordered(int64_t ordered) { return static_cast<uint64_t>(Ordered(static_cast<uint64_t>(ordered))); }

/// Division is correctly rounded: i / 10^e is the very double that a parser makes of those decimal digits.
inline double FromDecimal(int64_t integer, int exponent) {
  return static_cast<double>(integer) / kPowers[static_cast<size_t>(exponent)];
}

/// The integer nearest to v * 10^e, if it is below 2^53.
inline bool ToInteger(double v, int exponent, int64_t& integer) {
  const double scaled = v * kPowers[static_cast<size_t>(exponent)];
  if (!(std::fabs(scaled) < kMaxInteger)) return false;  // also NaN and infinities
  integer = static_cast<int64_t>(std::nearbyint(scaled));
  return true;
}

/// Whether v is integer / 10^e, bit for bit.
inline bool IsDecimal(double v, int exponent, int64_t& integer) {
  return ToInteger(v, exponent, integer) && BitsOf(FromDecimal(integer, exponent)) == BitsOf(v);
}

}  // namespace auspex::storage
