#pragma once

#include <cmath>

namespace auspex::query {

/// A running sum with the bits that rounding lost beside it.
/// Source: Neumaier 1974, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen"; the error of an addition
/// by Knuth's TwoSum, which gives the same bits without a branch on which of the two is larger.
struct KahanSum {
  double sum = 0;
  double lost = 0;

  void Add(double value) {
    const double next = sum + value;
    const double part = next - sum;
    const double error = (sum - (next - part)) + (value - part);
    lost = std::isinf(next) ? 0 : lost + error;
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
  double Total() const { return by_mean ? sum.Total() : sum.sum / count + sum.lost / count; }
};

}  // namespace auspex::query
