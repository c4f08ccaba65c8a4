#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "auspex/storage/series_store.h"
#include "batch.h"

namespace auspex::query {

/// Which question an answer belongs to: queries that differ in anything but where their steps begin and end.
struct CacheKey {
  std::string text;
  TenantId tenant = kDefaultTenant;
  int compat = 3;
  int64_t lookback_ms = 0;
  int64_t step_ms = 0;
  int64_t phase_ms = 0;  ///< start modulo step
  bool operator==(const CacheKey&) const = default;
};

/// An answer that is kept: rows in the order of their labels. Immutable.
struct CachedAnswer {
  StepGrid grid;
  uint64_t version = 0;  ///< of the store, asked for before anything was selected
  Batch rows;
  uint64_t bytes() const;
};

/// Answers of range queries, for later ones that begin with the same steps: the refresh of a dashboard evaluates only its
/// newest steps. Forgets what was used longest ago. Thread-safe.
class ResultCache {
 public:
  explicit ResultCache(uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  /// Null when there is none.
  std::shared_ptr<const CachedAnswer> Find(const CacheKey& key);
  /// Keeps `answer` in place of an earlier one, unless it alone would take much of the cache.
  void Put(const CacheKey& key, std::shared_ptr<const CachedAnswer> answer);
  uint64_t bytes() const;

 private:
  struct KeyHash {
    size_t operator()(const CacheKey& key) const;
  };
  struct Entry {
    CacheKey key;
    std::shared_ptr<const CachedAnswer> answer;
  };

  const uint64_t limit_bytes_;
  mutable std::mutex mu_;
  std::list<Entry> entries_;  // guarded by mu_; the last one was used last
  std::unordered_map<CacheKey, std::list<Entry>::iterator, KeyHash> at_;
  uint64_t bytes_ = 0;
};

/// How many of the steps of `grid`, from its first, `answer` still answers: the samples that they depend on, reach_ms back, are
/// those that it saw. Both grids have the same step and phase.
size_t ReusableSteps(const CachedAnswer& answer, const StepGrid& grid, const StoreChanges& changes, int64_t reach_ms);

/// The first `steps_count` steps of `grid` from `answer` and the others from `rest`; rows by labels.
Batch JoinSteps(const CachedAnswer& answer, size_t steps_count, const StepGrid& grid, Batch rest);

/// Sorts the rows by labels.
Batch SortedRows(Batch batch);

}  // namespace auspex::query
