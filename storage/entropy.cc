#include "entropy.h"

#include <array>
#include <cstring>
#include <memory>

#define ZSTD_STATIC_LINKING_ONLY  // for ZSTD_c_literalCompressionMode
#include <zstd.h>

#include "bit_pack.h"

namespace auspex::storage {
namespace {

constexpr uint64_t kDirect = 16;
// Level -100 finds no matches worth their name: what is left of zstd is its Huffman stage, forced on below.
constexpr int kHuffmanOnlyLevel = -100;
constexpr int kPatternLevel = 3;

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

uint8_t TokenOf(uint64_t v) {
  if (v < kDirect) return static_cast<uint8_t>(v);
  const int n = BitWidth(v) - 1;
  return static_cast<uint8_t>(kDirect + 4 * static_cast<uint64_t>(n - 4) + ((v >> (n - 2)) & 3));
}

struct FreeCCtx {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

bool AppendZstd(std::string& out, std::string_view bytes, int level, bool force_huffman) {
  const std::unique_ptr<ZSTD_CCtx, FreeCCtx> context(ZSTD_createCCtx());
  if (context == nullptr) return false;
  if (ZSTD_isError(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level))) return false;
  if (ZSTD_isError(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0))) return false;
  if (force_huffman) {
    // Refused by a zstd without this parameter: then the frame is merely larger.
    static_cast<void>(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_literalCompressionMode, ZSTD_ps_enable));
  }
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress2(context.get(), frame.data(), frame.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size)) return false;
  AppendVarint(out, size);
  out.append(frame.data(), size);
  return true;
}

// The number of bytes that came out, or kBad; never more than `room`.
constexpr size_t kBad = ~size_t{0};
size_t TakeZstd(ByteReader& reader, ZSTD_DCtx_s* context, uint8_t* out, size_t room) {
  const std::string_view frame = reader.Take(reader.Varint());
  if (!reader.ok()) return kBad;
  if (context == nullptr) return kBad;
  const size_t size = ZSTD_decompressDCtx(context, out, room, frame.data(), frame.size());
  return ZSTD_isError(size) ? kBad : size;
}

}  // namespace

EntropyScratch::EntropyScratch() : context(ZSTD_createDCtx()) {}
EntropyScratch::~EntropyScratch() { ZSTD_freeDCtx(context); }

bool AppendTokens(std::string& out, std::span<const uint64_t> values) {
  std::string tokens(values.size(), '\0');
  std::string extra;
  unsigned __int128 pending = 0;
  int pending_bits = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const uint8_t token = TokenOf(values[i]);
    tokens[i] = static_cast<char>(token);
    pending |= static_cast<unsigned __int128>(values[i] - kRanges[token].base) << pending_bits;
    pending_bits += kRanges[token].bits;
    while (pending_bits >= 8) {
      extra.push_back(static_cast<char>(pending));
      pending >>= 8;
      pending_bits -= 8;
    }
  }
  if (pending_bits > 0) extra.push_back(static_cast<char>(pending));
  const size_t begin = out.size();
  if (!AppendZstd(out, tokens, kHuffmanOnlyLevel, /*force_huffman=*/true)) {
    out.resize(begin);
    return false;
  }
  AppendVarint(out, extra.size());
  out += extra;
  return true;
}

bool TakeTokens(ByteReader& reader, size_t count, uint64_t* out, EntropyScratch& scratch) {
  scratch.tokens.resize(count);
  if (TakeZstd(reader, scratch.context, scratch.tokens.data(), count) != count) return false;
  const std::string_view extra = reader.Take(reader.Varint());
  if (!reader.ok()) return false;

  const auto* bytes = reinterpret_cast<const uint8_t*>(extra.data());
  const size_t bits_end = extra.size() * 8;
  size_t bit = 0;
  size_t i = 0;
  // While 16 bytes are left behind the place, values are read with whole loads.
  const size_t fast_end = extra.size() < 17 ? 0 : (extra.size() - 16) * 8;
  for (; i < count && bit < fast_end; ++i) {
    const TokenRange range = kRanges[scratch.tokens[i]];
    uint64_t word;
    std::memcpy(&word, bytes + bit / 8, sizeof word);
    word >>= bit % 8;
    if (range.bits > 56) word |= static_cast<uint64_t>(bytes[bit / 8 + 8]) << 1 << (63 - bit % 8);
    out[i] = range.base + (word & ((uint64_t{1} << range.bits) - 1));
    bit += static_cast<size_t>(range.bits);
  }
  for (; i < count; ++i) {
    const TokenRange range = kRanges[scratch.tokens[i]];
    if (bit + static_cast<size_t>(range.bits) > bits_end) return false;
    uint64_t low = 0;
    for (int b = 0; b < range.bits; ++b, ++bit) low |= static_cast<uint64_t>((bytes[bit / 8] >> (bit % 8)) & 1) << b;
    out[i] = range.base + low;
  }
  return (bit + 7) / 8 == extra.size();
}

bool AppendZstdVarints(std::string& out, std::span<const uint64_t> values) {
  std::string bytes;
  bytes.reserve(values.size() * 2);
  for (const uint64_t v : values) AppendVarint(bytes, v);
  return AppendZstd(out, bytes, kPatternLevel, /*force_huffman=*/false);
}

bool TakeZstdVarints(ByteReader& reader, size_t count, uint64_t* out, EntropyScratch& scratch) {
  scratch.tokens.resize(count * 10);  // the longest varint
  const size_t size = TakeZstd(reader, scratch.context, scratch.tokens.data(), scratch.tokens.size());
  if (size == kBad) return false;
  ByteReader varints(std::string_view(reinterpret_cast<const char*>(scratch.tokens.data()), size));
  for (size_t i = 0; i < count; ++i) out[i] = varints.Varint();
  return varints.Done();
}

}  // namespace auspex::storage
