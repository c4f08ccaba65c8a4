#include "detector_hw.h"

#include <algorithm>
#include <cmath>

#include "detector_band.h"

namespace auspex::analytics {
namespace {

int64_t PeriodMs(Season season) {
  constexpr int64_t kHourMs = 3'600'000;
  switch (season) {
    case Season::kNone:
      return 0;
    case Season::kHour:
      return kHourMs;
    case Season::kWeek:
      return 168 * kHourMs;
    case Season::kAuto:
    case Season::kDay:
      return 24 * kHourMs;
  }
  return 0;
}

}  // namespace

HoltWintersDetector::HoltWintersDetector(const DetectorOptions& options)
    : options_(options), period_ms_(PeriodMs(options.season)), phases_(period_ms_ == 0 ? 1 : 96) {}

Judgement HoltWintersDetector::Step(int64_t t_ms, double x) {
  constexpr double kNeeded = 30;
  if (!std::isfinite(x)) return {};
  x = Bounded(x);
  if (seen_ == 0) {
    first_ms_ = t_ms;
    level_ = x;
  }
  const int64_t local_ms = options_.LocalMs(t_ms);
  const int64_t into_ms = period_ms_ == 0 ? 0 : ((local_ms % period_ms_) + period_ms_) % period_ms_;
  Phase& phase = phases_[period_ms_ == 0 ? 0 : static_cast<size_t>(into_ms * 96 / period_ms_)];
  const double expected = level_ + trend_ + phase.season;
  const double deviation = std::max({phase.deviation, 0.3 * deviation_, 1e-9 * std::abs(level_) + 1e-12});
  const double half = 3 * 1.2533 * deviation;  // the mean size of a normal error is 1 / 1.2533 of its standard deviation
  Judgement judgement;
  if (seen_ >= kNeeded && t_ms - first_ms_ >= period_ms_ && phase.seen > 0) {
    judgement = JudgeInBand(x, {expected, half, half});
  }
  const double error = judgement.ready ? std::clamp(x - expected, -half, half) : x - expected;
  seen_ += 1;
  phase.seen += 1;
  const double fast = std::max(period_ms_ == 0 ? 0.1 : 0.01, 1 / seen_);
  level_ += trend_ + fast * error;
  if (judgement.ready) trend_ += 0.02 * fast * error;
  if (period_ms_ != 0) phase.season += std::max(0.1, 1 / phase.seen) * error;
  phase.deviation += std::max(0.1, 1 / phase.seen) * (std::abs(error) - phase.deviation);
  deviation_ += std::max(0.01, 1 / seen_) * (std::abs(error) - deviation_);
  return judgement;
}

}  // namespace auspex::analytics
