#include "anomaly_window.h"

#include <algorithm>
#include <cmath>

namespace auspex::analytics {

AnchoredPass::AnchoredPass(std::unique_ptr<Detector> detector, std::span<const int64_t> t_ms, std::span<const double> values,
                           int64_t anchor_ms, int64_t keep_ms)
    : detector_(std::move(detector)),
      t_ms_(t_ms),
      values_(values),
      keep_ms_(keep_ms),
      first_(static_cast<size_t>(std::upper_bound(t_ms.begin(), t_ms.end(), anchor_ms) - t_ms.begin())),
      next_(first_) {}

void AnchoredPass::AdvanceTo(int64_t t_ms) {
  for (; next_ < t_ms_.size() && t_ms_[next_] <= t_ms; ++next_) {
    const double x = values_[next_];
    if (next_ > first_) {
      const double step = std::abs(x - values_[next_ - 1]);
      if (step > 0 && (resolution_ == 0 || step < resolution_)) resolution_ = step;
    }
    if (keep_ms_ == 0) judged_.clear();
    judged_.push_back({t_ms_[next_], x, resolution_, detector_->Step(t_ms_[next_], x)});
    while (judged_.size() > 1 && judged_.front().t_ms <= t_ms_[next_] - keep_ms_) judged_.pop_front();
  }
  while (judged_.size() > 1 && judged_.front().t_ms <= t_ms - keep_ms_) judged_.pop_front();
}

double AnchoredPass::IntervalMs() const {
  if (next_ < first_ + 2) return 0;
  return static_cast<double>(t_ms_[next_ - 1] - t_ms_[first_]) / static_cast<double>(next_ - 1 - first_);
}

}  // namespace auspex::analytics
