#include <algorithm>

#include <rocksdb/convenience.h>

#include "base/bytes.h"
#include "coarse_writer.h"
#include "rocks_store.h"
#include "sealer.h"

// What has become too old, or too much, goes by whole partitions: their files are dropped, not their samples. Where summaries
// are to outlive them, they are made before, once, of what the partition has become in the end.
namespace auspex::storage {
namespace {

constexpr Family kSampleFamilies[] = {Family::kHot, Family::kCold, Family::kHistograms};
constexpr Family kFineFamilies[] = {Family::kFiveMinutes};
constexpr Family kCoarseFamilies[] = {Family::kFiveMinutes, Family::kHours};
// About a quarter of a second of reading: how long a flush may have to wait.
constexpr uint64_t kSliceSamples = 20'000'000;

}  // namespace

// What is to become of partitions, each in the order of time.
struct RocksStore::Expiry {
  std::vector<Partition> sum_up;        // their samples go, summaries stay
  std::vector<Partition> drop_samples;  // summed up already: a removal that was interrupted
  std::vector<Partition> drop_fine;     // the summaries of 5 minutes have expired
  std::vector<Partition> drop;
};

OldestTimes RocksStore::Oldest() const {
  OldestTimes oldest;
  oldest.samples_ms = OldestMs();
  const auto of = [&](int64_t kept_ms) {
    return kept_ms == 0 ? kMaxTimeMs : std::max(kMinTimeMs, options_.clock->NowMs() - kept_ms);
  };
  oldest.tiers_ms[static_cast<size_t>(Tier::kFiveMinutes)] = of(options_.retention_5m_ms);
  oldest.tiers_ms[static_cast<size_t>(Tier::kHour)] = of(options_.retention_1h_ms);
  return oldest;
}

TierMask RocksStore::TiersKept() const {
  return static_cast<TierMask>((options_.retention_5m_ms > 0 ? MaskOf(Tier::kFiveMinutes) : 0) |
                               (options_.retention_1h_ms > 0 ? MaskOf(Tier::kHour) : 0));
}

Status RocksStore::ApplyRetentionLocked() {
  if (options_.retention_ms > 0) AUSPEX_RETURN_IF_ERROR(ExpireRecords());
  Expiry expiry = FindExpired();
  for (const Partition partition : expiry.sum_up) {
    AUSPEX_RETURN_IF_ERROR(SumUp(partition));
    expiry.drop_samples.push_back(partition);
  }
  if (!expiry.drop_samples.empty()) AUSPEX_RETURN_IF_ERROR(DropSamples(expiry.drop_samples));
  for (const Partition partition : expiry.drop_fine) AUSPEX_RETURN_IF_ERROR(DropFine(partition));
  return expiry.drop.empty() ? OkStatus() : DropPartitions(expiry.drop);
}

Status RocksStore::ExpireRecords() {
  const int64_t oldest_ms = OldestMs();
  rocksdb::ColumnFamilyHandle* records = rocks_->family(Family::kRecords);
  rocksdb::WriteBatch batch;
  const std::unique_ptr<rocksdb::Iterator> it(rocks_->db().NewIterator(rocksdb::ReadOptions(), records));
  // From tenant to tenant.
  for (it->SeekToFirst(); it->Valid() && it->key().size() >= kRecordPrefixBytes;) {
    const auto tenant = ReadBigEndian<TenantId>(it->key().data());
    for (const RecordKind kind : {RecordKind::kEvent, RecordKind::kLogPattern}) {
      const std::string begin = RecordKey(tenant, kind, "");
      const std::string end = RecordKey(tenant, kind, RecordTimeKey(oldest_ms));
      it->Seek(begin);
      if (it->Valid() && AsView(it->key()) < end) AUSPEX_CHECK(batch.DeleteRange(records, begin, end).ok());
    }
    if (tenant == ~TenantId{0}) break;
    it->Seek(RecordKey(tenant + 1, RecordKind{}, ""));
  }
  AUSPEX_RETURN_IF_ERROR(Failed(FromRocks(it->status(), "records")));
  const std::lock_guard append_lock(append_mu_);
  exemplars_.Expire(oldest_ms, *rocks_, batch);
  if (batch.Count() == 0) return OkStatus();
  AUSPEX_RETURN_IF_ERROR(Failed(FromRocks(rocks_->db().Write(rocksdb::WriteOptions(), &batch), "retention")));
  syncer_->NoteWritten();
  return OkStatus();
}

RocksStore::Expiry RocksStore::FindExpired() const {
  std::vector<Partition> all;  // active_ and coarse_ are changed only under maintenance_mu_, which we hold
  for (const auto& [name, series] : active_) {
    if (all.empty() || all.back() != name.partition) all.push_back(name.partition);
  }
  std::sort(all.begin(), all.end(), [](Partition a, Partition b) { return a.end_ms() < b.end_ms(); });
  const OldestTimes oldest = Oldest();
  const int64_t oldest_samples_ms =
      options_.retention_ms == 0 ? kMinTimeMs : std::max(kMinTimeMs, options_.clock->NowMs() - options_.retention_ms);
  const TierMask kept = TiersKept();
  Expiry expiry;
  std::vector<Partition> with_samples;
  std::vector<Partition> without;
  for (const Partition partition : all) {
    const CoarseTable::State* state = coarse_.Find(partition);
    const auto expired = [&](Tier tier) { return partition.end_ms() <= oldest.Of(tier); };
    if (state != nullptr) {
      const TierMask fine = MaskOf(Tier::kFiveMinutes);
      TierMask left = state->tiers;
      if (expired(Tier::kFiveMinutes)) left &= static_cast<TierMask>(~fine);
      if (expired(Tier::kHour)) left &= static_cast<TierMask>(~MaskOf(Tier::kHour));
      if (left == 0) {
        expiry.drop.push_back(partition);
        continue;
      }
      without.push_back(partition);
      if (!state->samples_gone) expiry.drop_samples.push_back(partition);
      if ((state->tiers & fine) != 0 && (left & fine) == 0) expiry.drop_fine.push_back(partition);
    } else if (partition.end_ms() > oldest_samples_ms) {
      with_samples.push_back(partition);
    } else if (expired(Tier::kFiveMinutes) && expired(Tier::kHour)) {
      expiry.drop.push_back(partition);
    } else {
      expiry.sum_up.push_back(partition);
    }
  }
  if (options_.retention_bytes == 0) return expiry;

  uint64_t disk_bytes = rocks_->DiskBytes();
  const auto take = [&](Partition partition, bool summaries) {
    disk_bytes -= std::min(disk_bytes, BytesOf(partition, summaries));
  };
  for (const Partition partition : expiry.drop) take(partition, true);
  for (const Partition partition : expiry.sum_up) take(partition, false);
  // The partition that is being written stays, however large it is: the reserve of the disk is what bounds it.
  for (size_t i = 0; disk_bytes > options_.retention_bytes && i + 1 < with_samples.size(); ++i) {
    take(with_samples[i], false);
    // On a full disk there is no room for summaries.
    (kept == 0 || disk_full_ ? expiry.drop : expiry.sum_up).push_back(with_samples[i]);
  }
  for (size_t i = 0; disk_bytes > options_.retention_bytes && i < without.size(); ++i) {
    take(without[i], true);
    expiry.drop.push_back(without[i]);
    std::erase(expiry.drop_fine, without[i]);
    std::erase(expiry.drop_samples, without[i]);
  }
  return expiry;
}

uint64_t RocksStore::BytesOf(Partition partition, bool summaries) const {
  const std::string prefix = BlockKey::PartitionPrefix(partition);
  const std::string end = PrefixEnd(prefix);
  const rocksdb::Range range(prefix, end);
  uint64_t total = 0;
  for (const Family family : {Family::kHot, Family::kCold, Family::kHistograms, Family::kFiveMinutes, Family::kHours}) {
    if (!summaries && (family == Family::kFiveMinutes || family == Family::kHours)) continue;
    uint64_t bytes = 0;
    rocksdb::SizeApproximationOptions options;
    options.include_memtables = false;
    options.include_files = true;
    if (rocks_->db().GetApproximateSizes(options, rocks_->family(family), &range, 1, &bytes).ok()) total += bytes;
  }
  return total;
}

Status RocksStore::SumUp(Partition partition) {
  // Nothing that the head or its tombstones still know comes later.
  AUSPEX_RETURN_IF_ERROR(FlushLocked());
  AUSPEX_RETURN_IF_ERROR(TakeGeneration());
  const std::shared_ptr<const Tombstones> deleted = DeletedNow();
  const TierMask tiers = TiersKept();
  CoarseWriter writer(*rocks_, partition, tiers, generation_, *deleted);
  AUSPEX_RETURN_IF_ERROR(Failed(writer.Begin()));
  while (!writer.done()) {
    AUSPEX_RETURN_IF_ERROR(Failed(writer.Run(kSliceSamples)));
    syncer_->NoteWritten();
    if (flush_wanted_.exchange(false)) AUSPEX_RETURN_IF_ERROR(FlushLocked());  // writers do not wait for the rest
  }
  rocksdb::WriteBatch batch;
  const CoarseTable::State state{.tiers = tiers, .samples_gone = false};
  AUSPEX_CHECK(batch.Put(rocks_->family(Family::kState), CoarseTable::RowKey(partition), CoarseTable::EncodeRow(state)).ok());
  AUSPEX_RETURN_IF_ERROR(Failed(FromRocks(rocks_->db().Write(rocksdb::WriteOptions(), &batch), "summaries")));
  const uint64_t written = syncer_->NoteWritten();
  {
    const std::unique_lock head_lock(head_mu_);
    coarse_.Set(partition, state);
    coarse_end_ms_ = std::max<int64_t>(coarse_end_ms_, partition.end_ms());
  }
  changes_.Note(partition.begin_ms());
  // The ingested file that takes the samples survives a power loss that the log may not.
  return options_.in_memory || options_.sync == SyncMode::kNever ? OkStatus() : Failed(syncer_->SyncTo(written));
}

Status RocksStore::DropSamples(std::span<const Partition> partitions) {
  rocksdb::WriteBatch batch;
  AUSPEX_RETURN_IF_ERROR(DeleteSamples(partitions, batch));
  for (const Partition partition : partitions) {
    const CoarseTable::State state{.tiers = coarse_.TiersOf(partition), .samples_gone = true};
    AUSPEX_CHECK(batch.Put(rocks_->family(Family::kState), CoarseTable::RowKey(partition), CoarseTable::EncodeRow(state)).ok());
  }
  AUSPEX_RETURN_IF_ERROR(Failed(FromRocks(rocks_->db().Write(rocksdb::WriteOptions(), &batch), "retention")));
  syncer_->NoteWritten();
  {
    const std::unique_lock head_lock(head_mu_);
    for (const Partition partition : partitions) {
      coarse_.Set(partition, {.tiers = coarse_.TiersOf(partition), .samples_gone = true});
      histograms_.Expire(partition);
    }
  }
  return FreeFiles(partitions, kSampleFamilies);
}

Status RocksStore::DropFine(Partition partition) {
  const CoarseTable::State state{.tiers = MaskOf(Tier::kHour), .samples_gone = true};
  rocksdb::WriteBatch batch;
  DeleteCoarse(*rocks_, partition, MaskOf(Tier::kFiveMinutes), batch);
  AUSPEX_CHECK(batch.Put(rocks_->family(Family::kState), CoarseTable::RowKey(partition), CoarseTable::EncodeRow(state)).ok());
  AUSPEX_RETURN_IF_ERROR(Failed(FromRocks(rocks_->db().Write(rocksdb::WriteOptions(), &batch), "retention")));
  syncer_->NoteWritten();
  {
    const std::unique_lock head_lock(head_mu_);
    coarse_.Set(partition, state);
  }
  changes_.Note(partition.begin_ms());
  return FreeFiles({&partition, 1}, kFineFamilies);
}

Status RocksStore::DeleteSamples(std::span<const Partition> partitions, rocksdb::WriteBatch& batch) {
  AUSPEX_RETURN_IF_ERROR(Failed(DeleteColdPartitions(*rocks_, partitions)));
  for (const Partition partition : partitions) {
    const std::string prefix = BlockKey::PartitionPrefix(partition);
    AUSPEX_CHECK(batch.DeleteRange(rocks_->family(Family::kHot), prefix, PrefixEnd(prefix)).ok());
    histograms_.DeletePartition(*rocks_, partition, batch);
  }
  return OkStatus();
}

Status RocksStore::DropPartitions(std::span<const Partition> partitions) {
  std::vector<ActiveName> dropped;
  rocksdb::WriteBatch batch;
  for (const auto& [name, series] : active_) {
    if (std::find(partitions.begin(), partitions.end(), name.partition) == partitions.end()) continue;
    dropped.push_back(name);
    AUSPEX_CHECK(batch.Delete(rocks_->family(Family::kActive), ActiveKey(name)).ok());
  }
  // The list of what there is goes last: a crash before leaves the partition to be deleted again.
  AUSPEX_RETURN_IF_ERROR(DeleteSamples(partitions, batch));
  for (const Partition partition : partitions) {
    DeleteCoarse(*rocks_, partition, coarse_.TiersOf(partition), batch);
    if (coarse_.Find(partition) != nullptr) {
      AUSPEX_CHECK(batch.Delete(rocks_->family(Family::kState), CoarseTable::RowKey(partition)).ok());
    }
  }
  AUSPEX_RETURN_IF_ERROR(Failed(FromRocks(rocks_->db().Write(rocksdb::WriteOptions(), &batch), "retention")));
  syncer_->NoteWritten();
  {
    const std::unique_lock head_lock(head_mu_);
    for (const ActiveName& name : dropped) active_.erase(name);
    for (const Partition partition : partitions) {
      histograms_.Expire(partition);
      coarse_.Erase(partition);
    }
  }
  for (const Partition partition : partitions) changes_.Note(partition.begin_ms());
  AUSPEX_RETURN_IF_ERROR(FreeFiles(partitions, kSampleFamilies));
  AUSPEX_RETURN_IF_ERROR(FreeFiles(partitions, kCoarseFamilies));
  return DropDeadArchive();
}

Status RocksStore::FreeFiles(std::span<const Partition> partitions, std::span<const Family> families) {
  rocksdb::DB& db = rocks_->db();
  // A selection that was made earlier keeps what it sees: compaction respects its snapshot, dropping files would not. Later
  // ones do not look into these partitions.
  const uint64_t now = db.GetLatestSequenceNumber();
  uint64_t oldest_snapshot = 0;
  const bool unseen = db.GetIntProperty("rocksdb.oldest-snapshot-sequence", &oldest_snapshot) &&
                      (oldest_snapshot == 0 || oldest_snapshot >= now);
  for (const Partition partition : partitions) {
    const std::string prefix = BlockKey::PartitionPrefix(partition);
    const std::string end = PrefixEnd(prefix);
    const rocksdb::Slice from(prefix);
    const rocksdb::Slice to(end);
    for (const Family family : families) {
      if (unseen) {
        const rocksdb::RangePtr range(&from, &to);
        AUSPEX_RETURN_IF_ERROR(Failed(FromRocks(
            rocksdb::DeleteFilesInRanges(&db, rocks_->family(family), &range, 1, /*include_end=*/false), "retention")));
      }
      AUSPEX_RETURN_IF_ERROR(
          Failed(FromRocks(db.CompactRange(rocksdb::CompactRangeOptions(), rocks_->family(family), &from, &to), "retention")));
    }
  }
  return OkStatus();
}

}  // namespace auspex::storage
