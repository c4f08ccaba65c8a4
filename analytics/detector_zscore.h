#pragma once

#include <deque>
#include <memory>

#include "auspex/analytics/detector.h"

namespace auspex::analytics {

/// algo=zscore: distance from the mean of the last 120 samples, in their standard deviations.
///   score = |x - mean| / (3 sd)      one value far off widens its own band: algo=mad does not have that
/// Knows no season and needs 20 samples. O(window) a sample.   Source: W. Shewhart 1931 (three sigma limits).
class ZscoreDetector final : public Detector {
 public:
  Judgement Step(int64_t t_ms, double x) override;
  std::unique_ptr<Detector> Clone() const override { return std::make_unique<ZscoreDetector>(*this); }

 private:
  std::deque<double> window_;
};

}  // namespace auspex::analytics
