#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace auspex::query {

/// The values of a window that slides, in order: NaN first, -0 before 0. Insert and erase move at most one block of keys, so
/// they cost O(size / kBlockKeys + kBlockKeys). One thread at a time.
class SortedWindow {
 public:
  /// Makes this hold values[begin, end): by steps from what it holds where that is less work. `values` is the same array
  /// in every call, and begin and end never go back.
  void Slide(std::span<const double> values, size_t begin, size_t end);
  size_t size() const { return size_; }
  size_t nan_count() const { return nan_count_; }
  /// The value of a rank, rank < size().
  double At(size_t rank) const;
  /// As query::Quantile.
  double Quantile(double q) const;
  /// The median of the distances from the median.
  double MedianAbsoluteDeviation() const;

 private:
  static constexpr size_t kBlockKeys = 1024;
  using Block = std::vector<int64_t>;
  void Insert(double value);
  void Erase(double value);
  void Assign(std::span<const double> values);
  // The block that holds `key`, or where it belongs.
  size_t BlockOf(int64_t key) const;
  // The rank-th smallest distance from `center` of the values that are not NaN.
  double DistanceAt(size_t rank, double center) const;

  std::vector<Block> blocks_;  // none is empty; ascending within and across
  size_t size_ = 0;
  size_t nan_count_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

/// The quantile of values that need no order afterwards: the same bits as SortedWindow::Quantile, for less than sorting them.
double SelectQuantile(std::span<const double> values, double q, std::vector<int64_t>& scratch);

}  // namespace auspex::query
