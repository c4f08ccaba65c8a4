#include "auspex/storage/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "histogram_buckets.h"

namespace auspex {
namespace {

bool SameBits(double a, double b) { return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b); }

bool SameBuckets(const HistogramBuckets& a, const HistogramBuckets& b) {
  return a.index == b.index && std::equal(a.count.begin(), a.count.end(), b.count.begin(), b.count.end(), SameBits);
}

void CompactBuckets(HistogramBuckets& buckets) {
  size_t kept = 0;
  for (size_t i = 0; i < buckets.size(); ++i) {
    if (buckets.count[i] == 0) continue;
    buckets.index[kept] = buckets.index[i];
    buckets.count[kept++] = buckets.count[i];
  }
  buckets.index.resize(kept);
  buckets.count.resize(kept);
}

HistogramBucket PositiveBucket(const Histogram& histogram, size_t i) {
  const int32_t index = histogram.positive.index[i];
  HistogramBucket bucket;
  bucket.upper = HistogramBound(histogram, index);
  bucket.lower = HistogramBound(histogram, index - 1);
  bucket.count = histogram.positive.count[i];
  bucket.lower_inclusive = histogram.custom() && index == 0;
  bucket.upper_inclusive = true;
  return bucket;
}

HistogramBucket NegativeBucket(const Histogram& histogram, size_t i) {
  const int32_t index = histogram.negative.index[i];
  return {-HistogramBound(histogram, index), -HistogramBound(histogram, index - 1), histogram.negative.count[i],
          /*lower_inclusive=*/true, /*upper_inclusive=*/false};
}

// As Go prints a float with %g: the shortest digits, an exponent below 1e-4 and from 1e21 on.
std::string PrintFloat(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  const double magnitude = std::abs(value);
  const std::string text = fmt::format("{}", value);
  const bool exponent = text.find('e') != std::string::npos;
  if (!exponent || magnitude < 1e-4 || magnitude >= 1e21) return text;
  return fmt::format("{:.0f}", value);
}

}  // namespace

double HistogramMarker() { return std::bit_cast<double>(kHistogramBits); }

double ExponentialBound(int32_t schema, int32_t index) {
  // The largest finite bound stands for 2^1024, which is none.
  if (schema <= 0) {
    const int64_t exponent = static_cast<int64_t>(index) << -schema;
    if (exponent == 1024) return std::numeric_limits<double>::max();
    return std::ldexp(1.0, static_cast<int>(std::clamp<int64_t>(exponent, -5000, 5000)));
  }
  const int32_t per_octave = int32_t{1} << schema;
  const int32_t part = index & (per_octave - 1);
  const int32_t exponent = index >> schema;
  if (part == 0 && exponent == 1024) return std::numeric_limits<double>::max();
  // In extended precision, so that rounding to double gives the nearest one.
  const long double fraction = exp2l(static_cast<long double>(part) / static_cast<long double>(per_octave));
  return std::ldexp(static_cast<double>(fraction), std::clamp(exponent, -5000, 5000));
}

double HistogramBound(const Histogram& histogram, int32_t index) {
  if (!histogram.custom()) return ExponentialBound(histogram.schema, index);
  if (index < 0) return -std::numeric_limits<double>::infinity();
  if (static_cast<size_t>(index) >= histogram.custom_values.size()) return std::numeric_limits<double>::infinity();
  return histogram.custom_values[static_cast<size_t>(index)];
}

std::vector<HistogramBucket> AllBuckets(const Histogram& histogram) {
  std::vector<HistogramBucket> all;
  all.reserve(histogram.buckets_count() + 1);
  for (size_t i = histogram.negative.size(); i-- > 0;) {
    HistogramBucket bucket = NegativeBucket(histogram, i);
    if (bucket.upper > -histogram.zero_threshold) bucket.upper = -histogram.zero_threshold;
    all.push_back(bucket);
  }
  if (histogram.zero_count > 0) {
    all.push_back({-histogram.zero_threshold, histogram.zero_threshold, histogram.zero_count, true, true});
  }
  for (size_t i = 0; i < histogram.positive.size(); ++i) {
    HistogramBucket bucket = PositiveBucket(histogram, i);
    if (bucket.lower > 0 && bucket.lower < histogram.zero_threshold) bucket.lower = histogram.zero_threshold;
    all.push_back(bucket);
  }
  return all;
}

bool SameHistogram(const Histogram& a, const Histogram& b) {
  return a.schema == b.schema && SameBits(a.count, b.count) && SameBits(a.sum, b.sum) && a.custom_values == b.custom_values &&
         a.zero_threshold == b.zero_threshold && SameBits(a.zero_count, b.zero_count) && SameBuckets(a.negative, b.negative) &&
         SameBuckets(a.positive, b.positive);
}

void Compact(Histogram& histogram) {
  CompactBuckets(histogram.positive);
  CompactBuckets(histogram.negative);
}

void ReduceResolution(Histogram& histogram, int32_t schema) {
  AUSPEX_CHECK(!histogram.custom());
  AUSPEX_CHECK(schema <= histogram.schema);
  ReduceBuckets(histogram.positive, nullptr, histogram.schema, schema);
  ReduceBuckets(histogram.negative, nullptr, histogram.schema, schema);
  histogram.schema = schema;
}

std::string HistogramText(const Histogram& histogram) {
  std::string text = fmt::format("{{count:{}, sum:{}", PrintFloat(histogram.count), PrintFloat(histogram.sum));
  const auto append = [&](const HistogramBucket& bucket) {
    if (bucket.count == 0) return;
    text += fmt::format(", {}{},{}{}:{}", bucket.lower_inclusive ? '[' : '(', PrintFloat(bucket.lower),
                        PrintFloat(bucket.upper), bucket.upper_inclusive ? ']' : ')', PrintFloat(bucket.count));
  };
  for (size_t i = histogram.negative.size(); i-- > 0;) append(NegativeBucket(histogram, i));
  if (histogram.zero_count != 0) {
    append({-histogram.zero_threshold, histogram.zero_threshold, histogram.zero_count, true, true});
  }
  for (size_t i = 0; i < histogram.positive.size(); ++i) append(PositiveBucket(histogram, i));
  return text + "}";
}

}  // namespace auspex
