#include "detector_ewma.h"

#include <algorithm>
#include <cmath>

#include "detector_band.h"

namespace auspex::analytics {

Judgement EwmaDetector::Step(int64_t /*t_ms*/, double x) {
  constexpr double kWeight = 2.0 / 61;
  constexpr double kNeeded = 30;
  if (!std::isfinite(x)) return {};
  x = Bounded(x);
  Judgement judgement;
  const double sigma = std::max(std::sqrt(variance_), 1e-9 * std::abs(mean_) + 1e-12);
  if (seen_ >= kNeeded) {
    judgement = JudgeInBand(x, {mean_, 3 * sigma, 3 * sigma});
  }
  // The plain mean and variance until there are enough for the weighted ones.
  seen_ += 1;
  const double weight = std::max(kWeight, 1 / seen_);
  const double distance = judgement.ready ? std::clamp(x - mean_, -4 * sigma, 4 * sigma) : x - mean_;
  mean_ += weight * distance;
  variance_ = (1 - weight) * (variance_ + weight * distance * distance);
  return judgement;
}

}  // namespace auspex::analytics
