#pragma once

#include <memory>

#include "auspex/analytics/detector.h"

namespace auspex::analytics {

/// algo=ewma: distance from an exponentially weighted mean, in its exponentially weighted standard deviations.
///   score = |x - m| / (3 s)      then  d = clip(x - m, 4 s),  m += a d,  s^2 = (1 - a) (s^2 + a d^2),  a = 2 / 61
/// About the last 60 samples. Knows no season, needs 30 samples. O(1) a sample.   Source: S. Roberts 1959 (EWMA charts).
class EwmaDetector final : public Detector {
 public:
  Judgement Step(int64_t t_ms, double x) override;
  std::unique_ptr<Detector> Clone() const override { return std::make_unique<EwmaDetector>(*this); }

 private:
  double seen_ = 0;
  double mean_ = 0;
  double variance_ = 0;
};

}  // namespace auspex::analytics
