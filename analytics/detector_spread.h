#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace auspex::analytics {

/// Standard deviation of the newest `size` values. O(1) a value; the sums are made anew once a window, so that rounding
/// errors do not gather.
class RollingSpread {
 public:
  explicit RollingSpread(size_t size) : size_(size) { values_.reserve(size); }

  double Push(double x) {
    if (values_.size() < size_) {
      values_.push_back(x);
      if (values_.size() == 1) shift_ = x;
      Count(x, 1);
    } else {
      Count(values_[at_], -1);
      values_[at_] = x;
      Count(x, 1);
      if (++at_ == size_) {
        at_ = 0;
        Recount();
      }
    }
    const auto n = static_cast<double>(values_.size());
    const double mean = sum_ / n;
    return std::sqrt(std::max(0.0, squares_ / n - mean * mean));
  }
  void Clear() {
    values_.clear();
    at_ = 0;
    sum_ = squares_ = 0;
  }
  bool full() const { return values_.size() == size_; }

 private:
  void Count(double x, double sign) {
    sum_ += sign * (x - shift_);
    squares_ += sign * (x - shift_) * (x - shift_);
  }
  void Recount() {
    shift_ += sum_ / static_cast<double>(values_.size());
    sum_ = squares_ = 0;
    for (const double x : values_) Count(x, 1);
  }

  size_t size_;
  std::vector<double> values_;  // a ring once it is full
  size_t at_ = 0;               // the oldest then
  double shift_ = 0;            // sums are of x - shift
  double sum_ = 0;
  double squares_ = 0;
};

}  // namespace auspex::analytics
