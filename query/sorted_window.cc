#include "sorted_window.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace auspex::query {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int64_t kNanKey = std::numeric_limits<int64_t>::min();

// Integers in the order of the values: the bits of a negative value count downwards.
int64_t KeyOf(double value) {
  if (std::isnan(value)) return kNanKey;
  const auto bits = std::bit_cast<int64_t>(value);
  return bits < 0 ? bits ^ std::numeric_limits<int64_t>::max() : bits;
}

double ValueOf(int64_t key) {
  if (key == kNanKey) return kNaN;
  return std::bit_cast<double>(key < 0 ? key ^ std::numeric_limits<int64_t>::max() : key);
}

// Between the two ranks nearest to q; `at` gives the value of a rank.
template <typename At>
double Interpolate(double q, size_t size, const At& at) {
  if (size == 0 || std::isnan(q)) return kNaN;
  if (q < 0) return -kInfinity;
  if (q > 1) return kInfinity;
  const auto count = static_cast<double>(size);
  const double rank = q * (count - 1);
  const double lower = std::max(0.0, std::floor(rank));
  const double upper = std::min(count - 1, lower + 1);
  const double weight = rank - std::floor(rank);
  const double low = at(static_cast<size_t>(lower));  // first: SelectQuantile needs them in this order
  const double high = at(static_cast<size_t>(upper));
  return low * (1 - weight) + high * weight;
}

}  // namespace

double SelectQuantile(std::span<const double> values, double q, std::vector<int64_t>& scratch) {
  scratch.resize(values.size());
  std::transform(values.begin(), values.end(), scratch.begin(), KeyOf);
  auto sorted_end = scratch.begin();  // from here on, keys are not less than those before
  const auto at = [&](size_t rank) {
    const auto wanted = scratch.begin() + static_cast<ptrdiff_t>(rank);
    // The second rank asked for is the first one's neighbour, or itself: the least of the rest.
    if (wanted == sorted_end) {
      std::iter_swap(wanted, std::min_element(wanted, scratch.end()));
    } else if (wanted > sorted_end) {
      std::nth_element(sorted_end, wanted, scratch.end());
    }
    sorted_end = std::max(sorted_end, wanted + 1);
    return ValueOf(*wanted);
  };
  return Interpolate(q, values.size(), at);
}

void SortedWindow::Slide(std::span<const double> values, size_t begin, size_t end) {
  const size_t kept = begin < end_ ? end_ - begin : 0;
  const size_t moves = (end - begin - kept) + (begin < end_ ? begin - begin_ : 0);
  // A move costs about as much as sorting this many keys anew.
  constexpr size_t kKeysPerMove = 2;
  if (kept == 0 || moves * kKeysPerMove > end - begin) {
    Assign(values.subspan(begin, end - begin));
  } else {
    for (size_t i = begin_; i < begin; ++i) Erase(values[i]);
    for (size_t i = end_; i < end; ++i) Insert(values[i]);
  }
  begin_ = begin;
  end_ = end;
}

void SortedWindow::Assign(std::span<const double> values) {
  Block keys(values.size());
  std::transform(values.begin(), values.end(), keys.begin(), KeyOf);
  std::sort(keys.begin(), keys.end());
  size_ = keys.size();
  nan_count_ = static_cast<size_t>(std::upper_bound(keys.begin(), keys.end(), kNanKey) - keys.begin());
  blocks_.clear();
  // Half full, so that they can grow.
  for (size_t i = 0; i < keys.size(); i += kBlockKeys / 2) {
    const size_t count = std::min(kBlockKeys / 2, keys.size() - i);
    Block block;
    block.reserve(kBlockKeys);
    block.assign(keys.begin() + static_cast<ptrdiff_t>(i), keys.begin() + static_cast<ptrdiff_t>(i + count));
    blocks_.push_back(std::move(block));
  }
}

size_t SortedWindow::BlockOf(int64_t key) const {
  const auto at = std::lower_bound(blocks_.begin(), blocks_.end(), key,
                                   [](const Block& block, int64_t wanted) { return block.back() < wanted; });
  return std::min(static_cast<size_t>(at - blocks_.begin()), blocks_.size() - 1);
}

void SortedWindow::Insert(double value) {
  const int64_t key = KeyOf(value);
  if (blocks_.empty()) blocks_.emplace_back();
  const size_t b = BlockOf(key);
  blocks_[b].insert(std::lower_bound(blocks_[b].begin(), blocks_[b].end(), key), key);
  if (blocks_[b].size() >= kBlockKeys) {
    constexpr ptrdiff_t kHalf = kBlockKeys / 2;
    Block upper;
    upper.reserve(kBlockKeys);
    upper.assign(blocks_[b].begin() + kHalf, blocks_[b].end());
    blocks_[b].resize(kBlockKeys / 2);
    blocks_.insert(blocks_.begin() + static_cast<ptrdiff_t>(b) + 1, std::move(upper));
  }
  ++size_;
  nan_count_ += key == kNanKey ? 1 : 0;
}

void SortedWindow::Erase(double value) {
  const int64_t key = KeyOf(value);
  const size_t b = BlockOf(key);
  blocks_[b].erase(std::lower_bound(blocks_[b].begin(), blocks_[b].end(), key));
  if (blocks_[b].empty()) blocks_.erase(blocks_.begin() + static_cast<ptrdiff_t>(b));
  --size_;
  nan_count_ -= key == kNanKey ? 1 : 0;
}

double SortedWindow::At(size_t rank) const {
  size_t b = 0;
  while (rank >= blocks_[b].size()) rank -= blocks_[b++].size();
  return ValueOf(blocks_[b][rank]);
}

double SortedWindow::Quantile(double q) const {
  return Interpolate(q, size_, [&](size_t rank) { return At(rank); });
}

double SortedWindow::DistanceAt(size_t rank, double center) const {
  // Distances grow from the center to both sides: how many of the smallest rank + 1 lie below it?
  size_t below_end = nan_count_;  // one after the last value below the center
  for (size_t high = size_; below_end < high;) {
    const size_t middle = below_end + (high - below_end) / 2;
    if (At(middle) < center) {
      below_end = middle + 1;
    } else {
      high = middle;
    }
  }
  const size_t below_count = below_end - nan_count_;
  const size_t above_count = size_ - below_end;
  const auto below = [&](size_t i) { return center - At(below_end - 1 - i); };
  const auto above = [&](size_t i) { return At(below_end + i) - center; };
  const size_t wanted = rank + 1;
  size_t low = wanted > above_count ? wanted - above_count : 0;
  size_t high = std::min(wanted, below_count);
  // The fewest from below such that the next one below is no nearer than the last one taken from above.
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (below(middle) < above(wanted - middle - 1)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const double last_below = low > 0 ? below(low - 1) : -kInfinity;
  const double last_above = wanted > low ? above(wanted - low - 1) : -kInfinity;
  return std::max(last_below, last_above);
}

double SortedWindow::MedianAbsoluteDeviation() const {
  const double median = Quantile(0.5);
  if (std::isnan(median)) return kNaN;
  // The distance of an infinity from itself is no number.
  if (std::isinf(median)) return kNaN;
  return Interpolate(0.5, size_, [&](size_t rank) { return rank < nan_count_ ? kNaN : DistanceAt(rank - nan_count_, median); });
}

}  // namespace auspex::query
