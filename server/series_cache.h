#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include <boost/unordered/unordered_flat_set.hpp>

#include "auspex/storage/base/result.h"
#include "auspex/storage/write_batch.h"

namespace auspex::server {

/// From the raw bytes with which a client names a series to the store's ref, so that labels are parsed, sorted and
/// looked up once and not with every sample. Thread-safe.
///
/// Senders repeat their order: each name remembers which one followed it, and a SeriesCursor tries that one first, with a hash
/// of as many bytes as it has and one comparison.
///
/// Keyed by xxh3-128 of the bytes with a secret of this object's own: no sender can make two names collide. Bounded: when it
/// is full it starts again.
class SeriesCache {
 public:
  using Resolve = std::function<Result<SeriesRef>(const Labels&)>;
  struct Key {
    uint64_t low = 0;
    uint64_t high = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  /// A known name: of a series, or of the part that the series of a line have in common (then ref names nothing).
  struct Entry {
    Key key;
    SeriesRef ref;
    uint32_t name_bytes = 0;
    std::atomic<uint32_t> next{0};  // number of the entry that followed the last time; 0: none
  };

  /// Without `resolve` nothing is kept, and every series is one of its batch.
  explicit SeriesCache(Resolve resolve = {}, size_t max_entries = size_t{1} << 21);
  ~SeriesCache();

  /// Every name has to be resolved again. Cursors that exist go on with what they know.
  void Forget();

  Key KeyOf(std::string_view name) const;
  /// Of a name that is told apart only within `prefix`.
  Key KeyOf(const Key& prefix, std::string_view name) const;

 private:
  friend class SeriesCursor;
  class Table;
  std::shared_ptr<Table> CurrentTable();
  /// Puts an empty table in the place of `full`.
  std::shared_ptr<Table> Restart(const std::shared_ptr<Table>& full);

  const Resolve resolve_;
  const size_t max_entries_;
  const uint64_t secret_;
  std::mutex mu_;
  std::shared_ptr<Table> table_;  // guarded by mu_
};

/// Looks the names of one request up, in their order. One thread at a time. Borrows the cache.
class SeriesCursor {
 public:
  using Key = SeriesCache::Key;
  using Entry = SeriesCache::Entry;
  explicit SeriesCursor(SeriesCache& cache);
  ~SeriesCursor();
  SeriesCursor(const SeriesCursor&) = delete;
  SeriesCursor& operator=(const SeriesCursor&) = delete;

  /// The name that is expected next, or null. If it is the next one, Advance goes on behind it.
  const Entry* expected() const { return place_.expected; }
  void Advance() { MoveTo(place_.expected_number); }

  /// Where in the order of names this is. Return goes back there, within the same body.
  struct Place {
    Entry* at = nullptr;
    const Entry* expected = nullptr;
    uint32_t expected_number = 0;
  };
  const Place& place() const { return place_; }
  void Return(const Place& place) { place_ = place; }

  Key KeyOf(std::string_view name) const { return cache_.KeyOf(name); }
  Key KeyOf(const Key& prefix, std::string_view name) const { return cache_.KeyOf(prefix, name); }

  /// The ref of a series. `make_labels` parses the name: Result<Labels>(). Called only for a name that is not known.
  /// Errors: what `make_labels` reports, with its code InvalidArgument; and what resolving reports.
  template <typename MakeLabels>
  Result<SeriesRef> Ref(const Key& key, size_t name_bytes, WriteBatch& batch, MakeLabels make_labels) {
    if (expected() != nullptr && expected()->key == key) {
      const SeriesRef ref = expected()->ref;
      Advance();
      return ref;
    }
    if (const auto known = Find(key)) return *known;
    Result<Labels> labels = make_labels();
    if (!labels.ok()) return labels.status();
    return Add(key, name_bytes, std::move(labels).value(), batch);
  }
  template <typename MakeLabels>
  Result<SeriesRef> Ref(std::string_view name, WriteBatch& batch, MakeLabels make_labels) {
    return Ref(KeyOf(name), name.size(), batch, make_labels);
  }
  /// Goes behind a name without a series of its own, which becomes known.
  void Pass(const Key& key, size_t name_bytes);

 private:
  std::optional<SeriesRef> Find(const Key& key);
  Result<SeriesRef> Add(const Key& key, size_t name_bytes, Labels labels, WriteBatch& batch);
  void Enter(const Key& key, size_t name_bytes, SeriesRef ref);
  void MoveTo(uint32_t number);

  SeriesCache& cache_;
  std::shared_ptr<SeriesCache::Table> table_;
  Place place_;
};

}  // namespace auspex::server
