#include "purge.h"

#include <limits>
#include <map>
#include <optional>
#include <string>

#include "block.h"
#include "block_reader.h"
#include "cold_writer.h"

namespace auspex::storage {
namespace {

class ColdPurge {
 public:
  ColdPurge(Rocks& rocks, const Tombstones& deleted, uint64_t generation)
      : deleted_(deleted),
        generation_(generation),
        keys_(rocks.db().NewIterator(rocksdb::ReadOptions(), rocks.family(Family::kCold))),
        reader_(rocks, Family::kCold, nullptr),
        writer_(rocks) {}

  Status Run() {
    // From series to series, without a look at those that lost nothing.
    for (keys_->SeekToFirst(); keys_->Valid();) {
      const auto key = BlockKey::Decode(AsView(keys_->key()));
      if (!key) return Corruption("cold: key of {} bytes, expected {}", keys_->key().size(), BlockKey::kBytes);
      const std::string end = PrefixEnd(PrefixOf(*key));
      if (Concerns(*key)) AUSPEX_RETURN_IF_ERROR(PurgeSeries(*key));
      keys_->Seek(end);
    }
    AUSPEX_RETURN_IF_ERROR(FromRocks(keys_->status(), "cold"));
    return writer_.Ingest();
  }

 private:
  // A partition that no deletion reaches into is passed over whole.
  std::string PrefixOf(const BlockKey& key) const {
    for (const auto& tombstone : deleted_.all()) {
      if (key.partition.Overlaps(tombstone->begin_ms, tombstone->end_ms))
        return BlockKey::SeriesPrefix(key.partition, key.tenant, key.series);
    }
    return BlockKey::PartitionPrefix(key.partition);
  }
  bool Concerns(const BlockKey& key) const {
    for (const auto& tombstone : deleted_.all()) {
      if (tombstone->tenant == key.tenant && key.partition.Overlaps(tombstone->begin_ms, tombstone->end_ms) &&
          tombstone->series.contains(key.series.ordinal)) {
        return true;
      }
    }
    return false;
  }

  Status PurgeSeries(const BlockKey& series) {
    constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
    constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
    const DeletedRanges deleted = deleted_.Of(series.tenant, series.series.ordinal);
    collected_.Clear();
    reader_.Clear();
    AUSPEX_RETURN_IF_ERROR(reader_.Collect(series.partition, series.tenant, series.series, kFirst, kEnd));
    std::map<std::string, std::optional<std::string>> edits;
    const std::vector<BlockReader::Collected> blocks = reader_.blocks();
    for (const BlockReader::Collected& block : blocks) {
      if (!deleted.Touch(block.key.generation, block.key.tmin_ms, block.tmax_ms)) continue;
      AUSPEX_RETURN_IF_ERROR(RewriteBlock(block, deleted, edits));
    }
    for (const auto& [key, block] : edits) AUSPEX_RETURN_IF_ERROR(block ? writer_.Put(key, *block) : writer_.Delete(key));
    return OkStatus();
  }

  Status RewriteBlock(const BlockReader::Collected& block, const DeletedRanges& deleted,
                      std::map<std::string, std::optional<std::string>>& edits) {
    // Cold blocks of a series do not overlap, so reading this one's times reads this one.
    collected_.Clear();
    reader_.Clear();
    reader_.SetDeleted(&deleted);
    AUSPEX_RETURN_IF_ERROR(
        reader_.Collect(block.key.partition, block.key.tenant, block.key.series, block.key.tmin_ms, block.tmax_ms + 1));
    AUSPEX_RETURN_IF_ERROR(reader_.ReadOver(block.key.tmin_ms, block.tmax_ms + 1, scratch_, collected_));
    reader_.SetDeleted(nullptr);
    edits[block.key.Encode()] = std::nullopt;
    if (collected_.t_ms.empty()) return OkStatus();
    BlockKey key = block.key;
    key.tmin_ms = collected_.t_ms.front();
    key.generation = generation_;
    edits[key.Encode()] = EncodeBlock(collected_.t_ms, collected_.values, Effort::kDense);
    return OkStatus();
  }

  const Tombstones& deleted_;
  const uint64_t generation_;
  const std::unique_ptr<rocksdb::Iterator> keys_;
  BlockReader reader_;
  BlockScratch scratch_;
  SampleColumns collected_;
  ColdWriter writer_;
};

}  // namespace

Status PurgeCold(Rocks& rocks, const Tombstones& deleted, uint64_t generation) {
  return ColdPurge(rocks, deleted, generation).Run();
}

}  // namespace auspex::storage
