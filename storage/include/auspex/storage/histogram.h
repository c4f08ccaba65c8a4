#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "auspex/storage/base/result.h"

namespace auspex {

/// In a column of values, "the sample here is a histogram": its value is in the column beside it. Where that column has none,
/// the bits are a NaN like any other.
inline constexpr uint64_t kHistogramBits = 0x7ff0000000000003;
double HistogramMarker();

/// What is known of the sample before this one of the same series. On disk and in remote write: never renumbered.
enum class CounterReset : uint8_t {
  kUnknown = 0,
  kReset = 1,     ///< this sample starts a new counter
  kNotReset = 2,  ///< this sample continues the counter
  kGauge = 3,     ///< not a counter: may go down
};

/// How many observations fell into which bucket, buckets in order of index. A bucket that is listed with no observation is
/// not the same as one that is not listed, until Compact.
struct HistogramBuckets {
  std::vector<int32_t> index;  ///< strictly increasing
  std::vector<double> count;   ///< as many; absolute
  size_t size() const { return index.size(); }
  bool empty() const { return index.empty(); }
  void Push(int32_t at, double population) {
    index.push_back(at);
    count.push_back(population);
  }
};

inline constexpr int32_t kMinHistogramSchema = -4;
inline constexpr int32_t kMaxHistogramSchema = 8;
inline constexpr int32_t kCustomBucketsSchema = -53;
/// What one histogram may have at most: more is no measurement.
inline constexpr size_t kMaxHistogramBuckets = 65536;

/// A distribution, as Prometheus' native histograms have it: a value like a number, which can be added, scaled and compared.
///   schema n in [-4, 8]: bucket i holds (2^((i-1) * 2^-n), 2^(i * 2^-n)], `negative` mirrors that; observations within
///     zero_threshold of zero are in zero_count
///   schema -53: bucket i holds (custom_values[i-1], custom_values[i]], the last one ends at infinity; no negative and no
///     zero bucket
/// NaN observations are in count alone, and make sum NaN.
struct Histogram {
  CounterReset hint = CounterReset::kUnknown;
  int32_t schema = 0;
  double zero_threshold = 0;
  double zero_count = 0;
  double count = 0;
  double sum = 0;
  HistogramBuckets positive;
  HistogramBuckets negative;
  std::vector<double> custom_values;  ///< strictly increasing bounds, no infinity

  bool custom() const { return schema == kCustomBucketsSchema; }
  size_t buckets_count() const { return positive.size() + negative.size(); }
};
using HistogramPtr = std::shared_ptr<const Histogram>;

/// A bucket by its bounds.
struct HistogramBucket {
  double lower = 0;
  double upper = 0;
  double count = 0;
  bool lower_inclusive = false;
  bool upper_inclusive = false;
};

/// The upper bound of a bucket on the positive side, infinite beyond the last one.
double HistogramBound(const Histogram& histogram, int32_t index);
/// All buckets, lowest first, the zero bucket among them if it holds something. Bounds next to the zero bucket are cut to it.
std::vector<HistogramBucket> AllBuckets(const Histogram& histogram);

/// Errors: InvalidArgument, in Prometheus' words: what no histogram can be (schema, order of bounds and buckets, negative
/// counts, zero bucket beside custom ones, too many buckets).
Status Validate(const Histogram& histogram);

/// Whether two are the same down to the bits of their counts, listed buckets and bounds; hints are not looked at.
bool SameHistogram(const Histogram& a, const Histogram& b);
/// Drops buckets that hold nothing.
void Compact(Histogram& histogram);
/// Merges buckets until the resolution is that of `schema` <= histogram.schema. Not for custom buckets.
void ReduceResolution(Histogram& histogram, int32_t schema);
/// "{count:3, sum:4.5, (1,2]:3}": what count_values makes a label of.
std::string HistogramText(const Histogram& histogram);

/// What happened when two histograms were put together.
struct HistogramNotes {
  bool incompatible = false;     ///< exponential with custom buckets: nothing was done
  bool reset_collision = false;  ///< one was said to be a reset, the other to be none
  bool reconciled = false;       ///< custom bounds differed: reduced to those that both have
  void Merge(const HistogramNotes& other);
};

/// into += other, into -= other. Resolution, zero buckets and custom bounds are brought to what both can express.
HistogramNotes AddTo(Histogram& into, const Histogram& other);
HistogramNotes SubtractFrom(Histogram& into, const Histogram& other);
/// Every count and the sum times factor; a negative one makes a gauge.
void Multiply(Histogram& histogram, double factor);
/// Every count and the sum by divisor; division by zero drops all buckets.
void Divide(Histogram& histogram, double divisor);

/// Whether a counter histogram must have started again between `previous` and `current`: a count went down, a bucket vanished,
/// or the layout changed as only a restart can. A hint of `current` decides where it has one.
bool DetectReset(const Histogram& current, const Histogram& previous);

/// A sum of histograms in which every count carries what rounding lost (Neumaier 1974).
class HistogramSum {
 public:
  explicit HistogramSum(const Histogram& first);
  /// Nothing is changed when the notes say incompatible.
  HistogramNotes Add(const Histogram& other);
  void Multiply(double factor);
  void Divide(double divisor);
  /// Whether a part of the sum is infinite.
  bool Overflowed() const;
  Histogram Total() const;
  const Histogram& running() const { return sum_; }
  /// Adds another sum with what it lost.
  HistogramNotes Merge(const HistogramSum& other);

 private:
  Histogram sum_;
  Histogram lost_;  // same buckets as sum_
};

/// A mean of histograms: of their sum as long as it stays finite, then from mean to mean, which cannot overflow.
class HistogramMean {
 public:
  explicit HistogramMean(const Histogram& first) : sum_(first) {}
  HistogramNotes Add(const Histogram& other);
  /// Adds what `later` has seen, as if it came after.
  HistogramNotes Merge(const HistogramMean& later);
  Histogram Total() const;

 private:
  HistogramSum sum_;  // or the mean itself, once by_mean_
  double count_ = 1;
  bool by_mean_ = false;
};

/// The value below which a fraction q of the observations lies: interpolated exponentially in exponential buckets, linearly in
/// custom ones and in the zero bucket. -Inf for q < 0, +Inf for q > 1, NaN without observations and where q falls among NaN
/// observations.
double HistogramQuantile(double q, const Histogram& histogram);
/// The fraction of observations between lower and upper, interpolated likewise; NaN observations are in no fraction.
double HistogramFraction(double lower, double upper, const Histogram& histogram);
/// Estimated variance of the observations, every bucket standing for its geometric mean (custom ones: arithmetic).
double HistogramVariance(const Histogram& histogram);

/// Keeps the observations below (`</`) or above (`>/`) a bound; the bucket that it cuts is interpolated, the sum estimated.
enum class TrimSide : uint8_t { kKeepBelow, kKeepAbove };
Histogram Trimmed(const Histogram& histogram, double bound, TrimSide side);

}  // namespace auspex
