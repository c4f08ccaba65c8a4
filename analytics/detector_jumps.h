#pragma once

#include <algorithm>
#include <cstdint>

#include "season_profile.h"

namespace auspex::analytics {

/// How far a series usually jumps from one sample to the next at some time of day, beyond what its noise does: nearly always
/// 0, and the height of the edge where a job begins or ends somewhere within this quarter of an hour every day.
class UsualJumps {
 public:
  /// The largest of this quarter of an hour and its neighbours.
  double Read(int64_t t_ms) const { return largest_by_phase_.Highest(t_ms); }

  /// jump >= 0: what the noise does is taken off already.
  void Feed(int64_t t_ms, double jump) {
    const int64_t visiting = t_ms / kWidthMs - (t_ms % kWidthMs < 0 ? 1 : 0);
    if (started_ && visiting != visiting_) {
      largest_by_phase_.Feed(visiting_ * kWidthMs, largest_);
      largest_ = 0;
    }
    started_ = true;
    visiting_ = visiting;
    largest_ = std::max(largest_, jump);
  }

 private:
  static constexpr int64_t kWidthMs = 900'000;
  static constexpr int64_t kDayMs = 86'400'000;

  SeasonProfile largest_by_phase_{kDayMs, kDayMs / kWidthMs, 0.25};
  bool started_ = false;
  int64_t visiting_ = 0;
  double largest_ = 0;
};

}  // namespace auspex::analytics
