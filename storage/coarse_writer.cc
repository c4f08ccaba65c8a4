#include "coarse_writer.h"

namespace auspex::storage {
namespace {

constexpr size_t kBatchBytes = size_t{2} << 20;

Status WriteAndClear(const Rocks& rocks, rocksdb::WriteBatch& batch) {
  const Status status = FromRocks(rocks.db().Write(rocksdb::WriteOptions(), &batch), "write of summaries");
  batch.Clear();
  return status;
}

void PutBlock(const Rocks& rocks, Tier tier, BlockKey key, uint64_t generation, std::span<const RunSummary> runs,
              rocksdb::WriteBatch& batch) {
  key.tmin_ms = runs.front().t_first_ms;
  key.generation = generation;
  AUSPEX_CHECK(batch.Put(rocks.family(FamilyOf(tier)), key.Encode(), EncodeCoarseBlock(tier, runs)).ok());
}

}  // namespace

void DeleteCoarse(const Rocks& rocks, Partition partition, TierMask tiers, rocksdb::WriteBatch& batch) {
  const std::string prefix = BlockKey::PartitionPrefix(partition);
  for (const Tier tier : kTiers) {
    if ((tiers & MaskOf(tier)) == 0) continue;
    AUSPEX_CHECK(batch.DeleteRange(rocks.family(FamilyOf(tier)), prefix, PrefixEnd(prefix)).ok());
  }
}

Status CoarseWriter::Begin() {
  rocksdb::WriteBatch batch;
  DeleteCoarse(rocks_, partition_, kAllTiers, batch);
  return WriteAndClear(rocks_, batch);
}

Result<std::optional<BlockKey>> CoarseWriter::Next(rocksdb::Iterator& hot, rocksdb::Iterator& cold) const {
  std::optional<BlockKey> next;
  for (rocksdb::Iterator* it : {&hot, &cold}) {
    it->Seek(at_);
    AUSPEX_RETURN_IF_ERROR(FromRocks(it->status(), "blocks"));
    if (!it->Valid() || AsView(it->key()) >= end_) continue;
    const auto key = BlockKey::Decode(AsView(it->key()));
    if (!key) return Corruption("blocks: key of {} bytes, expected {}", it->key().size(), BlockKey::kBytes);
    if (!next || std::pair(key->tenant, key->series) < std::pair(next->tenant, next->series)) next = key;
  }
  return next;
}

Status CoarseWriter::Run(uint64_t samples) {
  const std::unique_ptr<rocksdb::Iterator> hot_keys(
      rocks_.db().NewIterator(rocksdb::ReadOptions(), rocks_.family(Family::kHot)));
  const std::unique_ptr<rocksdb::Iterator> cold_keys(
      rocks_.db().NewIterator(rocksdb::ReadOptions(), rocks_.family(Family::kCold)));
  BlockReader hot(rocks_, Family::kHot, nullptr);
  BlockReader cold(rocks_, Family::kCold, nullptr);
  BlockScratch scratch;
  SampleColumns columns;
  std::vector<RunSummary> runs;
  rocksdb::WriteBatch batch;
  for (uint64_t read = 0; read < samples;) {
    AUSPEX_ASSIGN_OR_RETURN(const std::optional<BlockKey> series, Next(*hot_keys, *cold_keys));
    if (!series) {
      done_ = true;
      break;
    }
    const DeletedRanges deleted = deleted_.Of(series->tenant, series->series.ordinal);
    columns.Clear();
    for (BlockReader* blocks : {&cold, &hot}) {
      blocks->Clear();
      blocks->SetDeleted(&deleted);
      AUSPEX_RETURN_IF_ERROR(blocks->Collect(partition_, series->tenant, series->series, kMinTimeMs, kMaxTimeMs + 1));
      AUSPEX_RETURN_IF_ERROR(blocks->ReadOver(kMinTimeMs, kMaxTimeMs + 1, scratch, columns));
      blocks->SetDeleted(nullptr);
    }
    read += columns.t_ms.size() + 1;
    for (const Tier tier : kTiers) {
      if ((tiers_ & MaskOf(tier)) == 0) continue;
      runs.clear();
      Summarize(columns.t_ms, columns.values, ResolutionOf(tier), runs);
      if (!runs.empty()) PutBlock(rocks_, tier, *series, generation_, runs, batch);
    }
    at_ = PrefixEnd(BlockKey::SeriesPrefix(partition_, series->tenant, series->series));
    if (batch.GetDataSize() >= kBatchBytes) AUSPEX_RETURN_IF_ERROR(WriteAndClear(rocks_, batch));
  }
  return batch.Count() == 0 ? OkStatus() : WriteAndClear(rocks_, batch);
}

Status PurgeCoarse(const Rocks& rocks, const Tombstones& deleted, uint64_t generation) {
  ValueScratch scratch;
  std::vector<RunSummary> runs;
  rocksdb::WriteBatch batch;
  for (const Tier tier : kTiers) {
    rocksdb::ColumnFamilyHandle* family = rocks.family(FamilyOf(tier));
    const std::unique_ptr<rocksdb::Iterator> it(rocks.db().NewIterator(rocksdb::ReadOptions(), family));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      const auto key = BlockKey::Decode(AsView(it->key()));
      if (!key) return Corruption("{}: key of {} bytes", FamilyName(FamilyOf(tier)), it->key().size());
      const DeletedRanges gone = deleted.Of(key->tenant, key->series.ordinal);
      if (!gone.Touch(key->generation, key->tmin_ms, key->partition.end_ms())) continue;
      if (const Status status = DecodeCoarseBlock(tier, AsView(it->value()), scratch, runs); !status.ok()) {
        return WhereCoarse(tier, *key, status);
      }
      std::erase_if(runs, [&](const RunSummary& run) { return gone.Touch(key->generation, run.t_first_ms, run.t_last_ms); });
      AUSPEX_CHECK(batch.Delete(family, it->key()).ok());
      if (!runs.empty()) PutBlock(rocks, tier, *key, generation, runs, batch);
      if (batch.GetDataSize() >= kBatchBytes) AUSPEX_RETURN_IF_ERROR(WriteAndClear(rocks, batch));
    }
    AUSPEX_RETURN_IF_ERROR(FromRocks(it->status(), FamilyName(FamilyOf(tier))));
  }
  return batch.Count() == 0 ? OkStatus() : WriteAndClear(rocks, batch);
}

}  // namespace auspex::storage
