#include "quantile.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace auspex::query {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Counts that differ by less than this part are equal: the difference comes from floating-point sums.
constexpr double kSmallDifference = 1e-12;

bool NanFirst(double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; }

bool AlmostEqual(double a, double b) {
  if (a == b) return true;
  const double sum = std::abs(a) + std::abs(b);
  const double difference = std::abs(a - b);
  if (a == 0 || b == 0 || sum < std::numeric_limits<double>::min()) {
    return difference < kSmallDifference * std::numeric_limits<double>::min();
  }
  return difference / std::min(sum, std::numeric_limits<double>::max()) < kSmallDifference;
}

void SortAndJoin(std::vector<Bucket>& buckets) {
  const auto less = [](const Bucket& a, const Bucket& b) { return a.upper_bound < b.upper_bound; };
  if (!std::is_sorted(buckets.begin(), buckets.end(), less)) std::stable_sort(buckets.begin(), buckets.end(), less);
  size_t last = 0;
  for (size_t i = 1; i < buckets.size(); ++i) {
    if (buckets[i].upper_bound == buckets[last].upper_bound) {
      buckets[last].count += buckets[i].count;
    } else {
      buckets[++last] = buckets[i];
    }
  }
  buckets.resize(last + 1);
}

// A bucket includes those below it, so counts can only grow; scrapes that are not atomic break this.
void MakeMonotonic(std::vector<Bucket>& buckets, BucketRepair& repair) {
  double previous = buckets[0].count;
  for (size_t i = 1; i < buckets.size(); ++i) {
    const double count = buckets[i].count;
    if (count == previous) continue;
    if (AlmostEqual(previous, count)) {
      buckets[i].count = previous;
      continue;
    }
    if (count < previous) {
      repair.min_bucket =
          repair.forced_monotonic ? std::min(repair.min_bucket, buckets[i].upper_bound) : buckets[i].upper_bound;
      repair.max_bucket =
          repair.forced_monotonic ? std::max(repair.max_bucket, buckets[i].upper_bound) : buckets[i].upper_bound;
      repair.max_difference = std::max(repair.max_difference, previous - count);
      repair.forced_monotonic = true;
      buckets[i].count = previous;
      continue;
    }
    previous = count;
  }
}

}  // namespace

double Quantile(double q, std::span<double> values) {
  if (values.empty() || std::isnan(q)) return kNaN;
  if (q < 0) return -kInfinity;
  if (q > 1) return kInfinity;
  std::sort(values.begin(), values.end(), NanFirst);
  const auto count = static_cast<double>(values.size());
  const double rank = q * (count - 1);
  const double lower = std::max(0.0, std::floor(rank));
  const double upper = std::min(count - 1, lower + 1);
  const double weight = rank - std::floor(rank);
  return values[static_cast<size_t>(lower)] * (1 - weight) + values[static_cast<size_t>(upper)] * weight;
}

double BucketQuantile(double q, std::vector<Bucket>& buckets, BucketRepair& repair) {
  if (std::isnan(q) || buckets.empty()) return kNaN;
  if (q < 0) return -kInfinity;
  if (q > 1) return kInfinity;
  SortAndJoin(buckets);
  if (buckets.back().upper_bound != kInfinity) return kNaN;
  MakeMonotonic(buckets, repair);
  if (buckets.size() < 2) return kNaN;
  const double observations = buckets.back().count;
  if (observations == 0) return kNaN;
  double rank = q * observations;
  // NaN counts compare false, so the search is by `count >= rank` and not by its opposite.
  size_t b = 0;
  for (size_t end = buckets.size() - 1; b < end;) {
    const size_t middle = b + (end - b) / 2;
    if (buckets[middle].count >= rank) {
      end = middle;
    } else {
      b = middle + 1;
    }
  }
  if (b == buckets.size() - 1) return buckets[buckets.size() - 2].upper_bound;
  if (b == 0 && buckets[0].upper_bound <= 0) return buckets[0].upper_bound;
  double begin = 0;
  double count = buckets[b].count;
  if (b > 0) {
    begin = buckets[b - 1].upper_bound;
    count -= buckets[b - 1].count;
    rank -= buckets[b - 1].count;
  }
  return begin + (buckets[b].upper_bound - begin) * (rank / count);
}

double BucketFraction(double lower, double upper, std::vector<Bucket>& buckets) {
  if (buckets.empty()) return kNaN;
  SortAndJoin(buckets);
  if (buckets.back().upper_bound != kInfinity) return kNaN;
  const double observations = buckets.back().count;
  if (observations == 0 || std::isnan(lower) || std::isnan(upper)) return kNaN;
  if (lower >= upper) return 0;
  // How many observations are at most `bound`.
  const auto rank_of = [&](double bound) {
    double rank = 0;
    for (size_t i = 0; i < buckets.size(); ++i) {
      double begin = -kInfinity;
      if (i > 0) {
        begin = buckets[i - 1].upper_bound;
      } else if (buckets[0].upper_bound > 0) {
        begin = 0;
      }
      if (begin >= bound) return rank;
      if (buckets[i].upper_bound > bound) {
        return rank + (buckets[i].count - rank) * (bound - begin) / (buckets[i].upper_bound - begin);
      }
      rank = buckets[i].count;
    }
    return observations;
  };
  return (std::min(rank_of(upper), observations) - std::min(rank_of(lower), observations)) / observations;
}

}  // namespace auspex::query
