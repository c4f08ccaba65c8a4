#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

struct ZSTD_DCtx_s;

// Unsigned integers of uneven size, as tokens of one byte that zstd's Huffman stage shortens, and the bits below the tokens.
namespace auspex::storage {

/// Scratch space of a decoder. One thread at a time.
class EntropyScratch {
 public:
  EntropyScratch();
  ~EntropyScratch();
  EntropyScratch(const EntropyScratch&) = delete;
  EntropyScratch& operator=(const EntropyScratch&) = delete;

  std::vector<uint8_t> tokens;
  /// zstd's decoder: making one costs more than decoding a block. Null when there was no memory for it.
  ZSTD_DCtx_s* const context;
};

/// token = v for v < 16; else 16 + 4 * (n - 4) + (the two bits below the highest), n = position of the highest bit. The n - 2
/// bits below those follow in a bit stream, low bits first.
/// False (and nothing appended) when zstd will not have it.
bool AppendTokens(std::string& out, std::span<const uint64_t> values);
/// Takes `count` values. False when the bytes do not hold them.
bool TakeTokens(ByteReader& reader, size_t count, uint64_t* out, EntropyScratch& scratch);

/// Varints under zstd: for repeating patterns that no predictor sees.
bool AppendZstdVarints(std::string& out, std::span<const uint64_t> values);
bool TakeZstdVarints(ByteReader& reader, size_t count, uint64_t* out, EntropyScratch& scratch);

}  // namespace auspex::storage
