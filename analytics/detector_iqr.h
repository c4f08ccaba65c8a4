#pragma once

#include <memory>

#include "auspex/analytics/detector.h"
#include "recent_values.h"

namespace auspex::analytics {

/// algo=iqr: outside of Tukey's fences of the last 120 samples.
///   upper = q75 + 1.5 (q75 - q25), lower likewise      score = |x - median| / |fence - median|
/// Knows no season, allows for skewed values, needs 20 samples. O(window) a sample.   Source: J. Tukey 1977.
class IqrDetector final : public Detector {
 public:
  Judgement Step(int64_t t_ms, double x) override;
  std::unique_ptr<Detector> Clone() const override { return std::make_unique<IqrDetector>(*this); }

 private:
  RecentValues recent_{120};
};

}  // namespace auspex::analytics
