#include <algorithm>
#include <vector>

#include "base/bytes.h"
#include "block.h"
#include "rocks_store.h"
#include "sealer.h"

namespace auspex::storage {
namespace {

// Blocks are written in batches of this size, so that no writer waits behind a large one.
constexpr size_t kBatchBytes = size_t{2} << 20;
// Cutting leaves a tombstone in each journal file; from so many files on they are merged into nothing.
constexpr uint64_t kJournalFiles = 4;
// About a quarter of a second of merging: how long a flush may have to wait for a seal.
constexpr uint64_t kSealSliceSamples = 4'000'000;
constexpr size_t kTombstonesLimit = 32;
constexpr uint64_t kHotLimitBytes = uint64_t{128} << 20;

}  // namespace

Status RocksStore::Flush() {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckWritable());
  const std::lock_guard maintenance(maintenance_mu_);
  return FlushLocked();
}

Status RocksStore::Seal() {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckWritable());
  const std::lock_guard maintenance(maintenance_mu_);
  return SealLocked();
}

Status RocksStore::ApplyRetention() {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckOpen());
  if (failed_) return CheckWritable();  // but a full disk is no reason not to delete
  const std::lock_guard maintenance(maintenance_mu_);
  return ApplyRetentionLocked();
}

Status RocksStore::FlushLocked() {
  {
    const std::lock_guard append_lock(append_mu_);
    const std::unique_lock head_lock(head_mu_);
    // A frozen head that is still there is left from a flush that failed: it goes first.
    if (frozen_ == nullptr) {
      if (head_->samples_count() == 0 && histograms_.head_empty()) return OkStatus();
      frozen_ = std::move(head_);
      head_ = std::make_shared<Head>();
      histograms_.Freeze();
      frozen_sequence_ = next_sequence_ - 1;
      journal_bytes_ = 0;
    }
  }
  ActiveSets active;
  AUSPEX_RETURN_IF_ERROR(Failed(WriteHotBlocks(*frozen_, active)));
  std::shared_ptr<const Head> flushed;  // freed without a lock
  {
    const std::lock_guard append_lock(append_mu_);
    const std::unique_lock head_lock(head_mu_);
    for (auto& [name, series] : active) active_[name] = std::move(series);
    flushed = std::move(frozen_);
    histograms_.FinishFlush();
    checkpoint_ = frozen_sequence_;
  }
  flushed.reset();  // before writers fill its place, and however long the cut takes
  room_.notify_all();
  return Failed(CutJournal());
}

Status RocksStore::WriteHotBlocks(const Head& head, ActiveSets& active) {
  std::vector<SeriesId> ids;
  for (uint32_t ordinal = 0; ordinal < head.ordinals_end(); ++ordinal) {
    if (head.Has(ordinal)) ids.push_back(index_.IdOf(ordinal));
  }
  std::sort(ids.begin(), ids.end());
  index_.SetToday(Today());

  const uint64_t generation = ++generation_;
  const int64_t oldest_ms = Oldest().Least();  // what has expired counts for the summaries that it will leave
  rocksdb::WriteBatch batch;
  // Every batch says which generation is in use: after a crash between two of them the next flush takes another one, and its
  // blocks are younger than those that were left behind.
  const auto write = [&](bool last) {
    std::string number;
    AppendVarint(number, generation);
    AUSPEX_CHECK(batch.Put(rocks_->family(Family::kState), AsSlice(kGenerationKey), number).ok());
    if (last) {
      for (const auto& [name, series] : active) {
        AUSPEX_CHECK(batch.Put(rocks_->family(Family::kActive), ActiveKey(name), SerializeOrdinals(*series)).ok());
      }
      // The checkpoint is in the log behind every block that it stands for: after a crash the journal is never cut past a
      // block that is not there.
      number.clear();
      AppendVarint(number, frozen_sequence_);
      AUSPEX_CHECK(batch.Put(rocks_->family(Family::kState), AsSlice(kCheckpointKey), number).ok());
    }
    const Status status = FromRocks(rocks_->db().Write(rocksdb::WriteOptions(), &batch), "write of blocks");
    if (status.ok()) syncer_->NoteWritten();
    batch.Clear();
    return status;
  };

  std::map<ActiveName, Roaring> seen;
  SampleColumns columns;
  BlockScratch scratch;
  for (const SeriesId id : ids) {
    columns.Clear();
    head.Pin(id.ordinal).ReadOver(oldest_ms, kMaxTimeMs + 1, scratch, columns);
    const TenantId tenant = index_.TenantOf(id.ordinal);
    for (size_t begin = 0; begin < columns.t_ms.size();) {
      const Partition partition = partitioning_.Of(columns.t_ms[begin]);
      const auto partition_end =
          std::lower_bound(columns.t_ms.begin() + static_cast<ptrdiff_t>(begin), columns.t_ms.end(), partition.end_ms());
      const size_t end = std::min(begin + kHotBlockSamples, static_cast<size_t>(partition_end - columns.t_ms.begin()));
      const BlockKey key{partition, tenant, id, columns.t_ms[begin], generation};
      const std::string block = EncodeBlock(std::span(columns.t_ms).subspan(begin, end - begin),
                                            std::span(columns.values).subspan(begin, end - begin), Effort::kFast);
      AUSPEX_CHECK(batch.Put(rocks_->family(Family::kHot), key.Encode(), block).ok());
      seen[{partition, tenant}].add(id.ordinal);
      begin = end;
    }
    if (batch.GetDataSize() >= kBatchBytes) AUSPEX_RETURN_IF_ERROR(write(/*last=*/false));
  }
  AUSPEX_RETURN_IF_ERROR(histograms_.PutBlocks(index_, partitioning_, generation, oldest_ms, *rocks_, batch, seen, [&] {
    return batch.GetDataSize() >= kBatchBytes ? write(/*last=*/false) : OkStatus();
  }));
  for (auto& [name, series] : seen) {
    index_.Touch(series);
    // active_ is changed only under maintenance_mu_, which we hold.
    const auto before = active_.find(name);
    if (before != active_.end()) {
      if (series.isSubset(*before->second)) continue;
      series |= *before->second;
    }
    series.runOptimize();
    active[name] = std::make_shared<const Roaring>(std::move(series));
  }
  return write(/*last=*/true);
}

Status RocksStore::CutJournal() {
  rocksdb::DB& db = rocks_->db();
  rocksdb::ColumnFamilyHandle* journal = rocks_->family(Family::kJournal);
  const std::string begin = JournalKey(0);
  const std::string end = JournalKey(checkpoint_ + 1);
  AUSPEX_RETURN_IF_ERROR(FromRocks(db.DeleteRange(rocksdb::WriteOptions(), journal, begin, end), "cut of the journal"));
  // What is still in memory goes to nothing here, instead of being written out once more later.
  rocksdb::FlushOptions flush;
  flush.allow_write_stall = true;
  AUSPEX_RETURN_IF_ERROR(FromRocks(db.Flush(flush, journal), "flush of the journal"));
  uint64_t files = 0;
  if (db.GetIntProperty(journal, "rocksdb.num-files-at-level0", &files) && files < kJournalFiles) return OkStatus();
  rocksdb::CompactRangeOptions compact;
  compact.exclusive_manual_compaction = false;
  return FromRocks(db.CompactRange(compact, journal, nullptr, nullptr), "cut of the journal");
}

Status RocksStore::TakeGeneration() {
  // Ingested files survive a power loss that the log may not: what they are called by has to be on disk before them, or a later
  // deletion could take the same generation and miss them.
  rocksdb::WriteBatch batch;
  std::string number;
  AppendVarint(number, ++generation_);
  AUSPEX_CHECK(batch.Put(rocks_->family(Family::kState), AsSlice(kGenerationKey), number).ok());
  AUSPEX_RETURN_IF_ERROR(Failed(FromRocks(rocks_->db().Write(rocksdb::WriteOptions(), &batch), "generation")));
  const uint64_t written = syncer_->NoteWritten();
  return options_.in_memory || options_.sync == SyncMode::kNever ? OkStatus() : Failed(syncer_->SyncTo(written));
}

Status RocksStore::SealSliceLocked(std::string& begin, bool& done) {
  const std::shared_ptr<const Tombstones> deleted = DeletedNow();
  AUSPEX_RETURN_IF_ERROR(TakeGeneration());
  Sealer sealer(*rocks_, generation_, *deleted);
  AUSPEX_RETURN_IF_ERROR(Failed(sealer.Run(begin, kSealSliceSamples)));
  done = sealer.done();
  if (sealer.blocks_count() == 0) return OkStatus();
  rocksdb::WriteBatch batch;
  // Not with the ingestion in one step: a crash between the two leaves samples in both, which read the same.
  AUSPEX_CHECK(batch.DeleteRange(rocks_->family(Family::kHot), begin, sealer.end()).ok());
  AUSPEX_RETURN_IF_ERROR(Failed(FromRocks(rocks_->db().Write(rocksdb::WriteOptions(), &batch), "seal")));
  syncer_->NoteWritten();
  begin = sealer.end();
  return OkStatus();
}

Status RocksStore::MergeHistograms() {
  if (!histograms_.has_blocks()) return OkStatus();
  AUSPEX_RETURN_IF_ERROR(TakeGeneration());
  AUSPEX_RETURN_IF_ERROR(Failed(histograms_.MergeBlocks(*rocks_, generation_, *DeletedNow())));
  syncer_->NoteWritten();
  return OkStatus();
}

Status RocksStore::SealLocked() {
  AUSPEX_RETURN_IF_ERROR(FlushLocked());
  const std::shared_ptr<const Tombstones> deleted = DeletedNow();
  std::string begin;
  for (bool done = false; !done;) AUSPEX_RETURN_IF_ERROR(SealSliceLocked(begin, done));
  AUSPEX_RETURN_IF_ERROR(PurgeDeleted(deleted));
  AUSPEX_RETURN_IF_ERROR(MergeHistograms());
  AUSPEX_RETURN_IF_ERROR(ArchiveIdleLocked());
  AUSPEX_RETURN_IF_ERROR(TidyIndexLocked());
  AUSPEX_RETURN_IF_ERROR(Failed(rocks_->FlushFamilies(/*wait=*/true)));
  for (const Family family : {Family::kHot, Family::kJournal, Family::kCold}) {
    const auto status = rocks_->db().CompactRange(rocksdb::CompactRangeOptions(), rocks_->family(family), nullptr, nullptr);
    AUSPEX_RETURN_IF_ERROR(Failed(FromRocks(status, "seal")));
  }
  return OkStatus();
}

Status RocksStore::SealInBackground() {
  // What is deleted from now on waits for the next time: hot blocks of its series may have been passed already.
  const std::shared_ptr<const Tombstones> deleted = DeletedNow();
  std::string begin;
  for (bool done = false; !done && !stopping_;) {
    const std::lock_guard maintenance(maintenance_mu_);
    AUSPEX_RETURN_IF_ERROR(SealSliceLocked(begin, done));
    // Writers that filled the head meanwhile do not wait for the rest.
    if (flush_wanted_.exchange(false)) AUSPEX_RETURN_IF_ERROR(FlushLocked());
  }
  if (stopping_) return OkStatus();
  const std::lock_guard maintenance(maintenance_mu_);
  AUSPEX_RETURN_IF_ERROR(PurgeDeleted(deleted));
  AUSPEX_RETURN_IF_ERROR(MergeHistograms());
  AUSPEX_RETURN_IF_ERROR(Failed(rocks_->FlushFamilies(/*wait=*/true)));
  const auto status = rocks_->db().CompactRange(rocksdb::CompactRangeOptions(), rocks_->family(Family::kHot), nullptr, nullptr);
  return Failed(FromRocks(status, "seal"));
}

bool RocksStore::SealIsDue() {
  // A UTC day ended, and an hour for its last samples has gone by; or there is so much that reads begin to suffer.
  constexpr int64_t kGraceMs = 3'600'000;
  const int64_t day = (options_.clock->NowMs() - kGraceMs) / kDayMs;
  if (sealed_day_ == 0) sealed_day_ = day;
  uint64_t hot_bytes = 0;
  rocks_->db().GetIntProperty(rocks_->family(Family::kHot), "rocksdb.estimate-live-data-size", &hot_bytes);
  // Each deletion is looked at by every read.
  const bool many_deletions = DeletedNow()->all().size() >= kTombstonesLimit;
  if (day == sealed_day_ && hot_bytes < kHotLimitBytes && !many_deletions) return false;
  sealed_day_ = day;
  return true;
}

}  // namespace auspex::storage
