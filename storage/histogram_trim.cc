#include <cmath>

#include "histogram_buckets.h"

namespace auspex {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What is left of a bucket, and the value that its observations are taken to have.
struct Kept {
  double count = 0;
  double value = 0;
};

double FiniteOrZero(double value) { return std::isinf(value) ? 0 : value; }

double Middle(double lower, double upper, bool positive, bool linear) {
  if (std::isinf(lower)) {
    if (std::isinf(upper)) return 0;
    return upper > 0 ? upper / 2 : upper;
  }
  if (std::isinf(upper)) return lower;
  if (linear) return (lower + upper) / 2;
  const double mean = std::sqrt(std::abs(lower * upper));
  return positive ? mean : -mean;
}

// Nothing is known of how observations spread towards infinity: such a bucket is kept or dropped whole, but for a first custom
// bucket that reaches above zero, which is taken to begin there.
Kept CutInfinite(const HistogramBucket& bucket, double bound, TrimSide side) {
  const bool below = side == TrimSide::kKeepBelow;
  if (bucket.lower == -kInfinity) {
    const bool from_zero = bucket.upper > 0 && bucket.upper != kInfinity;
    if (below) {
      if (bound >= bucket.upper) return {bucket.count, 0};
      if (bound > 0 && from_zero) return {bucket.count * bound / bucket.upper, bound / 2};
      if (bucket.upper <= 0) return {bucket.count, bound};
      return {0, FiniteOrZero(bucket.upper)};
    }
    if (bound <= bucket.lower) return {bucket.count, 0};
    if (bound >= 0 && bucket.upper > bound && from_zero) {
      return {bucket.count * (1 - bound / bucket.upper), (bound + bucket.upper) / 2};
    }
    return {0, FiniteOrZero(bucket.upper)};
  }
  if (!below && bound >= bucket.lower) return {bucket.count, bound};
  return {0, FiniteOrZero(bucket.lower)};
}

// How much of the bucket lies at or below the bound.
double CountBelow(const HistogramBucket& bucket, double bound, bool positive, bool linear) {
  if (bound <= bucket.lower) return 0;
  if (bound >= bucket.upper) return bucket.count;
  if (linear) return bucket.count * ((bound - bucket.lower) / (bucket.upper - bucket.lower));
  const double lower = std::log2(std::abs(bucket.lower));
  const double upper = std::log2(std::abs(bucket.upper));
  const double at = std::log2(std::abs(bound));
  return bucket.count * (positive ? (at - lower) / (upper - lower) : 1 - (at - upper) / (lower - upper));
}

Kept Cut(const HistogramBucket& bucket, double bound, TrimSide side, bool positive, bool linear) {
  if (std::isinf(bucket.lower) || std::isinf(bucket.upper)) return CutInfinite(bucket, bound, side);
  const double under = CountBelow(bucket, bound, positive, linear);
  if (side == TrimSide::kKeepBelow) return {under, Middle(bucket.lower, bound, positive, linear)};
  return {bucket.count - under, Middle(bound, bucket.upper, positive, linear)};
}

Kept CutZero(const Histogram& histogram, double bound, TrimSide side, bool has_negative, bool has_positive) {
  const double lower = has_positive && !has_negative ? 0 : -histogram.zero_threshold;
  const double upper = has_negative && !has_positive ? 0 : histogram.zero_threshold;
  const bool below = side == TrimSide::kKeepBelow;
  if (bound <= lower) return below ? Kept{} : Kept{histogram.zero_count, (lower + upper) / 2};
  if (bound >= upper) return below ? Kept{histogram.zero_count, (lower + upper) / 2} : Kept{};
  const double part = (below ? bound - lower : upper - bound) / (upper - lower);
  return {histogram.zero_count * part, below ? (lower + bound) / 2 : (bound + upper) / 2};
}

class Trimmer {
 public:
  Trimmer(Histogram& histogram, double bound, TrimSide side) : histogram_(histogram), bound_(bound), side_(side) {}

  void Run() {
    const bool has_positive = TrimBuckets(histogram_.positive, true);
    const bool has_negative = TrimBuckets(histogram_.negative, false);
    if (histogram_.zero_count > 0) {
      Take(CutZero(histogram_, bound_, side_, has_negative, has_positive), histogram_.zero_count);
    }
    if (!trimmed_) return;  // all of it is kept, and with it the sum that was counted
    histogram_.count = count_;
    histogram_.sum = sum_;
    Compact(histogram_);
  }

 private:
  void Take(Kept kept, double& population) {
    trimmed_ = trimmed_ || population != kept.count;
    population = kept.count;
    count_ += kept.count;
    sum_ += kept.value * kept.count;
  }

  // Returns whether a bucket of this side held something.
  bool TrimBuckets(HistogramBuckets& buckets, bool positive) {
    bool any = false;
    for (size_t i = 0; i < buckets.size(); ++i) {
      if (buckets.count[i] == 0) continue;
      any = true;
      HistogramBucket bucket{HistogramBound(histogram_, buckets.index[i] - 1), HistogramBound(histogram_, buckets.index[i]),
                             buckets.count[i], false, false};
      if (!positive) {
        std::swap(bucket.lower, bucket.upper);
        bucket.lower = -bucket.lower;
        bucket.upper = -bucket.upper;
      }
      const bool below = side_ == TrimSide::kKeepBelow;
      const bool whole = below ? bucket.upper <= bound_ : bucket.lower >= bound_;
      const bool part = below ? bucket.lower < bound_ : bucket.upper > bound_;
      if (whole) {
        Take({bucket.count, Middle(bucket.lower, bucket.upper, positive, histogram_.custom())}, buckets.count[i]);
      } else if (part) {
        Take(Cut(bucket, bound_, side_, positive, histogram_.custom()), buckets.count[i]);
      } else {
        Take({}, buckets.count[i]);
      }
    }
    return any;
  }

  Histogram& histogram_;
  const double bound_;
  const TrimSide side_;
  double count_ = 0;
  double sum_ = 0;
  bool trimmed_ = false;
};

}  // namespace

Histogram Trimmed(const Histogram& histogram, double bound, TrimSide side) {
  Histogram trimmed = histogram;
  Trimmer(trimmed, bound, side).Run();
  return trimmed;
}

}  // namespace auspex
