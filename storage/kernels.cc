#include "kernels.h"

#include <bit>

#include "base/bytes.h"
#include "decimal.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define AUSPEX_CLONES __attribute__((target_clones("arch=skylake-avx512", "avx2", "default")))
#else
#define AUSPEX_CLONES
#endif

namespace auspex::storage {
namespace {

// double(v) in steps that every vector unit has: the halves of v become doubles by being put below the exponents of 2^52 and
// 2^84, whose values are then taken off again. Both are exact, so their sum rounds once, as a conversion does.
inline double Converted(int64_t v) {
  const auto u = static_cast<uint64_t>(v);
  const double low = std::bit_cast<double>((u & 0xffff'ffffu) | 0x4330'0000'0000'0000u) - 0x1p52;
  const double high = std::bit_cast<double>(((u >> 32) ^ 0x8000'0000u) | 0x4530'0000'0000'0000u) - (0x1p84 + 0x1p63);
  return high + low;
}

}  // namespace

AUSPEX_CLONES void FillLine(int64_t first, int64_t slope, size_t count, int64_t* out) {
  auto v = static_cast<uint64_t>(first);
  for (size_t i = 0; i < count; ++i, v += static_cast<uint64_t>(slope)) out[i] = static_cast<int64_t>(v);
}

AUSPEX_CLONES void Scale(uint64_t factor, uint64_t add, size_t count, uint64_t* w) {
  for (size_t i = 0; i < count; ++i) w[i] = w[i] * factor + add;
}

AUSPEX_CLONES void Widen(const uint8_t* v, size_t count, uint64_t* out) {
  for (size_t i = 0; i < count; ++i) out[i] = v[i];
}

AUSPEX_CLONES void OrHigh(const uint8_t* high, int shift, size_t count, uint64_t* out) {
  for (size_t i = 0; i < count; ++i) out[i] |= static_cast<uint64_t>(high[i]) << shift;
}

AUSPEX_CLONES void ToDoubles(const int64_t* v, double divisor, size_t count, double* out) {
  if (divisor == 1) {
    for (size_t i = 0; i < count; ++i) out[i] = Converted(v[i]);
  } else {
    for (size_t i = 0; i < count; ++i) out[i] = Converted(v[i]) / divisor;
  }
}

void ToDoublesPlain(const int64_t* v, double divisor, size_t count, double* out) {
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<double>(v[i]) / divisor;
}

AUSPEX_CLONES void FromOrdered(const int64_t* v, size_t count, double* out) {
  for (size_t i = 0; i < count; ++i) {
    const auto u = static_cast<uint64_t>(v[i]);
    out[i] = std::bit_cast<double>(u ^ ((~(u >> 63) + 1) >> 1));
  }
}

void SumZigZag(uint64_t first, uint64_t step, size_t count, uint64_t* w) {
  uint64_t v = first;
  for (size_t i = 0; i < count; ++i) {
    v += static_cast<uint64_t>(UnZigZag(w[i])) + step;
    w[i] = v;
  }
}

void SumAbove(uint64_t first, uint64_t step, size_t count, uint64_t* w) {
  uint64_t v = first;
  for (size_t i = 0; i < count; ++i) {
    v += w[i] + step;
    w[i] = v;
  }
}

AUSPEX_CLONES bool Increasing(const int64_t* v, size_t count) {
  uint64_t wrong = 0;
  for (size_t i = 1; i < count; ++i) wrong |= v[i - 1] < v[i] ? 0 : 1;
  return wrong == 0;
}

}  // namespace auspex::storage
