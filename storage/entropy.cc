#include "entropy.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include <zstd.h>

#include "auspex/storage/base/check.h"
#include "bit_pack.h"
#include "kernels.h"

namespace auspex::storage {
namespace {

constexpr uint64_t kDirect = 16;
constexpr int kPatternLevel = 3;
constexpr size_t kOverread = 8;
constexpr int kMaxLowBits = 56;  // with a byte above them, any 64 bits

struct TokenRange {
  uint64_t base;
  int bits;
};

constexpr std::array<TokenRange, 256> MakeRanges() {
  std::array<TokenRange, 256> ranges{};
  for (uint64_t token = 0; token < 256; ++token) {
    if (token < kDirect) {
      ranges[token] = {token, 0};
    } else {
      const int n = static_cast<int>((token - kDirect) / 4) + 4;
      ranges[token] = {((uint64_t{4} | ((token - kDirect) & 3)) << (n - 2)), n - 2};
    }
  }
  return ranges;
}

constexpr std::array<TokenRange, 256> kRanges = MakeRanges();
// The last token with at most 56 bits behind it: those can be had by one unaligned load.
constexpr uint8_t kLastNarrow = kDirect + 4 * (58 - 4) + 3;

uint8_t TokenOf(uint64_t v) {
  if (v < kDirect) return static_cast<uint8_t>(v);
  const int n = BitWidth(v) - 1;
  return static_cast<uint8_t>(kDirect + 4 * static_cast<uint64_t>(n - 4) + ((v >> (n - 2)) & 3));
}

// Needs 9 bytes from bit / 8 on.
template <bool kWide>
uint64_t BitsAt(const uint8_t* bytes, size_t bit, int width) {
  uint64_t word;
  std::memcpy(&word, bytes + bit / 8, sizeof word);
  word >>= bit % 8;
  if constexpr (kWide) word |= static_cast<uint64_t>(bytes[bit / 8 + 8]) << 1 << (63 - bit % 8);
  return word & ((uint64_t{1} << width) - 1);
}

template <bool kWide>
bool AddExtraBits(const uint8_t* tokens, size_t count, std::string_view extra, uint64_t* out) {
  constexpr size_t kGroup = 8;
  constexpr size_t kMostBits = kGroup * 62 + 8 * 9;  // what a group may take and overread
  const auto* bytes = reinterpret_cast<const uint8_t*>(extra.data());
  const size_t bits_end = extra.size() * 8;
  size_t bit = 0;
  size_t i = 0;
  for (; i + kGroup <= count && bit + kMostBits <= bits_end; i += kGroup) {
    for (size_t k = i; k < i + kGroup; ++k) {
      const TokenRange range = kRanges[tokens[k]];
      out[k] = range.base + BitsAt<kWide>(bytes, bit, range.bits);
      bit += static_cast<size_t>(range.bits);
    }
  }
  // The rest lies within kMostBits of the end, or takes few bits: from a copy with room behind it.
  std::array<uint8_t, kMostBits / 8 + 32> tail{};
  size_t from = bit / 8;
  const auto refill = [&] {
    tail.fill(0);
    const size_t n = std::min(extra.size() - from, tail.size() - 16);
    std::memcpy(tail.data(), bytes + from, n);
  };
  refill();
  for (; i < count; ++i) {
    const TokenRange range = kRanges[tokens[i]];
    if (bit + static_cast<size_t>(range.bits) > bits_end) return false;
    if (bit / 8 - from + 9 > tail.size() - 16) {
      from = bit / 8;
      refill();
    }
    out[i] = range.base + BitsAt<kWide>(tail.data(), bit - from * 8, range.bits);
    bit += static_cast<size_t>(range.bits);
  }
  return (bit + 7) / 8 == extra.size();
}

struct FreeCCtx {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

}  // namespace

EntropyScratch::~EntropyScratch() { ZSTD_freeDCtx(context_); }

ZSTD_DCtx* EntropyScratch::Context() {
  if (context_ == nullptr) context_ = ZSTD_createDCtx();
  return context_;
}

double EstimateTokensBits(std::span<const uint64_t> values) {
  std::array<uint32_t, 256> histogram{};
  double extra = 0;
  for (const uint64_t v : values) {
    const uint8_t token = TokenOf(v);
    ++histogram[token];
    extra += kRanges[token].bits;
  }
  return EstimateRansBits(histogram, values.size()) + extra + 8;
}

void AppendTokens(std::string& out, std::span<const uint64_t> values) {
  std::vector<uint8_t> tokens(values.size());
  std::string extra;
  unsigned __int128 pending = 0;
  int pending_bits = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const uint8_t token = TokenOf(values[i]);
    tokens[i] = token;
    pending |= static_cast<unsigned __int128>(values[i] - kRanges[token].base) << pending_bits;
    pending_bits += kRanges[token].bits;
    while (pending_bits >= 8) {
      extra.push_back(static_cast<char>(pending));
      pending >>= 8;
      pending_bits -= 8;
    }
  }
  if (pending_bits > 0) extra.push_back(static_cast<char>(pending));
  AppendRans(out, tokens);
  AppendVarint(out, extra.size());
  out += extra;
}

bool TakeTokens(ByteReader& reader, size_t count, uint64_t* out, EntropyScratch& scratch) {
  scratch.bytes.resize(count);
  const uint8_t* const tokens = scratch.bytes.data();
  if (!TakeRans(reader, count, scratch.bytes.data(), scratch.rans)) return false;
  const std::string_view extra = reader.Take(reader.Varint());
  if (!reader.ok()) return false;
  uint8_t largest = 0;
  for (size_t i = 0; i < count; ++i) largest = std::max(largest, tokens[i]);
  if (largest < kDirect) {
    Widen(tokens, count, out);
    return extra.empty();
  }
  return largest <= kLastNarrow ? AddExtraBits<false>(tokens, count, extra, out)
                                : AddExtraBits<true>(tokens, count, extra, out);
}

Split EstimateSplit(std::span<const uint64_t> values) {
  const uint64_t largest = *std::max_element(values.begin(), values.end());
  Split best{std::max(0, BitWidth(largest) - 8), 0};
  for (int low_bits = best.low_bits;; ++low_bits) {
    std::array<uint32_t, 256> histogram{};
    for (const uint64_t v : values) ++histogram[v >> low_bits];
    const double bits =
        EstimateRansBits(histogram, values.size()) + 8.0 * (1 + static_cast<double>(PackedBytes(values.size(), low_bits)));
    if (low_bits > best.low_bits && bits >= best.bits) return best;
    best = {low_bits, bits};
    if (low_bits == kMaxLowBits || largest >> low_bits == 0) return best;
  }
}

void AppendSplit(std::string& out, std::span<const uint64_t> values, int low_bits) {
  std::vector<uint8_t> high(values.size());
  std::vector<uint64_t> low(values.size());
  const uint64_t mask = (uint64_t{1} << low_bits) - 1;
  for (size_t i = 0; i < values.size(); ++i) {
    AUSPEX_CHECK(values[i] >> low_bits < 256);
    high[i] = static_cast<uint8_t>(values[i] >> low_bits);
    low[i] = values[i] & mask;
  }
  AppendFixed(out, static_cast<uint8_t>(low_bits));
  AppendPacked(out, low, low_bits);
  AppendRans(out, high);
}

bool TakeSplit(ByteReader& reader, size_t count, uint64_t* out, EntropyScratch& scratch) {
  const int low_bits = reader.Byte();
  if (low_bits > kMaxLowBits) return false;
  const std::string_view packed = reader.Take(PackedBytes(count, low_bits));
  if (!reader.ok()) return false;
  // Behind the packed bits there is at least the other half; if that is short, there is no reading over the end.
  if (reader.rest().size() >= kOverread) {
    Unpack(reinterpret_cast<const uint8_t*>(packed.data()), count, low_bits, out);
  } else {
    UnpackPlain(reinterpret_cast<const uint8_t*>(packed.data()), count, low_bits, out);
  }
  scratch.bytes.resize(count);
  const uint8_t* const high = scratch.bytes.data();
  if (!TakeRans(reader, count, scratch.bytes.data(), scratch.rans)) return false;
  OrHigh(high, low_bits, count, out);
  return true;
}

bool AppendZstdVarints(std::string& out, std::span<const uint64_t> values) {
  std::string bytes;
  bytes.reserve(values.size() * 2);
  for (const uint64_t v : values) AppendVarint(bytes, v);
  const std::unique_ptr<ZSTD_CCtx, FreeCCtx> context(ZSTD_createCCtx());
  if (context == nullptr) return false;
  if (ZSTD_isError(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kPatternLevel))) return false;
  if (ZSTD_isError(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0))) return false;
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress2(context.get(), frame.data(), frame.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size)) return false;
  AppendVarint(out, size);
  out.append(frame.data(), size);
  return true;
}

bool TakeZstdVarints(ByteReader& reader, size_t count, uint64_t* out, EntropyScratch& scratch) {
  const std::string_view frame = reader.Take(reader.Varint());
  ZSTD_DCtx* const context = scratch.Context();
  if (!reader.ok() || context == nullptr) return false;
  scratch.bytes.resize(count * 10);  // the longest varint
  const size_t size = ZSTD_decompressDCtx(context, scratch.bytes.data(), scratch.bytes.size(), frame.data(), frame.size());
  if (ZSTD_isError(size)) return false;
  ByteReader varints(std::string_view(reinterpret_cast<const char*>(scratch.bytes.data()), size));
  for (size_t i = 0; i < count; ++i) out[i] = varints.Varint();
  return varints.Done();
}

}  // namespace auspex::storage
