#include "anomaly_window.h"

#include <algorithm>
#include <cmath>

namespace auspex::analytics {

AnchoredPass::Columns AnchoredPass::After(int64_t anchor_ms, std::span<const int64_t> t_ms, std::span<const double> values) {
  const auto first = static_cast<size_t>(std::upper_bound(t_ms.begin(), t_ms.end(), anchor_ms) - t_ms.begin());
  return {t_ms.subspan(first), values.subspan(first)};
}

void AnchoredPass::AdvanceTo(int64_t t_ms) {
  for (size_t& next = state_.samples_count; next < columns_.t_ms.size() && columns_.t_ms[next] <= t_ms; ++next) {
    const double x = columns_.values[next];
    if (next > 0) {
      const double step = std::abs(x - columns_.values[next - 1]);
      if (step > 0 && (state_.resolution == 0 || step < state_.resolution)) state_.resolution = step;
    }
    state_.last_ms = columns_.t_ms[next];
    if (keep_ms_ == 0) state_.judged.clear();
    // A copy that is thrown away judges what is not to be learned.
    const bool learns = pauses_ == nullptr || !pauses_->Contain(state_.last_ms);
    const Judgement judgement =
        learns ? state_.detector->Step(state_.last_ms, x) : state_.detector->Clone()->Step(state_.last_ms, x);
    state_.judged.push_back({state_.last_ms, x, state_.resolution, judgement});
    while (state_.judged.size() > 1 && state_.judged.front().t_ms <= state_.last_ms - keep_ms_) state_.judged.pop_front();
  }
  while (state_.judged.size() > 1 && state_.judged.front().t_ms <= t_ms - keep_ms_) state_.judged.pop_front();
}

double AnchoredPass::IntervalMs() const {
  if (state_.samples_count < 2) return 0;
  return static_cast<double>(state_.last_ms - columns_.t_ms.front()) / static_cast<double>(state_.samples_count - 1);
}

}  // namespace auspex::analytics
