#pragma once

#include <algorithm>
#include <cmath>

namespace auspex::analytics {

/// A strong score fades instead of vanishing while its cause is still there: half of one above 4, at most 8, halves every five
/// minutes as long as the value stays at least half as far from what was expected when it began, on the same side. So the
/// second minute of an incident is not normal yet, and a new level becomes one within a quarter of an hour.
class Persistence {
 public:
  /// What is left of the score at x.   minutes: since the last sample.
  double Fade(double x, double minutes) {
    if (score_ <= 0) return 0;
    if ((x - expected_) * side_ < 0.5 * distance_) return score_ = 0;
    return score_ *= std::exp2(-minutes / kHalvesInMinutes);
  }

  /// A score to remember, of a value x where `expected` was expected.
  void Remember(double score, double x, double expected) {
    const double strength = std::min(kStrongest, score / 2);
    if (score <= kStrong || strength < score_) return;
    score_ = strength;
    expected_ = expected;
    side_ = x < expected ? -1 : 1;
    distance_ = std::abs(x - expected);
  }

 private:
  static constexpr double kStrong = 4;
  static constexpr double kStrongest = 8;
  static constexpr double kHalvesInMinutes = 5;

  double score_ = 0;
  double expected_ = 0;
  double side_ = 0;
  double distance_ = 0;
};

}  // namespace auspex::analytics
