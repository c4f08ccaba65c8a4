#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"

// Unsigned integers side by side, each in the same number of bits, low bits first: value i is bits [i*width, (i+1)*width) of
// the little-endian bytes.
namespace auspex::storage {

inline int BitWidth(uint64_t v) { return v == 0 ? 0 : 64 - __builtin_clzll(v); }
inline size_t PackedBytes(size_t count, int width) { return (count * static_cast<size_t>(width) + 7) / 8; }

/// Values must fit in `width` bits.
void AppendPacked(std::string& out, std::span<const uint64_t> values, int width);

/// Reads `count` values of `width` (0..64) bits. `in` must have PackedBytes(count, width) bytes, and 8 more that may be read.
void Unpack(const uint8_t* in, size_t count, int width, uint64_t* out);
/// The same, bit by bit: what Unpack is compared with.
void UnpackPlain(const uint8_t* in, size_t count, int width, uint64_t* out);

/// Mini-blocks of 256 values: width, number of exceptions, packed low bits, then where the exceptions are and what they have
/// above the width ("patched frame of reference": Zukowski et al., ICDE 2006).
void AppendPatched(std::string& out, std::span<const uint64_t> values);
/// Takes `count` values from the reader. False when the bytes do not hold them.
bool TakePatched(ByteReader& reader, size_t count, uint64_t* out);

}  // namespace auspex::storage
