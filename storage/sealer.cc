#include "sealer.h"

#include <algorithm>
#include <limits>

namespace auspex::storage {
namespace {

constexpr uint64_t kFileBytes = uint64_t{64} << 20;

Status Ingest(Rocks& rocks, const std::vector<std::string>& files) {
  if (files.empty()) return OkStatus();
  rocksdb::IngestExternalFileOptions options;
  options.move_files = true;
  options.snapshot_consistency = true;
  options.write_global_seqno = false;
  return FromRocks(rocks.db().IngestExternalFile(rocks.family(Family::kCold), files, options), "ingestion into cold");
}

std::string IngestPath(const Rocks& rocks, uint64_t number) {
  return rocks.path() + "/" + std::string(kIngestFilePrefix) + std::to_string(number) + ".sst";
}

}  // namespace

Sealer::Sealer(Rocks& rocks, uint64_t generation)
    : rocks_(rocks), generation_(generation), hot_(rocks, Family::kHot, nullptr), cold_(rocks, Family::kCold, nullptr) {}

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
  AUSPEX_RETURN_IF_ERROR(FinishFile());
  return Ingest(rocks_, files_);
}

Status Sealer::SealSeries(const BlockKey& series) {
  constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  hot_.Clear();
  AUSPEX_RETURN_IF_ERROR(hot_.Collect(series.partition, series.tenant, series.series, kFirst, kEnd));
  if (hot_.blocks().empty()) return OkStatus();
  blocks_count_ += hot_.blocks().size();
  int64_t begin_ms = hot_.blocks().front().key.tmin_ms;
  int64_t end_ms = begin_ms;
  for (const BlockReader::Collected& block : hot_.blocks()) end_ms = std::max(end_ms, block.tmax_ms + 1);

  // The cold blocks that these samples fall into, and the one before, if it still has room: blocks stay dense and disjoint.
  cold_.Clear();
  AUSPEX_RETURN_IF_ERROR(cold_.Collect(series.partition, series.tenant, series.series, kFirst, end_ms));
  SampleColumns columns;
  Edits edits;
  int64_t from_ms = begin_ms;
  for (size_t i = 0; i < cold_.blocks().size(); ++i) {
    const BlockReader::Collected& block = cold_.blocks()[i];
    const bool before = block.tmax_ms < begin_ms;
    const bool last_before = before && (i + 1 == cold_.blocks().size() || cold_.blocks()[i + 1].tmax_ms >= begin_ms);
    if (before && !(last_before && block.samples_count < kColdBlockSamples)) continue;
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
  for (size_t begin = 0; begin < columns.t_ms.size(); begin += kColdBlockSamples) {
    const size_t n = std::min(kColdBlockSamples, columns.t_ms.size() - begin);
    BlockKey key = series;
    key.tmin_ms = columns.t_ms[begin];
    key.generation = generation_;
    edits[key.Encode()] =
        EncodeBlock(std::span(columns.t_ms).subspan(begin, n), std::span(columns.values).subspan(begin, n), Effort::kDense);
  }
}

Status Sealer::WriteEdits(const Edits& edits) {
  if (writer_ != nullptr && writer_->FileSize() >= kFileBytes) AUSPEX_RETURN_IF_ERROR(FinishFile());
  if (writer_ == nullptr) {
    writer_ = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(), rocks_.OptionsOf(Family::kCold),
                                                       rocks_.family(Family::kCold));
    files_.push_back(IngestPath(rocks_, files_.size()));
    AUSPEX_RETURN_IF_ERROR(FromRocks(writer_->Open(files_.back()), files_.back()));
  }
  for (const auto& [key, block] : edits) {
    AUSPEX_RETURN_IF_ERROR(FromRocks(block ? writer_->Put(key, *block) : writer_->Delete(key), files_.back()));
  }
  return OkStatus();
}

Status Sealer::FinishFile() {
  if (writer_ == nullptr) return OkStatus();
  const Status status = FromRocks(writer_->Finish(), files_.back());
  writer_.reset();
  return status;
}

Status DeleteColdPartitions(Rocks& rocks, std::span<const Partition> partitions) {
  std::vector<Partition> sorted(partitions.begin(), partitions.end());
  std::sort(sorted.begin(), sorted.end());
  rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), rocks.OptionsOf(Family::kCold), rocks.family(Family::kCold));
  const std::string path = IngestPath(rocks, 0);
  AUSPEX_RETURN_IF_ERROR(FromRocks(writer.Open(path), path));
  for (const Partition partition : sorted) {
    const std::string prefix = BlockKey::PartitionPrefix(partition);
    AUSPEX_RETURN_IF_ERROR(FromRocks(writer.DeleteRange(prefix, PrefixEnd(prefix)), path));
  }
  AUSPEX_RETURN_IF_ERROR(FromRocks(writer.Finish(), path));
  return Ingest(rocks, {path});
}

Status RemoveIngestLeftovers(Rocks& rocks) {
  std::vector<std::string> names;
  AUSPEX_RETURN_IF_ERROR(FromRocks(rocks.env().GetChildren(rocks.path(), &names), rocks.path()));
  for (const std::string& name : names) {
    if (!name.starts_with(kIngestFilePrefix)) continue;
    AUSPEX_RETURN_IF_ERROR(FromRocks(rocks.env().DeleteFile(rocks.path() + "/" + name), name));
  }
  return OkStatus();
}

}  // namespace auspex::storage
