#pragma once

#include <memory>
#include <vector>

#include "auspex/analytics/detector.h"

namespace auspex::analytics {

/// algo=hw: Holt-Winters, additive, in its error correction form, with a deviation for every phase of the season (a day;
/// season=1h: an hour; season=1w: a week).
///   e = x - level - trend - season[phase]      score = |e| / (3 x 1.2533 x deviation[phase])
///   level += trend + a e,  trend += 0.02 a e,  season[phase] += 0.1 e,  deviation[phase] += 0.1 (|e| - deviation[phase])
/// a = 0.01 beside a season, 0.1 with season=none; larger while there are few samples, as in a mean. 96 phases. Errors beyond
/// the band count as its edge, so that an incident is not learned at once. Ready after one season and 30 samples. O(1) a
/// sample. Source: P. Winters 1960; R. Hyndman and others 2008 (error correction); J. Brutlag, LISA 2000 (deviation by phase).
class HoltWintersDetector final : public Detector {
 public:
  explicit HoltWintersDetector(const DetectorOptions& options);
  Judgement Step(int64_t t_ms, double x) override;
  std::unique_ptr<Detector> Clone() const override { return std::make_unique<HoltWintersDetector>(*this); }

 private:
  struct Phase {
    double season = 0;
    double deviation = 0;
    double seen = 0;
  };
  DetectorOptions options_;
  int64_t period_ms_;  // 0: none
  int64_t first_ms_ = 0;
  double seen_ = 0;
  double level_ = 0;
  double trend_ = 0;
  double deviation_ = 0;
  std::vector<Phase> phases_;
};

}  // namespace auspex::analytics
