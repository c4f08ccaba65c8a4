#include "bit_pack.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace auspex::storage {
namespace {

constexpr size_t kMiniBlock = 256;
constexpr int kPositionBits = 8;

uint64_t Load64(const uint8_t* at) {
  uint64_t v;
  std::memcpy(&v, at, sizeof v);
  return v;
}

uint64_t Mask(int width) { return width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1; }

// One value at a constant place: all shifts are known when this is compiled.
template <int kWidth, int kIndex>
uint64_t One(const uint8_t* in) {
  constexpr int kBit = kWidth * kIndex;
  constexpr int kShift = kBit % 8;
  uint64_t v = Load64(in + kBit / 8) >> kShift;
  if constexpr (kShift + kWidth > 64) v |= static_cast<uint64_t>(in[kBit / 8 + 8]) << (64 - kShift);
  if constexpr (kWidth < 64) v &= (uint64_t{1} << kWidth) - 1;
  return v;
}

// Eight values of `kWidth` bits fill exactly `kWidth` bytes.
template <int kWidth, int... kIndex>
void Eight(const uint8_t* in, uint64_t* out, std::integer_sequence<int, kIndex...>) {
  ((out[kIndex] = One<kWidth, kIndex>(in)), ...);
}

template <int kWidth>
void UnpackWidth(const uint8_t* in, size_t count, uint64_t* out) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8, in += kWidth) Eight<kWidth>(in, out + i, std::make_integer_sequence<int, 8>());
  if (i < count) UnpackPlain(in, count - i, kWidth, out + i);
}

using UnpackFunction = void (*)(const uint8_t*, size_t, uint64_t*);

template <int... kWidth>
constexpr std::array<UnpackFunction, sizeof...(kWidth)> UnpackTable(std::integer_sequence<int, kWidth...>) {
  return {&UnpackWidth<kWidth>...};
}

constexpr auto kUnpack = UnpackTable(std::make_integer_sequence<int, 65>());

// The width that makes the mini-block smallest, exceptions included.
int BestWidth(std::span<const uint64_t> values) {
  std::array<uint32_t, 65> count_of_width{};
  for (const uint64_t v : values) ++count_of_width[static_cast<size_t>(BitWidth(v))];
  int widest = 64;
  while (widest > 0 && count_of_width[static_cast<size_t>(widest)] == 0) --widest;
  int best = widest;
  size_t best_bits = values.size() * static_cast<size_t>(widest);
  size_t exceptions = 0;
  size_t high_bytes = 0;
  for (int width = widest - 1; width >= 0; --width) {
    exceptions += count_of_width[static_cast<size_t>(width) + 1];
    if (exceptions > 255) break;
    high_bytes = 0;
    for (int w = width + 1; w <= widest; ++w) {
      high_bytes += count_of_width[static_cast<size_t>(w)] * static_cast<size_t>((w - width + 6) / 7);
    }
    const size_t bits = values.size() * static_cast<size_t>(width) + exceptions * kPositionBits + high_bytes * 8;
    if (bits < best_bits) {
      best_bits = bits;
      best = width;
    }
  }
  return best;
}

}  // namespace

void AppendPacked(std::string& out, std::span<const uint64_t> values, int width) {
  const size_t begin = out.size();
  out.resize(begin + PackedBytes(values.size(), width));
  auto* bytes = reinterpret_cast<uint8_t*>(out.data() + begin);
  unsigned __int128 pending = 0;
  int pending_bits = 0;
  for (const uint64_t v : values) {
    pending |= static_cast<unsigned __int128>(v) << pending_bits;
    pending_bits += width;
    while (pending_bits >= 8) {
      *bytes++ = static_cast<uint8_t>(pending);
      pending >>= 8;
      pending_bits -= 8;
    }
  }
  if (pending_bits > 0) *bytes = static_cast<uint8_t>(pending);
}

void UnpackPlain(const uint8_t* in, size_t count, int width, uint64_t* out) {
  size_t bit = 0;
  for (size_t i = 0; i < count; ++i, bit += static_cast<size_t>(width)) {
    unsigned __int128 wide = 0;
    for (size_t byte = bit / 8; byte < (bit + static_cast<size_t>(width) + 7) / 8; ++byte) {
      wide |= static_cast<unsigned __int128>(in[byte]) << ((byte - bit / 8) * 8);
    }
    out[i] = static_cast<uint64_t>(wide >> (bit % 8)) & Mask(width);
  }
}

void Unpack(const uint8_t* in, size_t count, int width, uint64_t* out) { kUnpack[static_cast<size_t>(width)](in, count, out); }

void AppendPatched(std::string& out, std::span<const uint64_t> values) {
  std::array<uint64_t, kMiniBlock> low;
  for (size_t begin = 0; begin < values.size(); begin += kMiniBlock) {
    const std::span<const uint64_t> mini = values.subspan(begin, std::min(kMiniBlock, values.size() - begin));
    const int width = BestWidth(mini);
    std::string positions;
    std::string highs;
    for (size_t i = 0; i < mini.size(); ++i) {
      low[i] = mini[i] & Mask(width);
      if (width < 64 && mini[i] >> width != 0) {
        positions.push_back(static_cast<char>(i));
        AppendVarint(highs, mini[i] >> width);
      }
    }
    AppendFixed(out, static_cast<uint8_t>(width));
    AppendFixed(out, static_cast<uint8_t>(positions.size()));
    AppendPacked(out, std::span<const uint64_t>(low.data(), mini.size()), width);
    out += positions;
    out += highs;
  }
}

bool TakePatched(ByteReader& reader, size_t count, uint64_t* out) {
  constexpr size_t kOverread = 8;
  for (size_t begin = 0; begin < count; begin += kMiniBlock) {
    const size_t n = std::min(kMiniBlock, count - begin);
    const int width = reader.Byte();
    const size_t exceptions = reader.Byte();
    if (!reader.ok() || width > 64) return false;
    const std::string_view packed = reader.Take(PackedBytes(n, width));
    if (!reader.ok()) return false;
    if (reader.rest().size() >= kOverread) {
      Unpack(reinterpret_cast<const uint8_t*>(packed.data()), n, width, out + begin);
    } else {
      std::array<uint8_t, kMiniBlock * 8 + kOverread> padded{};
      std::memcpy(padded.data(), packed.data(), packed.size());
      Unpack(padded.data(), n, width, out + begin);
    }
    if (exceptions == 0) continue;
    const std::string_view positions = reader.Take(exceptions);
    if (!reader.ok() || width == 64) return false;
    for (const char position : positions) {
      const size_t at = static_cast<uint8_t>(position);
      if (at >= n) return false;
      out[begin + at] |= reader.Varint() << width;
    }
    if (!reader.ok()) return false;
  }
  return true;
}

}  // namespace auspex::storage
