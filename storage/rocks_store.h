#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <roaring/roaring.hh>

#include "auspex/storage/store.h"
#include "block_cache.h"
#include "change_log.h"
#include "coarse_table.h"
#include "exemplar_table.h"
#include "head.h"
#include "histogram_table.h"
#include "keys.h"
#include "log_mark.h"
#include "metadata_table.h"
#include "partition.h"
#include "rocks.h"
#include "selection.h"
#include "series_archive.h"
#include "series_index.h"
#include "tombstones.h"
#include "wal_syncer.h"

namespace auspex::storage {

/// What an opening spent its time on, nanoseconds.
struct OpenTimes {
  int64_t database = 0;  ///< RocksDB's own, its log among it
  int64_t index = 0;     ///< symbols and series
  int64_t state = 0;     ///< everything that is small: which series have blocks, deletions, exemplars
  int64_t journal = 0;   ///< into the head
  std::vector<std::pair<std::string, int64_t>> Parts() const {
    return {{"database", database}, {"index", index}, {"state", state}, {"journal", journal}};
  }
};

/// The store on RocksDB. A batch becomes one journal record, then rows of the head; a flush turns the head into hot blocks, a
/// seal turns hot blocks into cold ones.
///
/// Locks, in the order in which they are taken: lifetime_mu_ (shared by every call, exclusive for Close), maintenance_mu_
/// (one flush, seal or retention at a time), append_mu_ (one batch at a time, in journal order), head_mu_ (exclusive while a
/// batch is applied or the head is swapped, shared while a query pins what it sees: that makes batches whole).
class RocksStore final : public Store {
 public:
  explicit RocksStore(const StoreOptions& options);
  ~RocksStore() override;
  Status Start();
  const OpenTimes& open_times() const { return open_times_; }

  Result<SeriesRef> Resolve(TenantId tenant, const Labels& labels) override;
  Result<AppendReport> Append(const WriteBatch& batch) override;
  Result<std::unique_ptr<Selection>> Select(const SelectRequest& request) const override;
  Result<std::vector<std::string>> LabelNames(const SelectRequest& request, size_t limit) const override;
  Result<std::vector<std::string>> LabelValues(std::string_view name, const SelectRequest& request,
                                               size_t limit) const override;
  Result<std::vector<Labels>> Series(const SelectRequest& request, size_t limit) const override;
  uint64_t ChangeVersion() const override { return changes_.Version(); }
  StoreChanges ChangesSince(uint64_t version) const override { return {changes_.EarliestSince(version), OldestMs()}; }

  Result<AppendReport> Commit(const Transaction& transaction) override;
  Result<std::optional<std::string>> GetRecord(TenantId tenant, RecordKind kind, std::string_view key) const override;
  Status ScanRecords(TenantId tenant, RecordKind kind, std::string_view begin, std::string_view end, bool reverse,
                     const std::function<bool(const Record&)>& visit) const override;

  Result<std::vector<MetricMetadata>> Metadata(TenantId tenant, std::string_view metric, size_t limit) const override;
  Result<std::vector<SeriesExemplars>> Exemplars(const SelectRequest& request) const override;
  Result<uint64_t> Delete(const SelectRequest& request) override;
  Status Backup(const std::string& directory) override;
  Status Flush() override;
  Status Seal() override;
  Status ApplyRetention() override;
  StoreStats Stats() const override;
  Status Close() override;

 private:
  /// The rows of a batch that will be stored.
  struct Rows {
    std::vector<uint32_t> ordinals;
    std::span<const int64_t> t_ms;
    std::span<const double> values;
    std::vector<int64_t> kept_t_ms;  // own columns, when some rows were refused
    std::vector<double> kept_values;
  };
  /// The exemplars of a batch that will be stored: two columns.
  struct ExemplarRows {
    std::vector<uint32_t> ordinals;
    std::vector<const Exemplar*> exemplars;
  };
  using ActiveSets = std::map<ActiveName, std::shared_ptr<const Roaring>>;

  // Rows of `state`.
  static constexpr std::string_view kCheckpointKey = "checkpoint";
  static constexpr std::string_view kGenerationKey = "generation";

  /// What a family of the index holds on disk: rows, the numbers in them, and bytes.
  struct IndexRows {
    uint64_t rows = 0;
    uint64_t entries = 0;
    uint64_t bytes = 0;
    IndexRows& operator+=(const IndexRows& other) {
      rows += other.rows;
      entries += other.entries;
      bytes += other.bytes;
      return *this;
    }
    IndexRows& operator-=(const IndexRows& other) {
      rows -= other.rows;
      entries -= other.entries;
      bytes -= other.bytes;
      return *this;
    }
  };

  // rocks_store_index.cc
  Status LoadIndex();
  /// Adds the rows to the batch. Under append_mu_.
  void PutIndexRows(Family family, IndexRowWriter& writer, rocksdb::WriteBatch& batch);
  void DropLostIndex(rocksdb::WriteBatch& batch);
  Status TidyIndexLocked();
  Status TidyIndexFamily(Family family);

  // rocks_store.cc
  Status LoadState();
  static Result<std::pair<ActiveName, Roaring>> DecodeActiveRow(std::string_view key, std::string_view value);
  Result<uint64_t> StoredNumber(std::string_view key) const;
  Status Replay();
  Status ReplayRecord(uint64_t sequence, std::string_view record);
  void StartSyncer();
  Status Damaged(Status status);
  Status CheckMark();
  Status AcceptLoss();
  void MoveMark();
  Status CheckOpen() const;
  Status CheckWritable() const;
  Result<AppendReport> Write(const WriteBatch& samples, std::span<const Transaction::Change> changes);
  Result<AppendReport> ResolveRows(const WriteBatch& samples, Rows& rows);
  Status WriteLocked(const WriteBatch& samples, const Rows& rows, std::string_view journal_record,
                     const HistogramRows& histograms, const ExemplarRows& exemplars,
                     std::span<const Transaction::Change> changes);
  Status WaitForRoom(std::unique_lock<std::mutex>& append_lock);
  Status Failed(Status status);
  int64_t OldestMs() const;
  OldestTimes Oldest() const;
  TierMask TiersKept() const;
  void Maintain();
  void WatchDisk();

  // rocks_store_flush.cc
  Status FlushLocked();
  Status WriteHotBlocks(const Head& head, ActiveSets& active);
  Status CutJournal();
  Status SealLocked();
  Status TakeGeneration();
  Status SealSliceLocked(std::string& begin, bool& done);
  Status MergeHistograms();
  Status SealInBackground();
  bool SealIsDue();
  Status ApplyRetentionLocked();
  Status ExpireRecords();
  struct Expiry;
  Expiry FindExpired() const;
  uint64_t BytesOf(Partition partition, bool summaries) const;
  Status SumUp(Partition partition);
  Status DropFine(Partition partition);
  Status DropSamples(std::span<const Partition> partitions);
  Status DropPartitions(std::span<const Partition> partitions);
  Status DeleteSamples(std::span<const Partition> partitions, rocksdb::WriteBatch& batch);
  Status FreeFiles(std::span<const Partition> partitions, std::span<const Family> families);

  // rocks_store_delete.cc
  Status LoadTombstones();
  Status FlushHeadOf(const Roaring& series, const SelectRequest& request);
  Status WriteTombstone(const std::shared_ptr<const Tombstone>& tombstone);
  void PublishTombstones(std::vector<std::shared_ptr<const Tombstone>> all);
  Status PurgeDeleted(const std::shared_ptr<const Tombstones>& deleted);
  Result<ActiveSets> LeftAfter(const Tombstones& deleted) const;
  std::shared_ptr<const Tombstones> DeletedNow() const;

  // rocks_store_metadata.cc
  uint32_t ResolveOne(const WriteBatch& samples, SeriesRef series);  // SymbolTable::kAbsent: unknown
  ExemplarRows ResolveExemplars(const WriteBatch& samples, AppendReport& report);
  HistogramRows ResolveHistograms(const WriteBatch& samples, AppendReport& report);
  void PutMetadata(const WriteBatch& samples, const ExemplarRows& rows);

  // rocks_store_archive.cc
  uint16_t Today() const;
  bool ArchiveIsDue();
  Status ArchiveIdleLocked();
  Status EvictSlice(std::span<const uint32_t> ordinals, uint16_t day);
  Status DropDeadArchive();

  // rocks_store_select.cc
  Result<std::vector<SeriesId>> MatchArchived(const SelectRequest& request) const;
  Roaring ArchivedOf(TenantId tenant, const Roaring& series) const;
  Roaring MatchLocked(const SelectRequest& request, const Roaring& matched, uint32_t matched_end) const;
  static SelectRequest Clamped(SelectRequest request, int64_t oldest_ms);
  Result<Roaring> MatchingSeries(const SelectRequest& request) const;

  const StoreOptions options_;
  const Partitioning partitioning_;
  const uint64_t head_limit_bytes_;
  const uint64_t journal_limit_bytes_;

  mutable std::shared_mutex lifetime_mu_;
  bool closed_ = false;
  std::shared_ptr<Rocks> rocks_;
  const std::shared_ptr<SeriesIndex> index_owner_ = std::make_shared<SeriesIndex>();  // selections outlive the store
  SeriesIndex& index_ = *index_owner_;
  std::shared_ptr<SeriesArchive> archive_;
  std::unique_ptr<WalSyncer> syncer_;
  std::unique_ptr<LogMark> mark_;                               // null in memory
  uint64_t mark_candidate_ = 0;                                 // the syncer's own: what the log held an interval ago
  std::string accepted_damage_;                                 // found at open, and gone on from
  std::vector<uint32_t> lost_series_;                           // that name symbols which are not there
  std::map<Family, std::vector<std::string>> lost_index_rows_;  // keys of rows that cannot be read

  std::mutex maintenance_mu_;
  uint64_t generation_ = 0;       // of the youngest blocks
  uint64_t frozen_sequence_ = 0;  // the last one in frozen_

  std::mutex append_mu_;
  std::condition_variable room_;  // with append_mu_: a flush made room
  uint64_t next_sequence_ = 1;
  uint64_t checkpoint_ = 0;  // every batch up to here lies in blocks
  uint64_t next_index_row_ = 1;
  std::map<Family, IndexRows> index_rows_;
  rocksdb::WriteBatch batch_;
  MetadataTable metadata_;
  ExemplarTable exemplars_;

  mutable std::shared_mutex head_mu_;
  std::shared_ptr<Head> head_;
  std::shared_ptr<const Head> frozen_;         // being flushed
  HistogramTable histograms_;                  // frozen together with the head
  ActiveSets active_;                          // series that have blocks, by partition
  CoarseTable coarse_;                         // partitions that have summaries alone
  const std::shared_ptr<BlockCache> decoded_;  // which selections share, and outlive the store with
  std::shared_ptr<const Tombstones> deleted_;  // null when nothing is; changed under maintenance_mu_ as well

  ChangeLog changes_;  // every write and deletion, once it can be seen

  std::atomic<uint64_t> journal_bytes_{0};
  std::atomic<uint64_t> appended_samples_{0};
  std::atomic<uint64_t> rejected_samples_{0};
  std::atomic<uint64_t> too_old_samples_{0};
  std::atomic<bool> disk_full_{false};
  std::atomic<int64_t> coarse_end_ms_{kMinTimeMs};  // there are no samples before: summaries took their place
  uint64_t replayed_samples_ = 0;
  OpenTimes open_times_;

  mutable std::mutex failure_mu_;
  std::string read_only_reason_;
  std::atomic<bool> failed_{false};

  std::mutex wake_mu_;
  std::condition_variable wake_;
  std::atomic<bool> flush_wanted_{false};
  std::atomic<bool> stopping_{false};
  int64_t sealed_day_ = 0;  // the maintainer's own
  uint16_t archived_day_ = 0;
  std::thread maintainer_;
};

}  // namespace auspex::storage
