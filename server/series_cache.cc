#include "series_cache.h"

#include <random>

#include <xxhash.h>

namespace auspex::server {

SeriesCache::SeriesCache(Resolve resolve, size_t max_entries)
    : resolve_(std::move(resolve)),
      max_shard_entries_(std::max<size_t>(1, max_entries / kShards)),
      secret_((uint64_t{std::random_device{}()} << 32) | std::random_device{}()) {}

SeriesCache::Key SeriesCache::KeyOf(std::string_view raw) const {
  if (!resolve_) return {};
  const XXH128_hash_t hash = XXH3_128bits_withSeed(raw.data(), raw.size(), secret_);
  return {hash.low64, hash.high64};
}

std::optional<SeriesRef> SeriesCache::Find(const Key& key) {
  if (!resolve_) return std::nullopt;
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mu);
  const auto found = shard.refs.find(key);
  if (found == shard.refs.end()) return std::nullopt;
  return found->second;
}

Result<SeriesRef> SeriesCache::Add(const Key& key, Labels labels, WriteBatch& batch) {
  if (!resolve_) return batch.AddSeries(std::move(labels));
  AUSPEX_ASSIGN_OR_RETURN(const SeriesRef ref, resolve_(labels));
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mu);
  if (shard.refs.size() >= max_shard_entries_) shard.refs.clear();
  shard.refs.emplace(key, ref);
  return ref;
}

}  // namespace auspex::server
