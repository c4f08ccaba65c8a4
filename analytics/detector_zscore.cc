#include "detector_zscore.h"

#include <cmath>

#include "detector_band.h"

namespace auspex::analytics {

Judgement ZscoreDetector::Step(int64_t /*t_ms*/, double x) {
  constexpr size_t kWindow = 120;
  constexpr size_t kNeeded = 20;
  if (!std::isfinite(x)) return {};
  x = Bounded(x);
  Judgement judgement;
  if (window_.size() >= kNeeded) {
    const auto count = static_cast<double>(window_.size());
    double mean = 0;
    for (const double value : window_) mean += value / count;
    double squares = 0;
    for (const double value : window_) squares += (value - mean) * (value - mean);
    const double sigma = std::max(std::sqrt(squares / (count - 1)), 1e-9 * std::abs(mean) + 1e-12);
    judgement = JudgeInBand(x, {mean, 3 * sigma, 3 * sigma});
  }
  if (window_.size() == kWindow) window_.pop_front();
  window_.push_back(x);
  return judgement;
}

}  // namespace auspex::analytics
