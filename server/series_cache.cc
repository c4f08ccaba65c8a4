#include "series_cache.h"

#include <algorithm>
#include <random>
#include <vector>

#include <xxhash.h>

namespace auspex::server {

/// Entries by number, in pages that never move, so that a cursor follows `next` without a lock. Number 0 is where every
/// request begins.
class SeriesCache::Table {
 public:
  explicit Table(size_t max_entries)
      : max_entries_(max_entries), pages_((max_entries >> kPageBits) + 1), by_key_(0, Hash{this}, Equal{this}) {
    pages_[0] = std::make_unique<Entry[]>(size_t{1} << kPageBits);
  }

  Entry& At(uint32_t number) { return pages_[number >> kPageBits][number & ((1u << kPageBits) - 1)]; }

  uint32_t Find(const Key& key) {
    const std::lock_guard lock(mu_);
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? 0 : *found;
  }
  /// The number of the key, which may be known by now; 0 when the table is full.
  uint32_t FindOrAdd(const Key& key, size_t name_bytes, SeriesRef ref) {
    const std::lock_guard lock(mu_);
    if (const auto found = by_key_.find(key); found != by_key_.end()) return *found;
    if (count_ >= max_entries_) return 0;
    const auto number = static_cast<uint32_t>(count_++);
    auto& page = pages_[number >> kPageBits];
    if (page == nullptr) page = std::make_unique<Entry[]>(size_t{1} << kPageBits);
    Entry& entry = At(number);
    entry.key = key;
    entry.ref = ref;
    entry.name_bytes = static_cast<uint32_t>(name_bytes);
    by_key_.insert(number);
    return number;
  }

 private:
  static constexpr int kPageBits = 12;
  struct Hash {
    using is_transparent = void;
    Table* table;
    size_t operator()(const Key& key) const { return key.low; }
    size_t operator()(uint32_t number) const { return table->At(number).key.low; }
  };
  struct Equal {
    using is_transparent = void;
    Table* table;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(const Key& a, uint32_t b) const { return a == table->At(b).key; }
    bool operator()(uint32_t a, const Key& b) const { return table->At(a).key == b; }
  };

  const size_t max_entries_;
  std::mutex mu_;
  std::vector<std::unique_ptr<Entry[]>> pages_;  // a page is set before the number of its first entry is told
  // Guarded by mu_.
  size_t count_ = 1;
  boost::unordered_flat_set<uint32_t, Hash, Equal> by_key_;
};

SeriesCache::SeriesCache(Resolve resolve, size_t max_entries)
    : resolve_(std::move(resolve)),
      max_entries_(std::max<size_t>(2, max_entries)),
      secret_((uint64_t{std::random_device{}()} << 32) | std::random_device{}()) {
  if (resolve_) table_ = std::make_shared<Table>(max_entries_);
}

SeriesCache::~SeriesCache() = default;

SeriesCache::Key SeriesCache::KeyOf(std::string_view name) const {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(name.data(), name.size(), secret_);
  return {hash.low64, hash.high64};
}

SeriesCache::Key SeriesCache::KeyOf(const Key& prefix, std::string_view name) const {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(name.data(), name.size(), secret_ ^ prefix.low);
  return {hash.low64 + prefix.high, hash.high64 ^ prefix.low};
}

std::shared_ptr<SeriesCache::Table> SeriesCache::CurrentTable() {
  const std::lock_guard lock(mu_);
  return table_;
}

std::shared_ptr<SeriesCache::Table> SeriesCache::Restart(const std::shared_ptr<Table>& full) {
  const std::lock_guard lock(mu_);
  if (table_ == full) table_ = std::make_shared<Table>(max_entries_);
  return table_;
}

void SeriesCache::Forget() {
  const std::lock_guard lock(mu_);
  if (table_ != nullptr) table_ = std::make_shared<Table>(max_entries_);
}

SeriesCursor::SeriesCursor(SeriesCache& cache) : cache_(cache), table_(cache.CurrentTable()) {
  if (table_ != nullptr) MoveTo(0);
}

SeriesCursor::~SeriesCursor() = default;

void SeriesCursor::MoveTo(uint32_t number) {
  place_.at = &table_->At(number);
  const uint32_t next = place_.at->next.load(std::memory_order_acquire);
  place_.expected = next == 0 ? nullptr : &table_->At(next);
  place_.expected_number = next;
}

std::optional<SeriesRef> SeriesCursor::Find(const Key& key) {
  if (table_ == nullptr) return std::nullopt;
  const uint32_t number = table_->Find(key);
  if (number == 0) return std::nullopt;
  place_.at->next.store(number, std::memory_order_release);
  MoveTo(number);
  return place_.at->ref;
}

Result<SeriesRef> SeriesCursor::Add(const Key& key, size_t name_bytes, Labels labels, WriteBatch& batch) {
  if (table_ == nullptr) return batch.AddSeries(std::move(labels));
  AUSPEX_ASSIGN_OR_RETURN(const SeriesRef ref, cache_.resolve_(labels));
  Enter(key, name_bytes, ref);
  return ref;
}

void SeriesCursor::Enter(const Key& key, size_t name_bytes, SeriesRef ref) {
  uint32_t number = table_->FindOrAdd(key, name_bytes, ref);
  if (number == 0) {
    table_ = cache_.Restart(table_);
    MoveTo(0);
    number = table_->FindOrAdd(key, name_bytes, ref);
    if (number == 0) return;  // others have filled that one, too
  }
  place_.at->next.store(number, std::memory_order_release);
  MoveTo(number);
}

void SeriesCursor::Pass(const Key& key, size_t name_bytes) {
  if (table_ == nullptr) return;
  if (expected() != nullptr && expected()->key == key) {
    Advance();
  } else {
    Enter(key, name_bytes, {});
  }
}

}  // namespace auspex::server
