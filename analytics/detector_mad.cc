#include "detector_mad.h"

#include <algorithm>
#include <cmath>

#include "detector_band.h"

namespace auspex::analytics {
namespace {

// The distances from the median grow to both sides: merge them until half of all are passed.
double MedianDistance(const std::vector<double>& sorted, double median) {
  auto above = static_cast<size_t>(std::lower_bound(sorted.begin(), sorted.end(), median) - sorted.begin());
  size_t below = above;
  double distance = 0;
  for (size_t passed = 0; passed <= sorted.size() / 2; ++passed) {
    const bool take_above = below == 0 || (above < sorted.size() && sorted[above] - median <= median - sorted[below - 1]);
    distance = take_above ? sorted[above++] - median : median - sorted[--below];
  }
  return distance;
}

}  // namespace

Judgement MadDetector::Step(int64_t /*t_ms*/, double x) {
  constexpr size_t kNeeded = 20;
  if (!std::isfinite(x)) return {};
  x = Bounded(x);
  Judgement judgement;
  if (recent_.size() >= kNeeded) {
    const double median = recent_.Quantile(0.5);
    const double sigma = std::max(1.4826 * MedianDistance(recent_.sorted(), median), 1e-9 * std::abs(median) + 1e-12);
    judgement = JudgeInBand(x, {median, 3 * sigma, 3 * sigma});
  }
  recent_.Push(x);
  return judgement;
}

}  // namespace auspex::analytics
