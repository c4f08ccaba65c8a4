#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace auspex::analytics {

/// Step size of a mean that starts as the plain mean and then forgets: sample number t (from 0), never below `rate`.
inline double Rate(double t, double rate) {
  if (t * rate >= 1) return rate;  // the same without a division
  return std::max(1 / (t + 1), rate);
}

inline double Clip(double value, double limit) { return std::clamp(value, -limit, limit); }

/// Several guesses of the next value, weighted by how well each did lately. A guess that is 25 % worse than the best gets a
/// quarter of its weight, one that is twice as bad almost none: no test decides whether a series has a season, the
/// seasonal guess simply counts where it is right.
template <size_t N>
class Mixture {
 public:
  struct Guess {
    double value = 0;
    std::array<double, N> weights{};  ///< sum to 1
  };

  Guess Predict(const std::array<double, N>& candidates) const {
    const double best = std::max(*std::min_element(losses_.begin(), losses_.end()), 1e-12);
    Guess guess;
    double total = 0;
    for (size_t i = 0; i < N; ++i) {
      const double ratio = best / std::max(losses_[i], best);
      const double cube = ratio * ratio * ratio;
      guess.weights[i] = cube * cube;
      total += guess.weights[i];
    }
    for (size_t i = 0; i < N; ++i) {
      guess.weights[i] /= total;
      guess.value += guess.weights[i] * candidates[i];
    }
    return guess;
  }

  /// Learns from x, whose error against the mixture's own guess was `error`. t: index of the sample.
  void Learn(double t, double x, double error, const std::array<double, N>& candidates) {
    const double old_scale = scale();
    const double size = t < kOpenSamples ? std::abs(error) : std::min(std::abs(error), 4 * old_scale);
    scale_ += Rate(t, 0.003) * (size - scale_);
    const double rate = Rate(t, 0.005);
    for (size_t i = 0; i < N; ++i) {
      losses_[i] += rate * (std::min(std::abs(x - candidates[i]), 10 * old_scale) - losses_[i]);
    }
  }

  /// Mean size of the error, each error limited to four times it.
  double scale() const { return std::max(scale_, 1e-12); }

  /// Samples that are believed without limits, while nothing is known to limit them by.
  static constexpr double kOpenSamples = 50;

 private:
  std::array<double, N> losses_{};
  double scale_ = 0;
};

}  // namespace auspex::analytics
