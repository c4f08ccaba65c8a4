#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "auspex/storage/base/result.h"
#include "auspex/storage/write_batch.h"

namespace auspex::server {

/// From the raw bytes with which a client names a series to the store's ref, so that labels are parsed, sorted and
/// looked up once and not with every sample. Thread-safe.
///
/// Keyed by xxh3-128 of the bytes with a secret of this object's own: no sender can make two names collide. Bounded: a
/// shard that is full starts again.
class SeriesCache {
 public:
  using Resolve = std::function<Result<SeriesRef>(const Labels&)>;

  /// Without `resolve` nothing is kept, and every series is one of its batch.
  explicit SeriesCache(Resolve resolve = {}, size_t max_entries = size_t{1} << 20);

  /// `make_labels` parses the name: Result<Labels>(). Called only for a name that is not known.
  /// Errors: what `make_labels` reports, with its code InvalidArgument; and what resolving reports.
  template <typename MakeLabels>
  Result<SeriesRef> Ref(std::string_view raw, WriteBatch& batch, MakeLabels make_labels) {
    const Key key = KeyOf(raw);
    if (const auto known = Find(key)) return *known;
    Result<Labels> labels = make_labels();
    if (!labels.ok()) return labels.status();
    return Add(key, std::move(labels).value(), batch);
  }

 private:
  struct Key {
    uint64_t low;
    uint64_t high;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const { return key.low; }
  };
  struct Shard {
    std::mutex mu;
    std::unordered_map<Key, SeriesRef, KeyHash> refs;  // guarded by mu
  };
  static constexpr size_t kShards = 16;

  Key KeyOf(std::string_view raw) const;
  std::optional<SeriesRef> Find(const Key& key);
  Result<SeriesRef> Add(const Key& key, Labels labels, WriteBatch& batch);
  Shard& ShardOf(const Key& key) { return shards_[key.high % kShards]; }

  const Resolve resolve_;
  const size_t max_shard_entries_;
  const uint64_t secret_;
  std::array<Shard, kShards> shards_;
};

}  // namespace auspex::server
