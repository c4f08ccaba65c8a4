#include "xor_chunk.h"

#include <array>
#include <bit>
#include <string_view>

namespace auspex::server {
namespace {

class BitWriter {
 public:
  explicit BitWriter(std::string& out) : out_(out) {}
  void Bit(bool bit) { Bits(bit ? 1 : 0, 1); }
  // The lowest `count` bits, highest first.
  void Bits(uint64_t bits, int count) {
    for (int i = count - 1; i >= 0; --i) {
      if (free_ == 0) {
        out_.push_back('\0');
        free_ = 8;
      }
      --free_;
      out_.back() = static_cast<char>(static_cast<uint8_t>(out_.back()) | ((bits >> i & 1) << free_));
    }
  }
  void Byte(uint8_t byte) { Bits(byte, 8); }
  void Varuint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) Byte(static_cast<uint8_t>(value | 0x80));
    Byte(static_cast<uint8_t>(value));
  }
  void Varint(int64_t value) {
    const auto bits = static_cast<uint64_t>(value);
    Varuint(value < 0 ? ~(bits << 1) : bits << 1);
  }

 private:
  std::string& out_;
  int free_ = 0;  // bits of the last byte
};

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

struct Meaningful {
  int leading = -1;  // zeros before and after the bits that differ; -1: none were written yet
  int trailing = 0;
};

void WriteXor(BitWriter& bits, double before, double value, Meaningful& last) {
  const uint64_t delta = std::bit_cast<uint64_t>(before) ^ std::bit_cast<uint64_t>(value);
  if (delta == 0) {
    bits.Bit(false);
    return;
  }
  bits.Bit(true);
  int leading = std::countl_zero(delta);
  const int trailing = std::countr_zero(delta);
  if (leading > 31) leading = 31;  // 5 bits
  if (last.leading >= 0 && leading >= last.leading && trailing >= last.trailing) {
    bits.Bit(false);
    bits.Bits(delta >> last.trailing, 64 - last.leading - last.trailing);
    return;
  }
  last = {leading, trailing};
  const int count = 64 - leading - trailing;
  bits.Bit(true);
  bits.Bits(static_cast<uint64_t>(leading), 5);
  bits.Bits(static_cast<uint64_t>(count), 6);  // 64 becomes 0
  bits.Bits(delta >> trailing, count);
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
