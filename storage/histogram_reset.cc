#include "histogram_buckets.h"

namespace auspex {
namespace {

// Whether a bucket of `previous` holds more than that of `current`. Both of one schema.
bool WentDown(const HistogramBuckets& current, const HistogramBuckets& previous) {
  size_t i = 0;
  for (size_t j = 0; j < previous.size(); ++j) {
    while (i < current.size() && current.index[i] < previous.index[j]) ++i;
    const bool there = i < current.size() && current.index[i] == previous.index[j];
    if (there ? current.count[i] < previous.count[j] : previous.count[j] != 0) return true;
  }
  return false;
}

// Custom bounds that differ: counts are compared between the bounds that both have.
bool WentDownBetweenSharedBounds(const Histogram& current, const Histogram& previous) {
  size_t c = 0;  // bounds
  size_t p = 0;
  size_t i = 0;  // buckets
  size_t j = 0;
  const auto sum_up_to = [](const HistogramBuckets& buckets, size_t& at, size_t bound) {
    double sum = 0;
    for (; at < buckets.size() && static_cast<size_t>(buckets.index[at]) <= bound; ++at) sum += buckets.count[at];
    return sum;
  };
  while (c <= current.custom_values.size() && p <= previous.custom_values.size()) {
    const double upper = HistogramBound(current, static_cast<int32_t>(c));
    const double previous_upper = HistogramBound(previous, static_cast<int32_t>(p));
    if (upper < previous_upper) {
      ++c;
    } else if (upper > previous_upper) {
      ++p;
    } else {
      if (sum_up_to(current.positive, i, c) < sum_up_to(previous.positive, j, p)) return true;
      ++c;
      ++p;
    }
  }
  return false;
}

// The zero bucket of `previous` at the width of `threshold`; false when a populated bucket lies across that.
bool ZeroCountAt(const Histogram& previous, double threshold, double& count) {
  count = previous.zero_count;
  for (const HistogramBuckets* side : {&previous.positive, &previous.negative}) {
    for (size_t i = 0; i < side->size(); ++i) {
      if (ExponentialBound(previous.schema, side->index[i] - 1) >= threshold) break;
      if (ExponentialBound(previous.schema, side->index[i]) > threshold && side->count[i] != 0) return false;
      count += side->count[i];
    }
  }
  return true;
}

}  // namespace

bool DetectReset(const Histogram& current, const Histogram& previous) {
  if (current.hint == CounterReset::kReset) return true;
  if (current.hint == CounterReset::kNotReset) return false;
  if (current.count < previous.count) return true;
  if (current.custom() != previous.custom()) return true;
  if (current.custom()) {
    if (current.custom_values != previous.custom_values) return WentDownBetweenSharedBounds(current, previous);
    return WentDown(current.positive, previous.positive);
  }
  // Finer buckets or a narrower zero bucket cannot be made of what was counted before.
  if (current.schema > previous.schema || current.zero_threshold < previous.zero_threshold) return true;
  double zero_count = previous.zero_count;
  if (current.zero_threshold > previous.zero_threshold && !ZeroCountAt(previous, current.zero_threshold, zero_count))
    return true;
  if (current.zero_count < zero_count) return true;
  // Buckets that are in the zero bucket now have been looked at with it.
  const auto went_down = [&](const HistogramBuckets& now, const HistogramBuckets& before) {
    HistogramBuckets rest;
    for (size_t i = BucketsWithin(previous.schema, before, current.zero_threshold); i < before.size(); ++i) {
      rest.Push(before.index[i], before.count[i]);
    }
    ReduceBuckets(rest, nullptr, previous.schema, current.schema);
    return WentDown(now, rest);
  };
  return went_down(current.positive, previous.positive) || went_down(current.negative, previous.negative);
}

}  // namespace auspex
