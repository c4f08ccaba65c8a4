#include "block_cache.h"

#include <algorithm>
#include <limits>

#include <xxhash.h>

#include "kernels.h"
#include "merge.h"

namespace auspex::storage {
namespace {

// Of an entry, beside the block: two list pointers, the name twice, the map's slot.
constexpr uint64_t kEntryBytes = 160;

}  // namespace

std::shared_ptr<const DecodedBlock> DecodedBlock::Keep(const SampleColumns& columns, size_t first, size_t count) {
  const std::shared_ptr<DecodedBlock> block(new DecodedBlock());
  const std::span<const int64_t> t_ms = std::span<const int64_t>(columns.t_ms).subspan(first, count);
  const std::span<const double> values = std::span<const double>(columns.values).subspan(first, count);
  block->first_ = first;
  block->covered_begin_ms_ = first == 0 ? std::numeric_limits<int64_t>::min() : columns.t_ms[first - 1] + 1;
  block->covered_end_ms_ =
      first + count == columns.t_ms.size() ? std::numeric_limits<int64_t>::max() : columns.t_ms[first + count];
  block->values_.assign(values.begin(), values.end());
  block->first_ms_ = t_ms.front();
  const int64_t step_ms = t_ms.size() > 1 ? t_ms[1] - t_ms[0] : 1;
  bool regular = true;
  for (size_t i = 1; i < t_ms.size(); ++i) regular &= t_ms[i] - t_ms[i - 1] == step_ms;
  if (regular) {
    block->step_ms_ = step_ms;
  } else {
    block->t_ms_.assign(t_ms.begin(), t_ms.end());
  }
  return block;
}

Result<std::shared_ptr<const DecodedBlock>> DecodedBlock::Decode(const BlockView& view, BlockScratch& scratch) {
  AUSPEX_RETURN_IF_ERROR(view.Decode(scratch, scratch.columns));
  return Keep(scratch.columns, 0, view.samples_count());
}

Result<std::shared_ptr<const DecodedBlock>> DecodedBlock::DecodePart(const BlockView& view, int64_t begin_ms, int64_t end_ms,
                                                                     const DecodedBlock* known, BlockScratch& scratch) {
  AUSPEX_RETURN_IF_ERROR(view.Decode(scratch, scratch.columns));
  const std::span<const int64_t> t(scratch.columns.t_ms);
  auto first = static_cast<size_t>(std::lower_bound(t.begin(), t.end(), begin_ms) - t.begin());
  auto end = static_cast<size_t>(std::lower_bound(t.begin(), t.end(), end_ms) - t.begin());
  first = std::min(first, t.size() - 1);
  end = std::max(end, first + 1);
  if (known != nullptr) first = std::min(first, known->first_);
  if (known != nullptr) end = std::max(end, known->first_ + known->values_.size());
  first -= first % kPartSamples;
  end = std::min(t.size(), (end + kPartSamples - 1) / kPartSamples * kPartSamples);
  return Keep(scratch.columns, first, end - first);
}

size_t DecodedBlock::LowerBound(int64_t t_ms) const {
  if (step_ms_ == 0) return static_cast<size_t>(std::lower_bound(t_ms_.begin(), t_ms_.end(), t_ms) - t_ms_.begin());
  if (t_ms <= first_ms_) return 0;
  // Unsigned: the ends of time are further apart than a signed number holds.
  const uint64_t behind = static_cast<uint64_t>(t_ms) - static_cast<uint64_t>(first_ms_);
  const auto step = static_cast<uint64_t>(step_ms_);
  return static_cast<size_t>(std::min<uint64_t>((behind - 1) / step + 1, values_.size()));
}

void DecodedBlock::ReadOver(int64_t begin_ms, int64_t end_ms, SampleColumns& out) const {
  const size_t begin = LowerBound(begin_ms);
  const size_t end = LowerBound(end_ms);
  if (begin >= end) return;
  const std::span<const double> values = std::span<const double>(values_).subspan(begin, end - begin);
  if (step_ms_ == 0) {
    MergeOver(out, std::span<const int64_t>(t_ms_).subspan(begin, end - begin), values);
    return;
  }
  const int64_t first_ms = first_ms_ + static_cast<int64_t>(begin) * step_ms_;
  const size_t before = out.t_ms.size();
  if (before == 0 || out.t_ms.back() < first_ms) {
    out.t_ms.resize(before + values.size());
    FillLine(first_ms, step_ms_, values.size(), out.t_ms.data() + before);
    out.values.insert(out.values.end(), values.begin(), values.end());
    return;
  }
  std::vector<int64_t> t_ms(values.size());
  FillLine(first_ms, step_ms_, values.size(), t_ms.data());
  MergeOver(out, t_ms, values);
}

size_t BlockCache::Hash::operator()(const DecodedName& name) const {
  const std::array<uint64_t, 5> parts = {(uint64_t{name.key.series.group} << 32) | name.key.series.ordinal,
                                         static_cast<uint64_t>(name.key.tmin_ms), name.key.generation,
                                         (uint64_t{name.key.tenant} << 32) | name.checksum,
                                         (static_cast<uint64_t>(name.key.partition.begin_day) << 8) | name.key.partition.days};
  return XXH3_64bits(parts.data(), sizeof(parts));
}

uint64_t BlockCache::Cost(const DecodedBlock& block) { return block.bytes() + kEntryBytes; }

std::shared_ptr<const DecodedBlock> BlockCache::Find(const DecodedName& name) {
  Shard& shard = ShardOf(name);
  const std::lock_guard lock(shard.mu);
  const auto found = shard.at.find(name);
  if (found == shard.at.end()) return nullptr;
  shard.entries.splice(shard.entries.end(), shard.entries, found->second);
  return found->second->block;
}

bool BlockCache::HasRoom(const DecodedName& name, uint64_t bytes) {
  Shard& shard = ShardOf(name);
  const std::lock_guard lock(shard.mu);
  return shard.bytes + bytes + kEntryBytes <= shard_limit_bytes_;
}

void BlockCache::Put(const DecodedName& name, std::shared_ptr<const DecodedBlock> block) {
  const uint64_t cost = Cost(*block);
  if (cost > shard_limit_bytes_) return;
  Shard& shard = ShardOf(name);
  const std::lock_guard lock(shard.mu);
  if (const auto old = shard.at.find(name); old != shard.at.end()) {
    shard.bytes -= Cost(*old->second->block);
    shard.entries.erase(old->second);
    shard.at.erase(old);
  }
  shard.entries.push_back({name, std::move(block)});
  shard.at.emplace(name, std::prev(shard.entries.end()));
  shard.bytes += cost;
  while (shard.bytes > shard_limit_bytes_) {
    const Entry& oldest = shard.entries.front();
    shard.bytes -= Cost(*oldest.block);
    shard.at.erase(oldest.name);
    shard.entries.pop_front();
  }
}

uint64_t BlockCache::bytes() const {
  uint64_t bytes = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mu);
    bytes += shard.bytes;
  }
  return bytes;
}

}  // namespace auspex::storage
