#pragma once

#include <algorithm>
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
    if (values_.empty()) base_ = x;
    const auto felt = static_cast<float>(std::clamp(x - base_, -1e30, 1e30));
    if (values_.size() < size_) {
      values_.push_back(felt);
      if (values_.size() == 1) shift_ = 0;
      Count(felt, 1);
    } else {
      Count(values_[at_], -1);
      values_[at_] = felt;
      Count(felt, 1);
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
  void Count(float felt, double sign) {
    const double x = static_cast<double>(felt) - shift_;
    sum_ += sign * x;
    squares_ += sign * x * x;
  }
  // The base moves along, so that small spreads far from the first value keep their digits.
  void Recount() {
    shift_ += sum_ / static_cast<double>(values_.size());
    for (float& felt : values_) felt = static_cast<float>(static_cast<double>(felt) - shift_);
    base_ += shift_;
    shift_ = sum_ = squares_ = 0;
    for (const float felt : values_) Count(felt, 1);
  }

  size_t size_;
  std::vector<float> values_;  // less base_: half the memory; a ring once it is full
  size_t at_ = 0;              // the oldest then
  double base_ = 0;            // a value of about now
  double shift_ = 0;           // sums are of values - shift
  double sum_ = 0;
  double squares_ = 0;
};

}  // namespace auspex::analytics
