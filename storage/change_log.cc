#include "change_log.h"

#include <algorithm>
#include <limits>

namespace auspex::storage {

void ChangeLog::Note(int64_t earliest_ms) {
  const std::lock_guard lock(mu_);
  ++version_;
  // Whoever has not seen an older change at a later time has not seen this one either.
  while (!entries_.empty() && entries_.back().earliest_ms >= earliest_ms) entries_.pop_back();
  if (!entries_.empty() && earliest_ms - entries_.back().earliest_ms < kGrainMs) {
    entries_.back().version = version_;  // as if this were as early as the last one
    return;
  }
  entries_.push_back({version_, earliest_ms});
  // The two oldest become one: as early as the first, as young as the second.
  if (entries_.size() > kMaxEntries) {
    entries_[1].earliest_ms = entries_[0].earliest_ms;
    entries_.pop_front();
  }
}

uint64_t ChangeLog::Version() const {
  const std::lock_guard lock(mu_);
  return version_;
}

int64_t ChangeLog::EarliestSince(uint64_t version) const {
  const std::lock_guard lock(mu_);
  const auto first = std::upper_bound(entries_.begin(), entries_.end(), version,
                                      [](uint64_t known, const Entry& entry) { return known < entry.version; });
  return first == entries_.end() ? std::numeric_limits<int64_t>::max() : first->earliest_ms;
}

}  // namespace auspex::storage
