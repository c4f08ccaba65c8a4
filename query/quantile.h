#pragma once

#include <span>
#include <vector>

namespace auspex::query {

/// The q-quantile of `values`, interpolated between the two nearest ranks; sorts them, NaN first.
/// NaN without values or for q = NaN, -Inf for q < 0, +Inf for q > 1.
double Quantile(double q, std::span<double> values);

/// One bucket of a classic histogram: how many observations were at most `upper_bound`.
struct Bucket {
  double upper_bound;
  double count;
};

/// What was done to the buckets of one histogram to make sense of them.
struct BucketRepair {
  bool forced_monotonic = false;
  double min_bucket = 0;  ///< the lowest and the highest upper bound that were repaired, and the largest difference
  double max_bucket = 0;
  double max_difference = 0;
};

/// The q-quantile of a classic histogram, linear within a bucket, 0 being the lower bound of a first positive bucket.
/// NaN without observations, with fewer than two buckets or without a +Inf bucket. Sorts and joins the buckets.
double BucketQuantile(double q, std::vector<Bucket>& buckets, BucketRepair& repair);

/// The share of the observations that lie between `lower` and `upper`.
double BucketFraction(double lower, double upper, std::vector<Bucket>& buckets);

}  // namespace auspex::query
