#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace auspex::query {

// Looks at whole columns for what is rare, several values at once. Vectors of the compiler's own: any processor has some.
using DoubleLanes = double __attribute__((vector_size(16)));
using BitLanes = int64_t __attribute__((vector_size(16)));
inline constexpr size_t kLanes = 2;

inline DoubleLanes LoadLanes(const double* at) {
  DoubleLanes lanes;
  std::memcpy(&lanes, at, sizeof(lanes));
  return lanes;
}
inline bool AnySet(BitLanes lanes) { return (lanes[0] | lanes[1]) != 0; }

/// The first index from `from` on at which a NaN may lie within the next kScanned values; values.size() when there is none.
inline constexpr size_t kScanned = 32;
inline size_t SkipNumbers(std::span<const double> values, size_t from) {
  while (from + kScanned <= values.size()) {
    BitLanes found = {};
    for (size_t k = 0; k < kScanned; k += kLanes) {
      const DoubleLanes lanes = LoadLanes(values.data() + from + k);
      found |= lanes != lanes;
    }
    if (AnySet(found)) return from;
    from += kScanned;
  }
  while (from < values.size() && values[from] == values[from]) ++from;
  return from;
}

/// The first index at which a NaN or a value of a magnitude of `bound` or more may lie within the next kScanned values;
/// values.size() when there is none.
inline size_t SkipBelow(std::span<const double> values, double bound) {
  const DoubleLanes high = {bound, bound};
  size_t at = 0;
  for (; at + kScanned <= values.size(); at += kScanned) {
    BitLanes tame = {-1, -1};
    for (size_t k = 0; k < kScanned; k += kLanes) {
      const DoubleLanes lanes = LoadLanes(values.data() + at + k);
      tame &= (lanes < high) & (lanes > -high);
    }
    if ((tame[0] & tame[1]) == 0) return at;
  }
  while (at < values.size() && std::fabs(values[at]) < bound) ++at;
  return at;
}

/// The first index from `from` > 0 on at which a value less than the one before it may lie within the next kScanned values;
/// values.size() when there is none.
inline size_t SkipGrowth(std::span<const double> values, size_t from) {
  while (from + kScanned <= values.size()) {
    BitLanes found = {};
    for (size_t k = 0; k < kScanned; k += kLanes) {
      found |= LoadLanes(values.data() + from + k) < LoadLanes(values.data() + from + k - 1);
    }
    if (AnySet(found)) return from;
    from += kScanned;
  }
  while (from < values.size() && !(values[from] < values[from - 1])) ++from;
  return from;
}

}  // namespace auspex::query
