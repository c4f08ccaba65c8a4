#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "entropy.h"
#include "int_codec.h"

namespace auspex::storage {

/// Scratch space of a decoder. One thread at a time.
struct ValueScratch {
  EntropyScratch entropy;
  std::vector<int64_t> integers;
  std::vector<int64_t> ulps;
  std::vector<double> table;
};

/// A column of doubles, exact for every bit pattern (NaN payloads, staleness markers, -0.0, infinities): as integers in
/// decimal scaling where the values are decimals, with a correction in units of the last place where they are nearly so, by
/// order-preserving bits where they are neither; by places in a table where few different ones occur. docs/format/blocks.md has the bytes.
void AppendValues(std::string& out, std::span<const double> values, Effort effort);
/// Takes `count` > 0 doubles. False when the bytes do not hold them.
bool TakeValues(ByteReader& reader, size_t count, double* out, ValueScratch& scratch);

}  // namespace auspex::storage
