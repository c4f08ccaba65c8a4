#pragma once

#include <memory>

#include "auspex/analytics/detector.h"
#include "recent_values.h"

namespace auspex::analytics {

/// algo=mad: distance from the median of the last 120 samples, in their median absolute deviations.
///   score = |x - median| / (3 x 1.4826 x MAD)      boundary: three robust standard deviations
/// Knows no season and needs little history (20 samples). O(window) a sample.
class MadDetector final : public Detector {
 public:
  Judgement Step(int64_t t_ms, double x) override;
  std::unique_ptr<Detector> Clone() const override { return std::make_unique<MadDetector>(*this); }

 private:
  RecentValues recent_{120};
};

}  // namespace auspex::analytics
