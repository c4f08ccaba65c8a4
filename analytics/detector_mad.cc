#include "detector_mad.h"

#include <algorithm>
#include <cmath>

namespace auspex::analytics {
namespace {

double MiddleOf(const std::vector<double>& sorted) {
  const size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : sorted[middle - 1] + (sorted[middle] - sorted[middle - 1]) / 2;
}

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
  if (!std::isfinite(x)) return {};
  Judgement judgement;
  if (sorted_.size() >= kNeeded) {
    const double median = MiddleOf(sorted_);
    const double sigma = std::max(1.4826 * MedianDistance(sorted_, median), 1e-9 * std::abs(median) + 1e-12);
    judgement.ready = true;
    judgement.expected = median;
    judgement.lower = median - 3 * sigma;
    judgement.upper = median + 3 * sigma;
    judgement.direction = x < median ? -1 : 1;
    judgement.score = std::min(std::abs(x - median) / (3 * sigma), 1e4);
    judgement.reason = judgement.score > 0 ? Reason::kSingleSample : Reason::kNone;
  }
  if (window_.size() == kWindow) {
    sorted_.erase(std::lower_bound(sorted_.begin(), sorted_.end(), window_.front()));
    window_.pop_front();
  }
  window_.push_back(x);
  sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), x), x);
  return judgement;
}

}  // namespace auspex::analytics
