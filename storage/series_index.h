#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_set.hpp>
#include <roaring/roaring.hh>

#include "auspex/storage/base/result.h"
#include "auspex/storage/labels.h"
#include "auspex/storage/matcher.h"
#include "keys.h"
#include "postings.h"
#include "symbol_table.h"

namespace auspex::storage {

/// Which series there are, of all tenants, and which of them carry which label. Held in memory, loaded at open from the
/// rows that were written with each series' first sample. Thread-safe.
class SeriesIndex {
 public:
  /// Larger label sets are refused before they get here: the pairs of one series lie in one chunk.
  static constexpr size_t kMaxLabelsBytes = size_t{64} << 10;

  SeriesIndex();

  /// The ordinal of each label set; unknown ones are added. `out` has the same length.
  void ResolveAll(TenantId tenant, std::span<const Labels> labels, std::span<uint32_t> out);

  /// The ordinal of each ref; kAbsent where it names no series of the tenant. `out` has the same length.
  void OrdinalsOf(TenantId tenant, std::span<const SeriesRef> refs, std::span<uint32_t> out) const;
  /// Whether the ordinal names a series.
  bool Known(uint32_t ordinal) const;
  /// Whether the ordinal names a series of the tenant.
  bool Belongs(uint32_t ordinal, TenantId tenant) const;
  SeriesId IdOf(uint32_t ordinal) const;
  /// In the order of the ordinals.
  std::vector<SeriesId> IdsOf(const Roaring& ordinals) const;
  TenantId TenantOf(uint32_t ordinal) const;
  Labels LabelsOf(uint32_t ordinal) const;
  std::vector<Labels> LabelsOf(std::span<const uint32_t> ordinals) const;
  /// Those of them that `names` name.
  Labels LabelsOf(uint32_t ordinal, std::span<const std::string_view> names) const;

  /// Series of the tenant that pass every matcher. `end` is set to one above the largest ordinal that was looked at.
  Roaring Match(TenantId tenant, std::span<const Matcher> matchers, uint32_t& end) const;
  /// The same, for the ordinals from `begin` on: what was added since.
  void MatchFrom(uint32_t begin, TenantId tenant, std::span<const Matcher> matchers, Roaring& out, uint32_t& end) const;

  /// Label names, or values of `name`, of those series; unsorted, unique.
  std::vector<std::string> NamesOf(TenantId tenant, const Roaring& series) const;
  std::vector<std::string> ValuesOf(TenantId tenant, std::string_view name, const Roaring& series) const;

  /// The rows of those series, and of their symbols, that are not yet known to be stored. Cheap when there are none.
  using PutRow = std::function<void(std::string_view key, std::string_view value)>;
  void UnstoredRows(std::span<const uint32_t> ordinals, const PutRow& symbol, const PutRow& series,
                    std::vector<uint32_t>& written) const;
  void MarkStored(std::span<const uint32_t> ordinals);

  // Loading, before anything else: symbols first. Errors: Corruption.
  Status LoadSymbol(std::string_view key, std::string_view value);
  Status LoadSeries(std::string_view key, std::string_view value);
  /// Ordinals below `end` are not given to new series: they named some that were lost.
  void Reserve(uint32_t end);

  uint32_t ordinals_end() const { return ordinals_end_.load(std::memory_order_acquire); }
  /// Of memory, about.
  uint64_t bytes() const;
  uint64_t series_count() const { return series_count_.load(std::memory_order_relaxed); }

 private:
  struct Series {
    uint64_t hash = 0;
    uint32_t pairs_at = 0;  // in pairs_
    uint32_t group = 0;
    TenantId tenant = 0;
    uint16_t pairs_count = 0;
    bool known = false;  // false: a hole, left by a series that never got a sample before a crash
    bool stored = false;
  };
  struct Pair {
    uint32_t name;
    uint32_t value;
  };
  struct SeriesKey {
    TenantId tenant;
    uint64_t hash;
    const Labels* labels;
  };
  struct SeriesHash {
    using is_transparent = void;
    const SeriesIndex* index;
    size_t operator()(uint32_t ordinal) const { return index->series_[ordinal].hash; }
    size_t operator()(const SeriesKey& key) const { return key.hash; }
  };
  struct SeriesEqual {
    using is_transparent = void;
    const SeriesIndex* index;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(const SeriesKey& a, uint32_t b) const { return index->Same(a, b); }
    bool operator()(uint32_t a, const SeriesKey& b) const { return index->Same(b, a); }
  };

  static uint64_t HashOf(TenantId tenant, const Labels& labels);
  bool Same(const SeriesKey& key, uint32_t ordinal) const;
  uint32_t Add(const SeriesKey& key);
  void Enter(uint32_t ordinal, TenantId tenant, uint32_t group, uint64_t hash, std::span<const Pair> pairs);
  std::span<const Pair> PairsOf(const Series& series) const {
    return {pairs_[series.pairs_at >> kPairBits].get() + (series.pairs_at & kPairMask), series.pairs_count};
  }
  Labels MakeLabels(const Series& series) const;
  std::string_view ValueOf(const Series& series, uint32_t name_symbol) const;
  void Restrict(const Postings& postings, const Matcher& matcher, Roaring& set) const;
  bool Passes(const Series& series, std::span<const Matcher> matchers) const;

  static constexpr int kPairBits = 15;
  static constexpr uint32_t kPairMask = (1u << kPairBits) - 1;

  mutable std::shared_mutex mu_;
  SymbolTable symbols_;
  std::vector<bool> symbol_stored_;
  std::vector<Series> series_;
  std::vector<std::unique_ptr<Pair[]>> pairs_;  // chunks of 2^kPairBits
  uint32_t pairs_used_ = 0;                     // of the last chunk
  boost::unordered_flat_set<uint32_t, SeriesHash, SeriesEqual> by_labels_;
  std::map<TenantId, Postings> postings_;
  std::map<std::pair<TenantId, uint32_t>, uint32_t> group_of_metric_;
  uint32_t groups_end_ = 0;
  std::atomic<uint32_t> ordinals_end_{0};
  std::atomic<uint64_t> series_count_{0};
  std::atomic<uint64_t> unstored_count_{0};
};

}  // namespace auspex::storage
