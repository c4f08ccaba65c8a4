#include <algorithm>
#include <cmath>

#include "histogram_buckets.h"

namespace auspex {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// With observations on one side only, the zero bucket is taken to hold those next to zero on that side.
void CutZeroBucket(const Histogram& histogram, HistogramBucket& bucket) {
  if (histogram.negative.empty() && !histogram.positive.empty()) bucket.lower = 0;
  if (histogram.positive.empty() && !histogram.negative.empty()) bucket.upper = 0;
}

// How far between the bounds of a bucket that does not span zero `value` lies, on a logarithmic scale.
double ExponentialPart(const HistogramBucket& bucket, double value) {
  const double lower = std::log2(std::abs(bucket.lower));
  const double upper = std::log2(std::abs(bucket.upper));
  const double at = std::log2(std::abs(value));
  return value > 0 ? (at - lower) / (upper - lower) : 1 - (at - upper) / (lower - upper);
}

// The value at `fraction` of a bucket.
double Interpolated(const Histogram& histogram, const HistogramBucket& bucket, double fraction) {
  if (histogram.custom() || (bucket.lower <= 0 && bucket.upper >= 0)) {
    return bucket.lower + (bucket.upper - bucket.lower) * fraction;
  }
  const double lower = std::log2(std::abs(bucket.lower));
  const double upper = std::log2(std::abs(bucket.upper));
  if (bucket.lower > 0) return std::exp2(lower + (upper - lower) * fraction);
  return -std::exp2(upper + (lower - upper) * (1 - fraction));
}

}  // namespace

double HistogramQuantile(double q, const Histogram& histogram) {
  if (q < 0) return -kInfinity;
  if (q > 1) return kInfinity;
  if (histogram.count == 0 || std::isnan(q)) return kNaN;
  const bool with_nan = std::isnan(histogram.sum);
  // From the nearer end, which loses fewer bits. NaN observations come after all others.
  const bool forward = with_nan || q < 0.5;
  std::vector<HistogramBucket> buckets = AllBuckets(histogram);
  if (!forward) std::reverse(buckets.begin(), buckets.end());
  double rank = (forward ? q : 1 - q) * histogram.count;
  HistogramBucket bucket;
  double count = 0;
  for (const HistogramBucket& next : buckets) {
    bucket = next;
    if (bucket.count == 0) continue;
    count += bucket.count;
    if (count >= rank) break;
  }
  if (histogram.custom()) {
    if (bucket.lower == -kInfinity) {
      if (bucket.upper <= 0) return bucket.upper;
      bucket.lower = 0;
    } else if (bucket.upper == kInfinity) {
      return bucket.lower;
    }
  } else if (bucket.lower < 0 && bucket.upper > 0) {
    CutZeroBucket(histogram, bucket);
  }
  count = std::min(count, histogram.count);  // rounding may have made it more
  if (count < rank) return with_nan ? kNaN : bucket.upper;
  rank = forward ? rank - (count - bucket.count) : count - rank;
  return Interpolated(histogram, bucket, rank / bucket.count);
}

double HistogramFraction(double lower, double upper, const Histogram& histogram) {
  if (histogram.count == 0 || std::isnan(lower) || std::isnan(upper)) return kNaN;
  if (lower >= upper) return 0;
  const std::vector<HistogramBucket> buckets = AllBuckets(histogram);
  double all = histogram.count;
  if (std::isnan(histogram.sum)) {
    all = 0;
    for (const HistogramBucket& bucket : buckets) all += bucket.count;
  }
  // Observations at or below `value`.
  const auto rank_of = [&](double value) {
    double rank = 0;
    for (HistogramBucket bucket : buckets) {
      const bool around_zero = bucket.lower <= 0 && bucket.upper >= 0;
      if (around_zero) CutZeroBucket(histogram, bucket);
      if (bucket.lower >= value) return rank;
      if (bucket.upper > value) {
        const double part = histogram.custom() || around_zero ? (value - bucket.lower) / (bucket.upper - bucket.lower)
                                                              : ExponentialPart(bucket, value);
        return std::min(rank + bucket.count * part, all);
      }
      rank += bucket.count;
    }
    return all;
  };
  return (rank_of(upper) - rank_of(lower)) / histogram.count;
}

double HistogramVariance(const Histogram& histogram) {
  const double mean = histogram.sum / histogram.count;
  double sum = 0;
  double lost = 0;
  for (const HistogramBucket& bucket : AllBuckets(histogram)) {
    if (bucket.count == 0) continue;
    double value = 0;
    if (histogram.custom()) {
      value = (bucket.upper + bucket.lower) / 2;
    } else if (bucket.lower > 0 || bucket.upper < 0) {
      value = std::copysign(std::sqrt(bucket.upper * bucket.lower), bucket.upper);
    }
    const double delta = value - mean;
    AddCompensated(bucket.count * delta * delta, sum, lost);
  }
  return (sum + lost) / histogram.count;
}

}  // namespace auspex
