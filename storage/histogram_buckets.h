#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "auspex/storage/histogram.h"

namespace auspex {

/// The upper bound of an exponential bucket.
double ExponentialBound(int32_t schema, int32_t index);

/// The index of the bucket that holds bucket `index` of a finer schema.
inline int32_t CoarserIndex(int32_t index, int32_t from, int32_t to) { return ((index - 1) >> (from - to)) + 1; }

/// sum += value, `lost` collecting what rounding loses. Source: Neumaier 1974.
inline void AddCompensated(double value, double& sum, double& lost) {
  const double next = sum + value;
  if (std::isinf(next)) {
    lost = 0;
  } else if (std::abs(sum) >= std::abs(value)) {
    lost += (sum - next) + value;
  } else {
    lost += (value - next) + sum;
  }
  sum = next;
}

/// How many buckets begin below `threshold` > 0: those that a zero bucket of that width has taken over.
size_t BucketsWithin(int32_t schema, const HistogramBuckets& buckets, double threshold);

/// Merges buckets from one schema to a coarser one. `lost`: null, or what was lost of each bucket.
void ReduceBuckets(HistogramBuckets& buckets, std::vector<double>* lost, int32_t from, int32_t to);

}  // namespace auspex
