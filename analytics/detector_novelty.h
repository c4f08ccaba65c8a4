#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include "detector_mixture.h"

namespace auspex::analytics {

/// The values seen so far, as marks on 1024 cells that widen (pairs merge) when a value falls outside.
class SeenValues {
 public:
  void Start(double x) {
    width_ = std::max(1e-12, 1e-9 * std::abs(x));
    per_width_ = 1 / width_;
    low_ = x - width_ * kCells / 2;
    min_ = max_ = x;
    Mark(x);
  }

  /// Distance from x to what was seen; 0 for a marked cell.
  double Distance(double x) const {
    if (x > max_) return x - max_;
    if (x < min_) return min_ - x;
    const int at = CellOf(x);
    if (Marked(at)) return 0;
    double distance = max_ - min_;
    if (const int above = NextMarked(at); above < kCells) distance = std::min(distance, low_ + above * width_ - x);
    if (const int below = PreviousMarked(at); below >= 0) distance = std::min(distance, x - (low_ + (below + 1) * width_));
    return std::max(distance, 0.0);
  }

  void Add(double x) {
    while (x < low_) WidenDown();
    while (x >= low_ + kCells * width_) WidenUp();
    min_ = std::min(min_, x);
    max_ = std::max(max_, x);
    Mark(x);
  }

  double min() const { return min_; }
  double max() const { return max_; }

 private:
  static constexpr int kCells = 1024;

  int CellOf(double x) const { return std::clamp(static_cast<int>((x - low_) * per_width_), 0, kCells - 1); }
  bool Marked(int cell) const { return (marks_[static_cast<size_t>(cell) / 64] >> (cell % 64) & 1) != 0; }
  void Mark(double x) {
    const int cell = CellOf(x);
    marks_[static_cast<size_t>(cell) / 64] |= uint64_t{1} << (cell % 64);
  }

  int NextMarked(int cell) const {
    size_t word = static_cast<size_t>(cell) / 64;
    uint64_t bits = marks_[word] & (~uint64_t{0} << (cell % 64));
    while (bits == 0) {
      if (++word == marks_.size()) return kCells;
      bits = marks_[word];
    }
    return static_cast<int>(word) * 64 + std::countr_zero(bits);
  }
  int PreviousMarked(int cell) const {
    size_t word = static_cast<size_t>(cell) / 64;
    uint64_t bits = marks_[word] & (~uint64_t{0} >> (63 - cell % 64));
    while (bits == 0) {
      if (word-- == 0) return -1;
      bits = marks_[word];
    }
    return static_cast<int>(word) * 64 + 63 - std::countl_zero(bits);
  }

  // The bits 0, 2, 4... of a word, side by side.
  static uint64_t EvenBits(uint64_t word) {
    word &= 0x5555'5555'5555'5555;
    word = (word | word >> 1) & 0x3333'3333'3333'3333;
    word = (word | word >> 2) & 0x0f0f'0f0f'0f0f'0f0f;
    word = (word | word >> 4) & 0x00ff'00ff'00ff'00ff;
    word = (word | word >> 8) & 0x0000'ffff'0000'ffff;
    return (word | word >> 16) & 0x0000'0000'ffff'ffff;
  }

  // Cell i becomes cell first + i/2.
  void Merge(int first) {
    std::array<uint64_t, kCells / 64> merged{};
    for (size_t word = 0; word < marks_.size(); ++word) {
      const size_t to = static_cast<size_t>(first) / 64 + word / 2;
      merged[to] |= EvenBits(marks_[word] | marks_[word] >> 1) << (word % 2 * 32);
    }
    marks_ = merged;
    width_ *= 2;
    per_width_ /= 2;
  }
  void WidenUp() { Merge(0); }
  void WidenDown() {
    low_ -= kCells * width_;
    Merge(kCells / 2);
  }

  double low_ = 0;
  double width_ = 0;
  double per_width_ = 0;
  double min_ = 0;
  double max_ = 0;
  std::array<uint64_t, kCells / 64> marks_{};
};

/// How new a value of one signal is: 0 seen before, 1 as far from everything seen as the whole range seen, and further from
/// it than the signal's usual steps from sample to sample (so that the records which noise keeps setting do not count).
class Novelty {
 public:
  /// The first `ignored` values are not looked at; nothing is new before `needed` values; what lies nearer than `gate` usual
  /// steps counts less (of white noise, one value in a million lies further than 3 beyond all seen).
  Novelty(int64_t ignored, int64_t needed, double gate) : ignored_(ignored), needed_(needed), gate_(gate) {}

  /// A value that was usual before the first push.
  void See(double g) {
    if (!primed_) seen_.Start(g);
    if (primed_) seen_.Add(g);
    primed_ = true;
  }

  /// The novelty of g, which is then remembered.
  double Push(double g) {
    const int64_t push = pushes_++;
    if (push < ignored_) return 0;
    const auto t = static_cast<double>(push - ignored_);
    if (push == ignored_) {
      See(g);
      centre_ = previous_ = g;
      return 0;
    }
    const double novelty = push >= needed_ ? Of(seen_.Distance(g)) : 0;
    seen_.Add(g);
    const double rate = Rate(t, 0.001);
    const double step = std::abs(g - previous_);
    noise_ += rate * ((t < 50 ? step : std::min(step, 8 * noise_)) - noise_);
    spread_ += rate * (std::abs(g - centre_) - spread_);
    centre_ += rate * (g - centre_);
    previous_ = g;
    return novelty;
  }

  /// Novelty of a value `distance` away from all seen.
  double Of(double distance) const {
    if (distance <= 0) return 0;
    return std::min(1.0, distance / Range()) * std::min(1.0, distance / std::max(gate_ * noise_, 1e-300));
  }
  /// The distance at which a value outside the range has the novelty `wanted` (0 < wanted <= 1): Of() turned round.
  double DistanceOf(double wanted) const {
    const double range = Range();
    const double gate = gate_ * noise_;
    const double both = std::sqrt(wanted * range * gate);  // while neither factor is full
    return both <= std::min(range, gate) ? both : wanted * std::max(range, gate);
  }
  const SeenValues& seen() const { return seen_; }
  bool ready() const { return pushes_ >= needed_; }

 private:
  double Range() const { return std::max(seen_.max() - seen_.min(), 0.1 * spread_) + 1e-9 * std::abs(centre_) + 1e-12; }

  int64_t ignored_;
  int64_t needed_;
  double gate_;
  bool primed_ = false;  // something was seen
  int64_t pushes_ = 0;
  SeenValues seen_;
  double centre_ = 0;
  double spread_ = 0;
  double noise_ = 0;
  double previous_ = 0;
};

}  // namespace auspex::analytics
