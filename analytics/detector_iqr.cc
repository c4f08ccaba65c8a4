#include "detector_iqr.h"

#include <cmath>

#include "detector_band.h"

namespace auspex::analytics {

Judgement IqrDetector::Step(int64_t /*t_ms*/, double x) {
  constexpr size_t kNeeded = 20;
  if (!std::isfinite(x)) return {};
  x = Bounded(x);
  Judgement judgement;
  if (recent_.size() >= kNeeded) {
    const double median = recent_.Quantile(0.5);
    const double q25 = recent_.Quantile(0.25);
    const double q75 = recent_.Quantile(0.75);
    const double reach = 1.5 * (q75 - q25) + 1e-9 * std::abs(median) + 1e-12;
    judgement = JudgeInBand(x, {median, median - q25 + reach, q75 - median + reach});
  }
  recent_.Push(x);
  return judgement;
}

}  // namespace auspex::analytics
