#include "learning_pauses.h"

#include <algorithm>

#include <xxhash.h>

namespace auspex::analytics {

void LearningPauses::Add(int64_t begin_ms, int64_t end_ms) {
  if (!stretches_.empty() && begin_ms <= stretches_.back().end_ms) {
    stretches_.back().end_ms = std::max(stretches_.back().end_ms, end_ms);
  } else {
    stretches_.push_back({begin_ms, end_ms});
  }
}

bool LearningPauses::Contain(int64_t t_ms) const {
  const auto after = std::upper_bound(stretches_.begin(), stretches_.end(), t_ms,
                                      [](int64_t t, const Stretch& stretch) { return t < stretch.begin_ms; });
  return after != stretches_.begin() && t_ms < std::prev(after)->end_ms;
}

uint64_t LearningPauses::HashWithin(int64_t begin_ms, int64_t end_ms) const {
  uint64_t hash = 0;
  for (const Stretch& stretch : stretches_) {
    if (stretch.end_ms > begin_ms && stretch.begin_ms < end_ms) hash = XXH3_64bits_withSeed(&stretch, sizeof stretch, hash);
  }
  return hash;
}

}  // namespace auspex::analytics
