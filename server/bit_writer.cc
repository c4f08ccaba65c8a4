#include "bit_writer.h"

#include <bit>

namespace auspex::server {

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

}  // namespace auspex::server
