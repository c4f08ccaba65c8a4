#include "xor_chunk.h"

#include <array>
#include <bit>
#include <string_view>

#include "bit_writer.h"

namespace auspex::server {
namespace {

void WriteDeltaOfDelta(BitWriter& bits, int64_t value) {
  const auto fits = [&](int count) {
    return -((int64_t{1} << (count - 1)) - 1) <= value && value <= int64_t{1} << (count - 1);
  };
  const auto raw = static_cast<uint64_t>(value);
  if (value == 0) {
    bits.Bit(false);
  } else if (fits(14)) {
    bits.Bits(0b10, 2);
    bits.Bits(raw, 14);
  } else if (fits(17)) {
    bits.Bits(0b110, 3);
    bits.Bits(raw, 17);
  } else if (fits(20)) {
    bits.Bits(0b1110, 4);
    bits.Bits(raw, 20);
  } else {
    bits.Bits(0b1111, 4);
    bits.Bits(raw, 64);
  }
}

constexpr std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
    table[i] = crc;
  }
  return table;
}

}  // namespace

std::string EncodeXorChunk(std::span<const int64_t> t_ms, std::span<const double> values) {
  std::string out;
  BitWriter bits(out);
  bits.Bits(t_ms.size(), 16);
  int64_t delta = 0;
  Meaningful last;
  for (size_t i = 0; i < t_ms.size(); ++i) {
    if (i == 0) {
      bits.Varint(t_ms[0]);
      bits.Bits(std::bit_cast<uint64_t>(values[0]), 64);
      continue;
    }
    const int64_t next = t_ms[i] - t_ms[i - 1];
    if (i == 1) {
      bits.Varuint(static_cast<uint64_t>(next));
    } else {
      WriteDeltaOfDelta(bits, next - delta);
    }
    delta = next;
    WriteXor(bits, values[i - 1], values[i], last);
  }
  return out;
}

uint32_t Crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = MakeCrcTable();
  uint32_t crc = 0xffffffff;
  for (const char c : bytes) crc = kTable[(crc ^ static_cast<uint8_t>(c)) & 0xff] ^ crc >> 8;
  return ~crc;
}

}  // namespace auspex::server
