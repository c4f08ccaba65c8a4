#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <roaring/roaring.hh>

#include "auspex/storage/base/result.h"
#include "auspex/storage/labels.h"
#include "auspex/storage/matcher.h"
#include "id_table.h"
#include "index_rows.h"
#include "keys.h"
#include "postings.h"
#include "series_archive.h"
#include "symbol_table.h"

namespace auspex::storage {

/// Which series there are, of all tenants, and which of them carry which label. In memory are those that were written to on
/// this day or the one before; they are loaded at open from the rows that were written with each series' first sample. The
/// others have moved into the archive, from which they come back when they are written to. Thread-safe.
class SeriesIndex {
 public:
  /// Larger label sets are refused before they get here: the pairs of one series lie in one chunk.
  static constexpr size_t kMaxLabelsBytes = size_t{64} << 10;

  /// Where series that are not in memory are looked for. Before anything else; must outlive every call.
  void SetArchive(const SeriesArchive* archive) { archive_ = archive; }

  /// The ordinal of each label set; unknown ones are added. `out` has the same length. Errors: of the archive.
  Status ResolveAll(TenantId tenant, std::span<const Labels> labels, std::span<uint32_t> out);

  /// The ordinal of each ref; kAbsent where it names no series of the tenant in memory. `out` has the same length.
  void OrdinalsOf(TenantId tenant, std::span<const SeriesRef> refs, std::span<uint32_t> out) const;
  /// Whether the ordinal names a series in memory.
  bool Known(uint32_t ordinal) const;
  bool AllKnown(std::span<const uint32_t> ordinals) const;
  /// Whether the ordinal names a series of the tenant. Brings it back into memory. Errors: of the archive.
  Result<bool> Recall(uint32_t ordinal, TenantId tenant);
  /// Whether the ordinal names a series of the tenant in memory.
  bool Belongs(uint32_t ordinal, TenantId tenant) const;
  SeriesId IdOf(uint32_t ordinal) const;
  /// In the order of the ordinals.
  std::vector<SeriesId> IdsOf(const Roaring& ordinals) const;
  TenantId TenantOf(uint32_t ordinal) const;
  Labels LabelsOf(uint32_t ordinal) const;
  std::vector<Labels> LabelsOf(std::span<const uint32_t> ordinals) const;
  /// Those of them that `names` name.
  Labels LabelsOf(uint32_t ordinal, std::span<const std::string_view> names) const;

  /// All series of the tenant in memory.
  Roaring InMemory(TenantId tenant) const;
  /// Grows when series come back from the archive.
  uint64_t recalls_count() const { return recalls_count_.load(std::memory_order_acquire); }
  /// Grows when ordinals that were resolved before may not be in memory any more.
  uint64_t evictions_count() const { return evictions_count_.load(std::memory_order_acquire); }

  // Days since 1970, of the store's clock.
  void SetToday(uint16_t day) { today_.store(day, std::memory_order_relaxed); }
  /// Series that were written to today.
  void Touch(const Roaring& series);
  /// Series in memory that were not written to on `day` or later.
  Roaring IdleSince(uint16_t day) const;
  /// What the archive keeps of those of them that are in memory.
  std::vector<SeriesArchive::Entry> EntriesOf(std::span<const uint32_t> ordinals) const;
  /// Forgets those of the series that have not been written to on `day` or later. `series` and `symbols` are told of the rows
  /// that are not needed any more.
  void Evict(std::span<const uint32_t> ordinals, uint16_t day, std::vector<uint32_t>& series, std::vector<uint32_t>& symbols);

  /// Series of the tenant in memory that pass every matcher. `end` is set to one above the largest ordinal that was looked at.
  Roaring Match(TenantId tenant, std::span<const Matcher> matchers, uint32_t& end) const;
  /// The same, for the ordinals from `begin` on: what was added since.
  void MatchFrom(uint32_t begin, TenantId tenant, std::span<const Matcher> matchers, Roaring& out, uint32_t& end) const;

  /// Label names, or values of `name`, of those series that are in memory; unsorted, unique. limit: any so many, 0 for all.
  std::vector<std::string> NamesOf(TenantId tenant, const Roaring& series) const;
  std::vector<std::string> ValuesOf(TenantId tenant, std::string_view name, const Roaring& series, size_t limit) const;

  /// What of those series, and of their symbols, is not yet known to be stored. `written` is told which series. Cheap when
  /// there is nothing.
  void Unstored(std::span<const uint32_t> ordinals, IndexRowWriter& symbols, IndexRowWriter& series,
                std::vector<uint32_t>& written) const;
  void MarkStored(std::span<const uint32_t> ordinals);
  /// What a stored row has that is still there goes to `left`. Returns how much is not. Errors: Corruption.
  Result<size_t> SymbolsLeft(std::string_view row, IndexRowWriter& left) const;
  Result<size_t> SeriesLeft(std::string_view row, IndexRowWriter& left) const;

  // Loading, before anything else. One thread may load symbols while another loads series.
  /// Rows in the order of their keys. Returns how many symbols, or series, the row names. Errors: Corruption; what such a row
  /// holds counts as not there.
  Result<size_t> LoadSymbols(std::string_view row);
  Result<size_t> LoadSeries(std::string_view row);
  /// After the last row: makes the series findable. `lost` is told of those that name a symbol that is not there, which are
  /// left out.
  void FinishLoading(bool two_threads, const std::function<void(uint32_t ordinal, const Status& status)>& lost);
  /// Ordinals below `end` are not given to new series: they name some in the archive, or some that were lost.
  void Reserve(uint32_t end);

  uint32_t ordinals_end() const { return ordinals_end_.load(std::memory_order_acquire); }
  /// Of memory, about.
  uint64_t bytes() const;
  uint64_t series_count() const { return series_count_.load(std::memory_order_relaxed); }
  uint64_t symbols_count() const;

 private:
  struct Series {
    uint64_t hash = 0;
    uint32_t pairs_at = 0;  // in pairs_
    uint32_t group = 0;
    TenantId tenant = 0;
    uint16_t day = 0;  // of the last flush that had samples of it
    uint16_t pairs_count : 14 = 0;
    uint16_t known : 1 = 0;  // 0: in the archive, or a hole, left by a series that never got a sample before a crash
    uint16_t stored : 1 = 0;
  };
  static_assert(sizeof(Series) == 24);
  using Pair = SymbolPair;

  const Series& At(uint32_t ordinal) const { return pages_[ordinal >> kPageBits][ordinal & kPageMask]; }
  Series& At(uint32_t ordinal) { return pages_[ordinal >> kPageBits][ordinal & kPageMask]; }
  /// Null when it is not in memory.
  const Series* Find(uint32_t ordinal) const {
    const size_t page = ordinal >> kPageBits;
    if (page >= pages_.size() || pages_[page] == nullptr) return nullptr;
    const Series& series = pages_[page][ordinal & kPageMask];
    return series.known != 0 ? &series : nullptr;
  }
  SeriesArchive::Entry Archived(uint32_t ordinal) const;
  /// The ordinal of the series from then on.
  uint32_t Restore(const SeriesArchive::Entry& entry);
  /// The series in memory with those labels; SymbolTable::kAbsent when there is none.
  uint32_t FindLabels(TenantId tenant, uint64_t hash, const Labels& labels) const;
  bool Same(TenantId tenant, const Labels& labels, uint32_t ordinal) const;
  uint32_t Add(TenantId tenant, uint64_t hash, const Labels& labels);
  std::vector<Pair> PairsFor(const Labels& labels);
  uint32_t TakePairs(std::span<const Pair> pairs);
  /// Gives the series its place, where it cannot be found yet.
  Series& Place(uint32_t ordinal, TenantId tenant, uint32_t group, std::span<const Pair> pairs);
  /// Undoes Place.
  void Forget(uint32_t ordinal);
  void Enter(uint32_t ordinal, TenantId tenant, uint32_t group, uint64_t hash, std::span<const Pair> pairs);
  std::span<const Pair> PairsOf(const Series& series) const {
    return {pairs_[series.pairs_at >> kPairBits].get() + (series.pairs_at & kPairMask), series.pairs_count};
  }
  Labels MakeLabels(const Series& series) const;
  std::string_view ValueOf(const Series& series, uint32_t name_symbol) const;
  void Restrict(const Postings& postings, const Matcher& matcher, Roaring& set) const;
  bool Passes(const Series& series, std::span<const Matcher> matchers) const;
  bool HasItsSymbols(const Series& series) const;
  /// Of the series on those pages. Returns those that cannot be hashed.
  std::vector<uint32_t> HashLoaded(size_t first_page, size_t last_page);
  /// no_metric: the symbol of those without one.
  void LinkLabels(uint32_t no_metric);
  void LinkPostings();

  static constexpr int kPairBits = 15;
  static constexpr uint32_t kPairMask = (1u << kPairBits) - 1;
  // Small, so that what many series have left does not stay for the sake of one that is still there.
  static constexpr int kPageBits = 7;
  static constexpr uint32_t kPageMask = (1u << kPageBits) - 1;

  mutable std::shared_mutex mu_;
  SymbolTable symbols_;
  std::vector<bool> symbol_stored_;
  std::vector<std::unique_ptr<Series[]>> pages_;        // by ordinal
  std::vector<uint8_t> page_counts_;                    // of the series that are known
  std::vector<std::unique_ptr<Pair[]>> pairs_;          // chunks of 2^kPairBits
  uint32_t pairs_used_ = 0;                             // of the last chunk
  std::map<size_t, std::vector<uint32_t>> free_pairs_;  // by length: where series were that have left
  IdTable by_labels_;
  std::map<TenantId, Postings> postings_;
  std::map<std::pair<TenantId, uint32_t>, uint32_t> group_of_metric_;
  uint32_t groups_end_ = 0;
  std::atomic<uint32_t> ordinals_end_{0};
  std::atomic<uint64_t> series_count_{0};
  std::atomic<uint64_t> unstored_count_{0};
  const SeriesArchive* archive_ = nullptr;
  std::atomic<uint16_t> today_{0};
  std::atomic<uint64_t> recalls_count_{0};
  std::atomic<uint64_t> evictions_count_{0};
};

}  // namespace auspex::storage
