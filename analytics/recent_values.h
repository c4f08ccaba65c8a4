#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <vector>

namespace auspex::analytics {

/// The last `capacity` values, in order of time and in order of size. A push costs O(capacity) moves.
class RecentValues {
 public:
  explicit RecentValues(size_t capacity) : capacity_(capacity) {}

  /// x must not be NaN.
  void Push(double x) {
    if (by_time_.size() == capacity_) {
      sorted_.erase(std::lower_bound(sorted_.begin(), sorted_.end(), by_time_.front()));
      by_time_.pop_front();
    }
    by_time_.push_back(x);
    sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), x), x);
  }
  size_t size() const { return sorted_.size(); }
  const std::vector<double>& sorted() const { return sorted_; }

  /// Between the two nearest ranks. 0 <= q <= 1; there must be a value.
  double Quantile(double q) const {
    const double rank = q * static_cast<double>(sorted_.size() - 1);
    const auto below = static_cast<size_t>(rank);
    const size_t above = std::min(below + 1, sorted_.size() - 1);
    return sorted_[below] + (rank - static_cast<double>(below)) * (sorted_[above] - sorted_[below]);
  }

 private:
  size_t capacity_;
  std::deque<double> by_time_;
  std::vector<double> sorted_;
};

}  // namespace auspex::analytics
