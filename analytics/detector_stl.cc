#include "detector_stl.h"

#include <algorithm>
#include <cmath>

#include "detector_band.h"

namespace auspex::analytics {

StlDetector::StlDetector(const DetectorOptions& options) : options_(options) {
  constexpr int64_t kHourMs = 3'600'000;
  constexpr double kRate = 0.25;  // weight of the newest visit to a phase
  switch (options.season) {
    case Season::kNone:
      break;
    case Season::kHour:
      season_.emplace(kHourMs, 60, kRate);
      break;
    case Season::kAuto:
    case Season::kDay:
      season_.emplace(24 * kHourMs, 96, kRate);
      break;
    case Season::kWeek:
      season_.emplace(168 * kHourMs, 168, kRate);
      break;
  }
}

Judgement StlDetector::Step(int64_t t_ms, double x) {
  constexpr size_t kNeeded = 30;
  if (!std::isfinite(x)) return {};
  x = Bounded(x);
  const int64_t local_ms = options_.LocalMs(t_ms);
  const std::optional<double> known = season_ ? season_->Read(local_ms) : std::optional<double>(0);
  if (seen_ == 0) level_ = x;
  seen_ += 1;
  const double residual = x - level_ - known.value_or(0);
  Judgement judgement;
  double sigma = 0;
  if (residuals_.size() >= kNeeded) {
    const double median = residuals_.Quantile(0.5);
    sigma = (residuals_.Quantile(0.75) - residuals_.Quantile(0.25)) / 1.349 + 1e-9 * std::abs(level_) + 1e-12;
    if (known) {
      judgement = JudgeInBand(x, {level_ + *known + median, 3 * sigma, 3 * sigma});
    }
  }
  if (season_) season_->Feed(local_ms, x - level_);
  // Before the season is known, its waves are no residuals.
  if (known) residuals_.Push(residual);
  const double clipped = judgement.ready ? std::clamp(residual, -4 * sigma, 4 * sigma) : residual;
  level_ += std::max(0.01, 1 / seen_) * clipped;
  return judgement;
}

}  // namespace auspex::analytics
