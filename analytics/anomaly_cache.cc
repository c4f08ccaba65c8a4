#include "anomaly_cache.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace auspex::analytics {
namespace {

PassCache::Key HashOf(const AnchoredPass::Columns& columns, size_t count) {
  const XXH128_hash_t times = XXH3_128bits(columns.t_ms.data(), count * sizeof(int64_t));
  const XXH128_hash_t values = XXH3_128bits_withSeed(columns.values.data(), count * sizeof(double), times.low64);
  return {times.high64 ^ values.low64, values.high64};
}

}  // namespace

std::optional<PassState> PassCache::Take(const Key& key, const AnchoredPass::Columns& columns, int64_t t_ms,
                                         const std::function<bool(const std::optional<PrimedWith>&)>& still_right) {
  std::optional<Entry> entry;
  {
    const std::lock_guard lock(mu_);
    const auto at = by_key_.find(key);
    if (at == by_key_.end() || at->second->state.last_ms > t_ms) return std::nullopt;
    entry = std::move(*at->second);
    entries_.erase(at->second);
    by_key_.erase(at);
  }
  const size_t count = entry->state.samples_count;
  if (!still_right(entry->state.primed)) return std::nullopt;
  if (count > columns.t_ms.size() || HashOf(columns, count) != entry->samples) return std::nullopt;
  return std::move(entry->state);
}

void PassCache::Put(const Key& key, const AnchoredPass::Columns& columns, PassState state) {
  if (capacity_ == 0 || state.samples_count == 0) return;
  const Key samples = HashOf(columns, state.samples_count);
  const std::lock_guard lock(mu_);
  ++puts_;
  if (const auto at = by_key_.find(key); at != by_key_.end()) {
    entries_.erase(at->second);
    by_key_.erase(at);
  }
  if (entries_.size() >= capacity_) {
    if (entries_.back().put + 4 * capacity_ > puts_) return;
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
  entries_.push_front({key, samples, std::move(state), puts_});
  by_key_[key] = entries_.begin();
}

}  // namespace auspex::analytics
