#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <roaring/roaring.hh>

#include "auspex/storage/series_store.h"
#include "histogram_head.h"
#include "keys.h"
#include "rocks.h"
#include "series_index.h"
#include "tombstones.h"

namespace auspex::storage {

/// Rows of `state`: this, partition and tenant -> the series with histogram blocks there.
inline constexpr std::string_view kHistogramListPrefix = "histograms/";

/// The histograms that a selection froze. Immutable.
struct HistogramSelection {
  struct Pins {
    HistogramPin frozen;  ///< of the head that was being flushed: older
    HistogramPin head;
  };
  std::vector<std::pair<Partition, std::shared_ptr<const Roaring>>> partitions;  ///< those with blocks, and whose
  std::unordered_map<uint32_t, Pins> pins;                                       ///< by ordinal, where a head held some
  bool Has(uint32_t ordinal) const;
};

/// Reads histograms of one series after the other. One thread at a time.
class HistogramReader {
 public:
  /// Borrows all three.
  HistogramReader(const Rocks& rocks, const rocksdb::Snapshot* snapshot, const HistogramSelection& selection);
  /// Lays the histograms of a series within [begin_ms, end_ms) over the numbers of `out`: where both have a sample, the
  /// histogram counts. `deleted`: of the series.
  Status ReadOver(TenantId tenant, SeriesId series, int64_t begin_ms, int64_t end_ms, const DeletedRanges& deleted,
                  SampleColumns& out);

 private:
  const HistogramSelection& selection_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
  ValueScratch scratch_;
  HistogramColumns columns_;
};

/// Everything that a store does with histograms beside what it does with numbers: a head of their own, blocks in a column
/// family of their own, and the list of series that have some. Locks are those of the store: "shared" and "exclusive" are of
/// its head's lock.
class HistogramTable {
 public:
  /// At open. Errors: Corruption, IoError.
  Status Load(const Rocks& rocks);

  /// Exclusive.
  void Append(const HistogramRows& rows) { head_->Append(rows); }
  void Freeze();
  void FinishFlush();
  void Expire(Partition partition);
  /// Shared.
  bool has_blocks() const { return !active_.empty(); }
  bool head_empty() const { return head_->empty(); }
  bool MayHave(uint32_t ordinal, int64_t begin_ms, int64_t end_ms) const;
  uint64_t bytes() const { return head_->bytes() + (frozen_ ? frozen_->bytes() : 0); }
  uint64_t head_bytes() const { return head_->bytes(); }
  uint64_t samples_count() const { return head_->samples_count() + (frozen_ ? frozen_->samples_count() : 0); }
  /// Null when none of the series has a histogram.
  std::shared_ptr<const HistogramSelection> Select(const SelectRequest& request, const Roaring& series) const;

  /// The rest under the store's maintenance lock. Appends the frozen head's blocks to `batch` with the lists that go with them;
  /// calls after_series, which may write the batch, from time to time. seen: which series have blocks where.
  Status PutBlocks(const SeriesIndex& index, const Partitioning& partitioning, uint64_t generation, int64_t oldest_ms,
                   const Rocks& rocks, rocksdb::WriteBatch& batch, std::map<ActiveName, Roaring>& seen,
                   const std::function<Status()>& after_series);
  /// Merges small blocks of each series into large ones and leaves out what was deleted.
  Status MergeBlocks(const Rocks& rocks, uint64_t generation, const Tombstones& deleted) const;
  /// Deletes the blocks of a partition, with the list of its series.
  void DeletePartition(const Rocks& rocks, Partition partition, rocksdb::WriteBatch& batch) const;

 private:
  using ActiveSets = std::map<ActiveName, std::shared_ptr<const Roaring>>;
  std::shared_ptr<HistogramHead> head_ = std::make_shared<HistogramHead>();
  std::shared_ptr<const HistogramHead> frozen_;
  ActiveSets active_;
  ActiveSets flushed_;  // takes over from active_ when the flush is done
};

}  // namespace auspex::storage
