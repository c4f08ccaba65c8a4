#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "entropy.h"

namespace auspex::storage {

/// How much time to spend for small bytes. Both are read by the same decoder.
enum class Effort : uint8_t {
  kFast,   ///< bit packing only: blocks that are merged again soon
  kDense,  ///< every back end is tried
};

/// A column of integers: a predictor that leaves small residuals, then one of a few back ends for those. Any values; exact.
/// docs/format/blocks.md has the bytes.
void AppendInts(std::string& out, std::span<const int64_t> values, Effort effort);
/// What a column is made of, if that is all: value i = first + i * slope.
struct Line {
  int64_t first;
  int64_t slope;
};
std::optional<Line> LineOf(std::string_view column);
/// Takes `count` > 0 integers. False when the bytes do not hold them.
bool TakeInts(ByteReader& reader, size_t count, int64_t* out, EntropyScratch& scratch);

}  // namespace auspex::storage
