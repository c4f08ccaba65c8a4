#pragma once

#include <cmath>

namespace auspex::query {

/// A running sum with the bits that rounding lost beside it.
/// Source: Neumaier 1974, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen".
struct KahanSum {
  double sum = 0;
  double lost = 0;

  void Add(double value) {
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
  double Total() const { return sum + lost; }
};

/// The mean of values that are added one by one. Sums up as long as the sum stays finite, and then goes on from mean to
/// mean, which cannot overflow.
struct KahanMean {
  KahanSum sum;  ///< of the values, or the mean itself once `by_mean`
  double count = 0;
  bool by_mean = false;

  void Add(double value) {
    count += 1;
    if (count == 1) {
      sum.sum = value;
      return;
    }
    if (!by_mean) {
      KahanSum next = sum;
      next.Add(value);
      if (!std::isinf(next.sum)) {
        sum = next;
        return;
      }
      by_mean = true;
      sum.sum /= count - 1;
      sum.lost /= count - 1;
    }
    const double weight = (count - 1) / count;
    sum.sum *= weight;
    sum.lost *= weight;
    sum.Add(value / count);
  }
  /// Adds the values that `other` has seen, as if they came after those of this.
  void Merge(const KahanMean& other) {
    if (other.count == 0) return;
    if (count == 0) {
      *this = other;
      return;
    }
    const double total = count + other.count;
    if (!by_mean && !other.by_mean) {
      KahanSum next = sum;
      next.Add(other.sum.sum);
      if (!std::isinf(next.sum)) {
        next.lost += other.sum.lost;
        sum = next;
        count = total;
        return;
      }
    }
    const double weight = by_mean ? count / total : 1 / total;
    const double other_weight = other.by_mean ? other.count / total : 1 / total;
    sum.sum *= weight;
    sum.lost = sum.lost * weight + other.sum.lost * other_weight;
    sum.Add(other.sum.sum * other_weight);
    count = total;
    by_mean = true;
  }
  double Total() const { return by_mean ? sum.Total() : sum.sum / count + sum.lost / count; }
};

}  // namespace auspex::query
