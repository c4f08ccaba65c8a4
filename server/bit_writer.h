#pragma once

#include <cstdint>
#include <string>

namespace auspex::server {

/// Appends bits to bytes, highest first, as Prometheus' chunks have them. Borrows the bytes.
class BitWriter {
 public:
  explicit BitWriter(std::string& out) : out_(out) {}
  void Bit(bool bit) { Bits(bit ? 1 : 0, 1); }
  /// The lowest `count` bits, highest first.
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

/// Which bits of a column's values differed last.
struct Meaningful {
  int leading = -1;  ///< zeros before and after them; -1: none were written yet
  int trailing = 0;
};

/// A value as the bits in which it differs from the one before it.
void WriteXor(BitWriter& bits, double before, double value, Meaningful& last);

}  // namespace auspex::server
