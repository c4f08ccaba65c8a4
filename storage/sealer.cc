#include "sealer.h"

#include <algorithm>
#include <limits>

namespace auspex::storage {

Sealer::Sealer(Rocks& rocks, uint64_t generation, const Tombstones& deleted)
    : rocks_(rocks),
      generation_(generation),
      hot_(rocks, Family::kHot, nullptr),
      cold_(rocks, Family::kCold, nullptr),
      deleted_(deleted),
      writer_(rocks) {}

Status Sealer::Run(const std::string& begin, uint64_t samples) {
  const std::unique_ptr<rocksdb::Iterator> it(rocks_.db().NewIterator(rocksdb::ReadOptions(), rocks_.family(Family::kHot)));
  it->Seek(begin);
  while (it->Valid() && samples_count_ < samples) {
    const auto key = BlockKey::Decode(AsView(it->key()));
    if (!key) return Corruption("hot: key of {} bytes, expected {}", it->key().size(), BlockKey::kBytes);
    AUSPEX_RETURN_IF_ERROR(SealSeries(*key));
    end_ = PrefixEnd(BlockKey::SeriesPrefix(key->partition, key->tenant, key->series));
    while (it->Valid() && AsView(it->key()) < end_) it->Next();
  }
  AUSPEX_RETURN_IF_ERROR(FromRocks(it->status(), "hot"));
  done_ = !it->Valid();
  return writer_.Ingest();
}

Status Sealer::SealSeries(const BlockKey& series) {
  constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  deleted_of_series_ = deleted_.Of(series.tenant, series.series.ordinal);
  hot_.Clear();
  hot_.SetDeleted(&deleted_of_series_);
  cold_.SetDeleted(&deleted_of_series_);
  AUSPEX_RETURN_IF_ERROR(hot_.Collect(series.partition, series.tenant, series.series, kFirst, kEnd));
  if (hot_.blocks().empty()) return OkStatus();
  blocks_count_ += hot_.blocks().size();
  int64_t begin_ms = hot_.blocks().front().key.tmin_ms;
  int64_t end_ms = begin_ms;
  for (const BlockReader::Collected& block : hot_.blocks()) end_ms = std::max(end_ms, block.tmax_ms + 1);

  // The cold blocks that these samples fall into, and their neighbours if those have room: blocks stay dense and disjoint, in
  // whatever order and portions samples come.
  cold_.Clear();
  AUSPEX_RETURN_IF_ERROR(
      cold_.Collect(series.partition, series.tenant, series.series, begin_ms, end_ms, /*full_samples=*/kColdBlockSamples));
  SampleColumns columns;
  Edits edits;
  int64_t from_ms = begin_ms;
  for (const BlockReader::Collected& block : cold_.blocks()) {
    edits[block.key.Encode()] = std::nullopt;
    from_ms = std::min(from_ms, block.key.tmin_ms);
    end_ms = std::max(end_ms, block.tmax_ms + 1);
  }
  AUSPEX_RETURN_IF_ERROR(cold_.ReadOver(from_ms, end_ms, scratch_, columns));
  AUSPEX_RETURN_IF_ERROR(hot_.ReadOver(from_ms, end_ms, scratch_, columns));
  samples_count_ += columns.t_ms.size();
  CutIntoBlocks(series, columns, edits);
  return WriteEdits(edits);
}

void Sealer::CutIntoBlocks(const BlockKey& series, const SampleColumns& columns, Edits& edits) const {
  size_t n = 0;
  for (size_t begin = 0; begin < columns.t_ms.size(); begin += n) {
    // No short block at the end: its header and tables would weigh as much as a full one's.
    const size_t left = columns.t_ms.size() - begin;
    n = left <= kColdBlockSamples * 3 / 2 ? left : kColdBlockSamples;
    BlockKey key = series;
    key.tmin_ms = columns.t_ms[begin];
    key.generation = generation_;
    edits[key.Encode()] =
        EncodeBlock(std::span(columns.t_ms).subspan(begin, n), std::span(columns.values).subspan(begin, n), Effort::kDense);
  }
}

Status Sealer::WriteEdits(const Edits& edits) {
  for (const auto& [key, block] : edits) AUSPEX_RETURN_IF_ERROR(block ? writer_.Put(key, *block) : writer_.Delete(key));
  return OkStatus();
}

Status DeleteColdPartitions(Rocks& rocks, std::span<const Partition> partitions) {
  std::vector<Partition> sorted(partitions.begin(), partitions.end());
  std::sort(sorted.begin(), sorted.end());
  ColdWriter writer(rocks);
  for (const Partition partition : sorted) {
    const std::string prefix = BlockKey::PartitionPrefix(partition);
    AUSPEX_RETURN_IF_ERROR(writer.DeleteRange(prefix, PrefixEnd(prefix)));
  }
  return writer.Ingest();
}

}  // namespace auspex::storage
