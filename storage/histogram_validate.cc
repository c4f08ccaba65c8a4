#include <cmath>

#include "auspex/storage/histogram.h"

namespace auspex {
namespace {

Status CheckBuckets(std::string_view side, const HistogramBuckets& buckets) {
  if (buckets.index.size() != buckets.count.size()) {
    return InvalidArgument(
        "{} side: spans need {} buckets, have {} buckets: histogram spans specify different number of buckets "
        "than provided",
        side, buckets.index.size(), buckets.count.size());
  }
  for (size_t i = 1; i < buckets.size(); ++i) {
    if (buckets.index[i - 1] >= buckets.index[i]) {
      return InvalidArgument("{} side: bucket {} follows bucket {}: histogram has a span whose offset is negative", side,
                             buckets.index[i], buckets.index[i - 1]);
    }
  }
  for (size_t i = 0; i < buckets.size(); ++i) {
    if (buckets.count[i] < 0) {
      return InvalidArgument(
          "{} side: bucket number {} has observation count of {}: histogram has a bucket whose observation "
          "count is negative",
          side, i + 1, buckets.count[i]);
    }
  }
  return OkStatus();
}

Status CheckCustom(const Histogram& histogram) {
  const std::vector<double>& bounds = histogram.custom_values;
  for (size_t i = 0; i < bounds.size(); ++i) {
    if (!std::isfinite(bounds[i])) {
      return InvalidArgument("custom buckets: bound number {} is {}: histogram custom bounds must be finite", i + 1, bounds[i]);
    }
    if (i > 0 && !(bounds[i - 1] < bounds[i])) {
      return InvalidArgument(
          "custom buckets: previous bound is {} and current is {}: histogram custom bounds must be in strictly "
          "increasing order",
          bounds[i - 1], bounds[i]);
    }
  }
  if (histogram.zero_count != 0 || histogram.zero_threshold != 0) {
    return InvalidArgument("custom buckets: must have no zero bucket");
  }
  if (!histogram.negative.empty()) return InvalidArgument("custom buckets: must not have negative buckets");
  for (const int32_t index : histogram.positive.index) {
    if (index < 0 || static_cast<size_t>(index) > bounds.size()) {
      return InvalidArgument(
          "custom buckets: only {} custom bounds defined which is insufficient to cover bucket {}: histogram "
          "custom bounds are too few",
          bounds.size(), index);
    }
  }
  return OkStatus();
}

}  // namespace

Status Validate(const Histogram& histogram) {
  if (histogram.buckets_count() > kMaxHistogramBuckets || histogram.custom_values.size() > kMaxHistogramBuckets) {
    return InvalidArgument("histogram has {} buckets and {} custom bounds, at most {} are taken", histogram.buckets_count(),
                           histogram.custom_values.size(), kMaxHistogramBuckets);
  }
  if (histogram.custom()) {
    AUSPEX_RETURN_IF_ERROR(CheckCustom(histogram));
  } else if (histogram.schema < kMinHistogramSchema || histogram.schema > kMaxHistogramSchema) {
    return InvalidArgument("histogram schema {} is not valid, expected -4 to 8 or -53", histogram.schema);
  } else if (!histogram.custom_values.empty()) {
    return InvalidArgument("histogram with exponential schema must not have custom bounds");
  }
  AUSPEX_RETURN_IF_ERROR(CheckBuckets("positive", histogram.positive));
  AUSPEX_RETURN_IF_ERROR(CheckBuckets("negative", histogram.negative));
  if (!(histogram.zero_threshold >= 0) || std::isinf(histogram.zero_threshold)) {
    return InvalidArgument("zero bucket has a threshold of {}, expected a finite one from 0 on", histogram.zero_threshold);
  }
  if (histogram.zero_count < 0) {
    return InvalidArgument(
        "zero bucket has observation count of {}: histogram has a bucket whose observation count is negative",
        histogram.zero_count);
  }
  if (histogram.count < 0) {
    return InvalidArgument("observation count is {}: histogram's observation count is negative", histogram.count);
  }
  return OkStatus();
}

}  // namespace auspex
