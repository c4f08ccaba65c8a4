#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"

// An entropy coder for bytes: range asymmetric numeral systems (Duda 2013; interleaved as by Giesen, "Interleaved entropy
// coders", 2014). Within a few thousandths of the order-0 entropy of what it is given, and a small table to say so.
namespace auspex::storage {

inline constexpr int kRansMaxLog = 11;

/// Decoding tables. One thread at a time.
struct RansScratch {
  /// Per slot: symbol << 24 | frequency << 12 | slot - first slot of the symbol.
  std::array<uint32_t, size_t{1} << kRansMaxLog> slots;
};

/// Bits that AppendRans would take, nearly: without coding anything.
double EstimateRansBits(std::span<const uint32_t> histogram, size_t count);

/// symbols: at least one.
void AppendRans(std::string& out, std::span<const uint8_t> symbols);
/// Takes `count` > 0 symbols. False when the bytes do not hold them.
bool TakeRans(ByteReader& reader, size_t count, uint8_t* out, RansScratch& scratch);

}  // namespace auspex::storage
