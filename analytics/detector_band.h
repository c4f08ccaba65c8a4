#pragma once

#include <algorithm>

#include "auspex/analytics/detector.h"

namespace auspex::analytics {

/// Keeps squares and differences finite.
inline double Bounded(double x) { return std::clamp(x, -1e100, 1e100); }

/// What is expected, and how far from it, to either side, the boundary lies. Both halves are above 0.
struct ExpectedBand {
  double expected = 0;
  double below = 0;
  double above = 0;
};

/// What a detector with such a band says of x: the score is the distance from the expected value in halves of the band.
inline Judgement JudgeInBand(double x, const ExpectedBand& band) {
  Judgement judgement;
  judgement.ready = true;
  judgement.expected = band.expected;
  judgement.lower = band.expected - band.below;
  judgement.upper = band.expected + band.above;
  const bool low = x < band.expected;
  judgement.direction = low ? -1 : 1;
  judgement.score = std::min(low ? (band.expected - x) / band.below : (x - band.expected) / band.above, 1e4);
  judgement.reason = judgement.score > 0 ? Reason::kSingleSample : Reason::kNone;
  return judgement;
}

}  // namespace auspex::analytics
