#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "rans.h"

struct ZSTD_DCtx_s;

// Back ends for unsigned integers of uneven size: the uneven part of each as a byte, which an entropy coder shortens, the even
// part as it is.
namespace auspex::storage {

/// Scratch space of a decoder. One thread at a time.
class EntropyScratch {
 public:
  EntropyScratch() = default;
  ~EntropyScratch();
  EntropyScratch(const EntropyScratch&) = delete;
  EntropyScratch& operator=(const EntropyScratch&) = delete;

  std::vector<uint8_t> bytes;
  RansScratch rans;
  /// zstd's decoder, made when a block first needs one: that costs more than decoding a block. Null when there is no memory for
  /// it.
  ZSTD_DCtx_s* Context();

 private:
  ZSTD_DCtx_s* context_ = nullptr;
};

/// Tokens: v for v < 16; else 16 + 4 * (n - 4) + (the two bits below the highest), n = position of the highest bit. The n - 2
/// bits below those follow in a bit stream, low bits first. For long tails.
double EstimateTokensBits(std::span<const uint64_t> values);
void AppendTokens(std::string& out, std::span<const uint64_t> values);
/// Takes `count` > 0 values. False when the bytes do not hold them.
bool TakeTokens(ByteReader& reader, size_t count, uint64_t* out, EntropyScratch& scratch);

/// Splits each value into its low bits, of one width for all, and a byte above them. For bell shapes.
struct Split {
  int low_bits;
  double bits;  ///< as estimated
};
Split EstimateSplit(std::span<const uint64_t> values);
void AppendSplit(std::string& out, std::span<const uint64_t> values, int low_bits);
bool TakeSplit(ByteReader& reader, size_t count, uint64_t* out, EntropyScratch& scratch);

/// Varints under zstd: for repeating patterns that no predictor sees. False (and nothing appended) when zstd fails.
bool AppendZstdVarints(std::string& out, std::span<const uint64_t> values);
bool TakeZstdVarints(ByteReader& reader, size_t count, uint64_t* out, EntropyScratch& scratch);

}  // namespace auspex::storage
