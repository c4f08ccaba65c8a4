#include "coarse_table.h"

#include "base/bytes.h"

namespace auspex::storage {

Status WhereCoarse(Tier tier, const BlockKey& key, const Status& status) {
  return Status(status.code(), fmt::format("{} block {}: {}", FamilyName(FamilyOf(tier)), key.ToString(), status.message()));
}

std::string CoarseTable::RowKey(Partition partition) {
  return std::string(kCoarsePrefix) + BlockKey::PartitionPrefix(partition);
}

std::string CoarseTable::EncodeRow(State state) {
  std::string row;
  AppendFixed(row, state.tiers);
  AppendFixed(row, static_cast<uint8_t>(state.samples_gone ? 1 : 0));
  return row;
}

Result<std::pair<Partition, CoarseTable::State>> CoarseTable::DecodeRow(std::string_view key, std::string_view value) {
  const auto partition = DecodePartition(key.substr(std::min(key.size(), kCoarsePrefix.size())));
  if (!partition) return Corruption("state: key of {} bytes names no partition of summaries", key.size());
  ByteReader reader(value);
  State state;
  state.tiers = reader.Byte();
  const uint8_t gone = reader.Byte();
  if (!reader.Done() || state.tiers == 0 || (state.tiers & ~kAllTiers) != 0 || gone > 1) {
    return Corruption("summaries of partition day {}+{}: {} bytes are not their state", partition->begin_day, partition->days,
                      value.size());
  }
  state.samples_gone = gone == 1;
  return std::pair(*partition, state);
}

Status CoarseTable::Load(const Rocks& rocks) {
  const std::unique_ptr<rocksdb::Iterator> it(rocks.db().NewIterator(rocksdb::ReadOptions(), rocks.family(Family::kState)));
  for (it->Seek(AsSlice(kCoarsePrefix)); it->Valid() && it->key().starts_with(AsSlice(kCoarsePrefix)); it->Next()) {
    AUSPEX_ASSIGN_OR_RETURN(const auto row, DecodeRow(AsView(it->key()), AsView(it->value())));
    states_[row.first] = row.second;
  }
  return FromRocks(it->status(), "state");
}

int64_t CoarseTable::EndMs() const {
  int64_t end_ms = std::numeric_limits<int64_t>::min();
  for (const auto& [partition, state] : states_) end_ms = std::max(end_ms, partition.end_ms());
  return end_ms;
}

CoarseReader::CoarseReader(const Rocks& rocks, Tier tier, const rocksdb::Snapshot* snapshot) : tier_(tier) {
  rocksdb::ReadOptions read;
  read.snapshot = snapshot;
  iterator_.reset(rocks.db().NewIterator(read, rocks.family(FamilyOf(tier))));
}

Status CoarseReader::ReadInto(Partition partition, TenantId tenant, SeriesId series, int64_t begin_tick_ms, int64_t end_tick_ms,
                              const DeletedRanges& deleted, std::vector<RunSummary>& out) {
  const std::string prefix = BlockKey::SeriesPrefix(partition, tenant, series);
  iterator_->Seek(prefix);
  AUSPEX_RETURN_IF_ERROR(FromRocks(iterator_->status(), FamilyName(FamilyOf(tier_))));
  if (!iterator_->Valid() || !iterator_->key().starts_with(prefix)) return OkStatus();
  const auto key = BlockKey::Decode(AsView(iterator_->key()));
  if (!key) return Corruption("{}: key of {} bytes", FamilyName(FamilyOf(tier_)), iterator_->key().size());
  if (const Status status = DecodeCoarseBlock(tier_, AsView(iterator_->value()), scratch_, block_); !status.ok()) {
    return WhereCoarse(tier_, *key, status);
  }
  const int64_t resolution_ms = ResolutionOf(tier_);
  for (const RunSummary& run : block_) {
    const int64_t tick_ms = TickAtOrAbove(run.t_first_ms, resolution_ms);
    if (tick_ms <= begin_tick_ms || tick_ms > end_tick_ms) continue;
    if (!deleted.Touch(key->generation, run.t_first_ms, run.t_last_ms)) out.push_back(run);
  }
  return OkStatus();
}

}  // namespace auspex::storage
