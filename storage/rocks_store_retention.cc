#include <algorithm>

#include <rocksdb/convenience.h>

#include "base/bytes.h"
#include "rocks_store.h"
#include "sealer.h"

// What has become too old, or too much, goes by whole partitions: their files are dropped, not their samples.
namespace auspex::storage {

Status RocksStore::ApplyRetentionLocked() {
  if (options_.retention_ms > 0) AUSPEX_RETURN_IF_ERROR(ExpireRecords());
  const std::vector<Partition> partitions = PartitionsToDrop();
  return partitions.empty() ? OkStatus() : DropPartitions(partitions);
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

std::vector<Partition> RocksStore::PartitionsToDrop() const {
  std::vector<Partition> all;  // active_ is changed only under maintenance_mu_, which we hold
  for (const auto& [name, series] : active_) {
    if (all.empty() || all.back() != name.partition) all.push_back(name.partition);
  }
  std::sort(all.begin(), all.end(), [](Partition a, Partition b) { return a.end_ms() < b.end_ms(); });
  std::vector<Partition> drop;
  const int64_t oldest_ms = OldestMs();
  size_t next = 0;
  while (next < all.size() && all[next].end_ms() <= oldest_ms) drop.push_back(all[next++]);
  if (options_.retention_bytes == 0) return drop;

  uint64_t disk_bytes = rocks_->DiskBytes();
  for (const Partition partition : drop) disk_bytes -= std::min(disk_bytes, BytesOf(partition));
  // The partition that is being written stays, however large it is: the reserve of the disk is what bounds it.
  while (disk_bytes > options_.retention_bytes && next + 1 < all.size()) {
    disk_bytes -= std::min(disk_bytes, BytesOf(all[next]));
    drop.push_back(all[next++]);
  }
  return drop;
}

uint64_t RocksStore::BytesOf(Partition partition) const {
  const std::string prefix = BlockKey::PartitionPrefix(partition);
  const std::string end = PrefixEnd(prefix);
  const rocksdb::Range range(prefix, end);
  uint64_t total = 0;
  for (const Family family : {Family::kHot, Family::kCold}) {
    uint64_t bytes = 0;
    rocksdb::SizeApproximationOptions options;
    options.include_memtables = false;
    options.include_files = true;
    if (rocks_->db().GetApproximateSizes(options, rocks_->family(family), &range, 1, &bytes).ok()) total += bytes;
  }
  return total;
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
  AUSPEX_RETURN_IF_ERROR(Failed(DeleteColdPartitions(*rocks_, partitions)));
  for (const Partition partition : partitions) {
    const std::string prefix = BlockKey::PartitionPrefix(partition);
    AUSPEX_CHECK(batch.DeleteRange(rocks_->family(Family::kHot), prefix, PrefixEnd(prefix)).ok());
    histograms_.DeletePartition(*rocks_, partition, batch);
  }
  AUSPEX_RETURN_IF_ERROR(Failed(FromRocks(rocks_->db().Write(rocksdb::WriteOptions(), &batch), "retention")));
  syncer_->NoteWritten();
  {
    const std::unique_lock head_lock(head_mu_);
    for (const ActiveName& name : dropped) active_.erase(name);
    for (const Partition partition : partitions) histograms_.Expire(partition);
  }
  for (const Partition partition : partitions) changes_.Note(partition.begin_ms());
  AUSPEX_RETURN_IF_ERROR(FreeFiles(partitions));
  return DropDeadArchive();
}

Status RocksStore::FreeFiles(std::span<const Partition> partitions) {
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
    for (const Family family : {Family::kHot, Family::kCold}) {
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
