#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace auspex::analytics {

/// The size that one error in a million exceeds, from the errors seen so far.
///
/// The two quantiles it extrapolates from (60 % and 95 %) lie below the anomalies of a series that is ill a few per cent of
/// the time; a fit of the top per cent would learn the anomalies as normal. Between them they give the shape of the tail:
/// q(p) ~ ln(1/(1-p))^shape with shape 0.7 for a Gaussian, 1 exponential, 2 heavy.
class TailBound {
 public:
  /// z >= 0: the size of an error in units of its scale.
  void Add(double z) {
    weights_[BinOf(z)] += static_cast<float>(weight_);
    total_ += weight_;
    weight_ *= 1 + 1.0 / 20'000;  // the newest counts most; half of the weight in 14,000 samples
    if (weight_ > 1e6) Rescale();
    ++count_;
    if (count_ >= kMinCount && (count_ % 32 == 0 || count_ < 200)) Fit();
  }

  bool ready() const { return count_ >= kMinCount; }
  double bound() const { return bound_; }
  int64_t count() const { return count_; }

  static constexpr int64_t kMinCount = 40;

 private:
  // Eight bins an octave, from 2^-6 to 2^14; the first and the last are open.
  static constexpr int kBinsPerOctave = 8;
  static constexpr int kLowestOctave = -6;
  static constexpr size_t kBins = 160;

  static size_t BinOf(double z) {
    const auto bits = static_cast<int64_t>(std::bit_cast<uint64_t>(z) >> 49);  // exponent and three bits of mantissa
    return static_cast<size_t>(std::clamp<int64_t>(bits - (1023 + kLowestOctave) * kBinsPerOctave, 0, kBins - 1));
  }
  static double LowerEdge(size_t bin) {
    return std::bit_cast<double>((static_cast<uint64_t>(bin) + (1023 + kLowestOctave) * kBinsPerOctave) << 49);
  }

  void Rescale() {
    for (float& weight : weights_) weight /= static_cast<float>(weight_);
    total_ /= weight_;
    weight_ = 1;
  }

  // Where `rest` of the weight is used up within a bin.
  double Within(size_t bin, double rest) const {
    const double low = LowerEdge(bin);
    return low + rest / static_cast<double>(weights_[bin]) * (LowerEdge(bin + 1) - low);
  }

  struct Quantiles {
    double q60;
    double q95;
  };
  // Both on one walk: neither sum waits for the other.
  Quantiles BothQuantiles() const {
    Quantiles out{LowerEdge(kBins), LowerEdge(kBins)};
    double rest60 = 0.60 * total_;
    double rest95 = 0.95 * total_;
    bool found60 = false;
    for (size_t bin = 0; bin < kBins; ++bin) {
      const auto weight = static_cast<double>(weights_[bin]);
      if (weight > 0 && !found60 && rest60 <= weight) {
        out.q60 = Within(bin, rest60);
        found60 = true;
      }
      if (weight > 0 && rest95 <= weight) {
        out.q95 = Within(bin, rest95);
        return out;
      }
      rest60 -= weight;
      rest95 -= weight;
    }
    return out;
  }

  void Fit() {
    const auto [q60, q95] = BothQuantiles();
    const double shape = std::clamp(std::log(q95 / q60) / std::log(std::log(20.0) / std::log(2.5)), 0.5, 2.0);
    bound_ = q95 * std::pow(std::log(1e6) / std::log(20.0), shape);
  }

  std::array<float, kBins> weights_{};
  double total_ = 0;
  double weight_ = 1;
  int64_t count_ = 0;
  double bound_ = 0;
};

}  // namespace auspex::analytics
