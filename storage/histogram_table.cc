#include "histogram_table.h"

#include <algorithm>
#include <limits>

namespace auspex::storage {
namespace {

constexpr size_t kMergeBatchBytes = size_t{4} << 20;

std::string StateKey(const ActiveName& name) { return std::string(kHistogramListPrefix) + ActiveKey(name); }

Status Where(const BlockKey& key, const Status& status) {
  return Status(status.code(), fmt::format("histogram block {}: {}", key.ToString(), status.message()));
}

// A block as it lies in the family.
struct StoredBlock {
  BlockKey key;
  std::string bytes;
  int64_t tmax_ms = 0;
  size_t samples_count = 0;
};

// The blocks under a prefix, in order of key. Errors: Corruption, IoError.
Status CollectBlocks(rocksdb::Iterator& it, const std::string& prefix, std::vector<StoredBlock>& out) {
  out.clear();
  for (it.Seek(prefix); it.Valid() && it.key().starts_with(prefix); it.Next()) {
    const auto key = BlockKey::Decode(AsView(it.key()));
    if (!key) return Corruption("histograms: key of {} bytes, expected {}", it.key().size(), BlockKey::kBytes);
    StoredBlock block{*key, it.value().ToString()};
    const auto view = HistogramBlockView::Parse(block.bytes);
    if (!view.ok()) return Where(*key, view.status());
    block.tmax_ms = view->tmax_ms();
    block.samples_count = view->samples_count();
    out.push_back(std::move(block));
  }
  return FromRocks(it.status(), "histograms");
}

// Appends what is left of the blocks within [begin_ms, end_ms), older ones first.
Status DecodeBlocks(std::vector<StoredBlock>& blocks, int64_t begin_ms, int64_t end_ms, const DeletedRanges& deleted,
                    ValueScratch& scratch, HistogramColumns& out) {
  std::stable_sort(blocks.begin(), blocks.end(),
                   [](const StoredBlock& a, const StoredBlock& b) { return a.key.generation < b.key.generation; });
  for (const StoredBlock& block : blocks) {
    const auto view = HistogramBlockView::Parse(block.bytes);
    if (!view.ok()) return Where(block.key, view.status());
    std::vector<DeletedRanges::Kept> kept{{begin_ms, end_ms}};
    if (!deleted.empty()) kept = deleted.KeptOf(block.key.generation, begin_ms, end_ms);
    for (const DeletedRanges::Kept& range : kept) {
      const Status status = view->DecodeInto(range.begin_ms, range.end_ms, scratch, out);
      if (!status.ok()) return Where(block.key, status);
    }
  }
  return OkStatus();
}

void PutColumns(const BlockKey& series, const HistogramColumns& columns, size_t begin, size_t end, uint64_t generation,
                Effort effort, rocksdb::ColumnFamilyHandle* family, rocksdb::WriteBatch& batch) {
  const std::span<const int64_t> t_ms(columns.t_ms);
  const std::span<const HistogramPtr> histograms(columns.histograms);
  while (begin < end) {
    const size_t n = HistogramsForBlock(histograms.subspan(begin, end - begin));
    BlockKey key = series;
    key.tmin_ms = t_ms[begin];
    key.generation = generation;
    const std::string block = EncodeHistogramBlock(t_ms.subspan(begin, n), histograms.subspan(begin, n), effort);
    AUSPEX_CHECK(batch.Put(family, key.Encode(), block).ok());
    begin += n;
  }
}

// The first of the blocks, in order of time, from which on it pays to merge; their number when none is.
size_t FirstToMerge(const std::vector<StoredBlock>& blocks) {
  for (size_t i = 0; i + 1 < blocks.size(); ++i) {
    const bool full = blocks[i].samples_count >= kHistogramBlockSamples / 2;
    if (!full || blocks[i].tmax_ms >= blocks[i + 1].key.tmin_ms) return i;
  }
  return blocks.size();
}

// Both in order of time; where both have a sample the histogram counts.
void LayOver(const HistogramColumns& histograms, SampleColumns& out) {
  SampleColumns merged;
  size_t i = 0;
  for (size_t j = 0; j < histograms.size(); ++j) {
    for (; i < out.t_ms.size() && out.t_ms[i] < histograms.t_ms[j]; ++i) merged.Push(out.t_ms[i], out.values[i]);
    if (i < out.t_ms.size() && out.t_ms[i] == histograms.t_ms[j]) ++i;
    merged.Push(histograms.t_ms[j], HistogramMarker(), histograms.histograms[j]);
  }
  for (; i < out.t_ms.size(); ++i) merged.Push(out.t_ms[i], out.values[i]);
  out = std::move(merged);
}

}  // namespace

bool HistogramSelection::Has(uint32_t ordinal) const {
  return pins.count(ordinal) != 0 ||
         std::any_of(partitions.begin(), partitions.end(), [&](const auto& one) { return one.second->contains(ordinal); });
}

HistogramReader::HistogramReader(const Rocks& rocks, const rocksdb::Snapshot* snapshot, const HistogramSelection& selection)
    : selection_(selection) {
  if (selection.partitions.empty()) return;
  rocksdb::ReadOptions read;
  read.snapshot = snapshot;
  iterator_.reset(rocks.db().NewIterator(read, rocks.family(Family::kHistograms)));
}

Status HistogramReader::ReadOver(TenantId tenant, SeriesId series, int64_t begin_ms, int64_t end_ms,
                                 const DeletedRanges& deleted, SampleColumns& out) {
  columns_.Clear();
  std::vector<StoredBlock> blocks;
  for (const auto& [partition, with_blocks] : selection_.partitions) {
    if (!with_blocks->contains(series.ordinal)) continue;
    AUSPEX_RETURN_IF_ERROR(CollectBlocks(*iterator_, BlockKey::SeriesPrefix(partition, tenant, series), blocks));
    AUSPEX_RETURN_IF_ERROR(DecodeBlocks(blocks, begin_ms, end_ms, deleted, scratch_, columns_));
  }
  if (const auto at = selection_.pins.find(series.ordinal); at != selection_.pins.end()) {
    at->second.frozen.ReadInto(begin_ms, end_ms, columns_);
    at->second.head.ReadInto(begin_ms, end_ms, columns_);
  }
  if (columns_.empty()) return OkStatus();
  SortAndKeepLast(columns_);
  LayOver(columns_, out);
  return OkStatus();
}

Status HistogramTable::Load(const Rocks& rocks) {
  const std::unique_ptr<rocksdb::Iterator> it(rocks.db().NewIterator(rocksdb::ReadOptions(), rocks.family(Family::kState)));
  for (it->Seek(AsSlice(kHistogramListPrefix)); it->Valid() && it->key().starts_with(AsSlice(kHistogramListPrefix));
       it->Next()) {
    const auto name = DecodeActiveKey(AsView(it->key()).substr(kHistogramListPrefix.size()));
    if (!name) return Corruption("state: key of {} bytes is no list of histograms", it->key().size());
    try {
      active_[*name] = std::make_shared<const Roaring>(Roaring::readSafe(it->value().data(), it->value().size()));
    } catch (const std::exception& e) {
      return Corruption("series with histograms of partition day {}+{}: {}", name->partition.begin_day, name->partition.days,
                        e.what());
    }
  }
  return FromRocks(it->status(), "state");
}

void HistogramTable::Freeze() {
  frozen_ = std::move(head_);
  head_ = std::make_shared<HistogramHead>();
}

void HistogramTable::FinishFlush() {
  for (auto& [name, series] : flushed_) active_[name] = std::move(series);
  flushed_.clear();
  frozen_.reset();
}

void HistogramTable::Expire(Partition partition) {
  std::erase_if(active_, [&](const auto& one) { return one.first.partition == partition; });
}

bool HistogramTable::MayHave(uint32_t ordinal, int64_t begin_ms, int64_t end_ms) const {
  return head_->MayHave(ordinal, begin_ms, end_ms) || (frozen_ != nullptr && frozen_->MayHave(ordinal, begin_ms, end_ms));
}

std::shared_ptr<const HistogramSelection> HistogramTable::Select(const SelectRequest& request, const Roaring& series) const {
  auto selection = std::make_shared<HistogramSelection>();
  for (const auto& [name, with_blocks] : active_) {
    if (name.tenant != request.tenant || !name.partition.Overlaps(request.begin_ms, request.end_ms)) continue;
    if (with_blocks->intersect(series)) selection->partitions.emplace_back(name.partition, with_blocks);
  }
  const auto pin = [&](const HistogramHead& head, HistogramPin HistogramSelection::Pins::*which) {
    if (head.empty()) return;
    for (const uint32_t ordinal : head.Ordinals()) {
      if (series.contains(ordinal)) selection->pins[ordinal].*which = head.Pin(ordinal);
    }
  };
  if (frozen_ != nullptr) pin(*frozen_, &HistogramSelection::Pins::frozen);
  pin(*head_, &HistogramSelection::Pins::head);
  if (selection->partitions.empty() && selection->pins.empty()) return nullptr;
  return selection;
}

Status HistogramTable::PutBlocks(const SeriesIndex& index, const Partitioning& partitioning, uint64_t generation,
                                 int64_t oldest_ms, const Rocks& rocks, rocksdb::WriteBatch& batch,
                                 std::map<ActiveName, Roaring>& seen, const std::function<Status()>& after_series) {
  flushed_.clear();
  if (frozen_ == nullptr || frozen_->empty()) return OkStatus();
  std::map<ActiveName, Roaring> with_histograms;
  HistogramColumns columns;
  for (const uint32_t ordinal : frozen_->Ordinals()) {
    columns.Clear();
    frozen_->Pin(ordinal).ReadInto(oldest_ms, std::numeric_limits<int64_t>::max(), columns);
    SortAndKeepLast(columns);
    const TenantId tenant = index.TenantOf(ordinal);
    for (size_t begin = 0; begin < columns.size();) {
      const Partition partition = partitioning.Of(columns.t_ms[begin]);
      const auto end = static_cast<size_t>(
          std::lower_bound(columns.t_ms.begin() + static_cast<ptrdiff_t>(begin), columns.t_ms.end(), partition.end_ms()) -
          columns.t_ms.begin());
      const BlockKey key{partition, tenant, index.IdOf(ordinal), columns.t_ms[begin], generation};
      PutColumns(key, columns, begin, end, generation, Effort::kFast, rocks.family(Family::kHistograms), batch);
      with_histograms[{partition, tenant}].add(ordinal);
      begin = end;
    }
    AUSPEX_RETURN_IF_ERROR(after_series());
  }
  for (auto& [name, series] : with_histograms) {
    seen[name] |= series;
    if (const auto before = active_.find(name); before != active_.end()) series |= *before->second;
    AUSPEX_CHECK(batch.Put(rocks.family(Family::kState), StateKey(name), SerializeOrdinals(series)).ok());
    flushed_[name] = std::make_shared<const Roaring>(std::move(series));
  }
  return OkStatus();
}

Status HistogramTable::MergeBlocks(const Rocks& rocks, uint64_t generation, const Tombstones& deleted) const {
  constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  rocksdb::ColumnFamilyHandle* const family = rocks.family(Family::kHistograms);
  const std::unique_ptr<rocksdb::Iterator> keys(rocks.db().NewIterator(rocksdb::ReadOptions(), family));
  const std::unique_ptr<rocksdb::Iterator> blocks_of(rocks.db().NewIterator(rocksdb::ReadOptions(), family));
  rocksdb::WriteBatch batch;
  const auto write = [&] {
    const Status status = FromRocks(rocks.db().Write(rocksdb::WriteOptions(), &batch), "merge of histograms");
    batch.Clear();
    return status;
  };
  std::vector<StoredBlock> blocks;
  HistogramColumns columns;
  ValueScratch scratch;
  for (keys->SeekToFirst(); keys->Valid();) {
    const auto series = BlockKey::Decode(AsView(keys->key()));
    if (!series) return Corruption("histograms: key of {} bytes, expected {}", keys->key().size(), BlockKey::kBytes);
    const std::string prefix = BlockKey::SeriesPrefix(series->partition, series->tenant, series->series);
    AUSPEX_RETURN_IF_ERROR(CollectBlocks(*blocks_of, prefix, blocks));
    keys->Seek(PrefixEnd(prefix));
    const DeletedRanges gone = deleted.Of(series->tenant, series->series.ordinal);
    const bool touched = std::any_of(blocks.begin(), blocks.end(), [&](const StoredBlock& block) {
      return gone.Touch(block.key.generation, block.key.tmin_ms, block.tmax_ms);
    });
    const size_t first = touched ? 0 : FirstToMerge(blocks);
    if (first == blocks.size()) continue;
    blocks.erase(blocks.begin(), blocks.begin() + static_cast<ptrdiff_t>(first));
    columns.Clear();
    AUSPEX_RETURN_IF_ERROR(DecodeBlocks(blocks, kFirst, kEnd, gone, scratch, columns));
    SortAndKeepLast(columns);
    for (const StoredBlock& block : blocks) AUSPEX_CHECK(batch.Delete(family, block.key.Encode()).ok());
    PutColumns(*series, columns, 0, columns.size(), generation, Effort::kDense, family, batch);
    // Old and new blocks of a series change places in one write.
    if (batch.GetDataSize() >= kMergeBatchBytes) AUSPEX_RETURN_IF_ERROR(write());
  }
  AUSPEX_RETURN_IF_ERROR(FromRocks(keys->status(), "histograms"));
  return batch.Count() == 0 ? OkStatus() : write();
}

void HistogramTable::DeletePartition(const Rocks& rocks, Partition partition, rocksdb::WriteBatch& batch) const {
  const std::string prefix = BlockKey::PartitionPrefix(partition);
  AUSPEX_CHECK(batch.DeleteRange(rocks.family(Family::kHistograms), prefix, PrefixEnd(prefix)).ok());
  for (const auto& [name, series] : active_) {
    if (name.partition == partition) AUSPEX_CHECK(batch.Delete(rocks.family(Family::kState), StateKey(name)).ok());
  }
}

}  // namespace auspex::storage
