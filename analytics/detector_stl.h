#pragma once

#include <memory>
#include <optional>

#include "auspex/analytics/detector.h"
#include "recent_values.h"
#include "season_profile.h"

namespace auspex::analytics {

/// algo=stl: what a robust decomposition leaves over, in its own robust deviations.
///   residual = x - level - season(t)      score = |residual - median| / (3 x iqr / 1.349), of the last 288 residuals
/// season: the day by 96 phases (season=1h: the hour by 60; season=1w: the week by 168; season=none: none), learned from visits
/// that are over; level: exponentially weighted over 100 samples, errors clipped at four deviations. Ready once the season was
/// seen whole, and after 30 residuals. O(window) a sample. Source: the streaming relative of STL, R. Cleveland and others 1990;
/// residuals as in S. Vallis, J. Hochenbaum, A. Kejariwal 2014.
class StlDetector final : public Detector {
 public:
  explicit StlDetector(const DetectorOptions& options);
  Judgement Step(int64_t t_ms, double x) override;
  std::unique_ptr<Detector> Clone() const override { return std::make_unique<StlDetector>(*this); }

 private:
  DetectorOptions options_;
  std::optional<SeasonProfile> season_;
  RecentValues residuals_{288};
  double seen_ = 0;
  double level_ = 0;
};

}  // namespace auspex::analytics
