#include <algorithm>

#include "base/bytes.h"
#include "coarse_writer.h"
#include "purge.h"
#include "rocks_store.h"

// Deletion by matcher. A tombstone in `state` hides the samples of its series in every block that is older than it, at once;
// seals leave them out of what they write, and afterwards rewrite what is left. What the head holds is flushed first, so that
// its samples have an age.
namespace auspex::storage {

std::shared_ptr<const Tombstones> RocksStore::DeletedNow() const {
  const std::shared_lock head_lock(head_mu_);
  if (deleted_ != nullptr) return deleted_;
  return std::make_shared<const Tombstones>(std::vector<std::shared_ptr<const Tombstone>>());
}

void RocksStore::PublishTombstones(std::vector<std::shared_ptr<const Tombstone>> all) {
  std::shared_ptr<const Tombstones> next;
  if (!all.empty()) next = std::make_shared<const Tombstones>(std::move(all));
  const std::unique_lock head_lock(head_mu_);
  deleted_ = std::move(next);
}

Status RocksStore::LoadTombstones() {
  const std::string end = PrefixEnd(std::string(kTombstonePrefix));
  const rocksdb::Slice upper(end);
  rocksdb::ReadOptions read;
  read.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(rocks_->db().NewIterator(read, rocks_->family(Family::kState)));
  std::vector<std::shared_ptr<const Tombstone>> all;
  for (it->Seek(AsSlice(kTombstonePrefix)); it->Valid(); it->Next()) {
    AUSPEX_ASSIGN_OR_RETURN(Tombstone tombstone, DecodeTombstone(AsView(it->key()), AsView(it->value())));
    all.push_back(std::make_shared<const Tombstone>(std::move(tombstone)));
  }
  PublishTombstones(std::move(all));
  return FromRocks(it->status(), "tombstones");
}

Result<uint64_t> RocksStore::Delete(const SelectRequest& request) {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckOpen());
  if (failed_) return CheckWritable();  // but a full disk is no reason not to delete
  if (request.begin_ms >= request.end_ms) return uint64_t{0};
  const std::lock_guard maintenance(maintenance_mu_);
  AUSPEX_ASSIGN_OR_RETURN(Roaring series, MatchingSeries(Clamped(request, Oldest().Least())));
  if (series.isEmpty()) return uint64_t{0};
  AUSPEX_RETURN_IF_ERROR(FlushHeadOf(series, request));
  auto tombstone = std::make_shared<Tombstone>();
  tombstone->generation = ++generation_;
  tombstone->tenant = request.tenant;
  tombstone->begin_ms = std::max(request.begin_ms, kMinTimeMs);
  tombstone->end_ms = std::min(request.end_ms, kMaxTimeMs + 1);
  tombstone->series = std::move(series);
  AUSPEX_RETURN_IF_ERROR(Failed(WriteTombstone(tombstone)));
  return tombstone->series.cardinality();
}

Status RocksStore::FlushHeadOf(const Roaring& series, const SelectRequest& request) {
  const auto in_head = [&] {
    const std::shared_lock head_lock(head_mu_);
    return std::any_of(series.begin(), series.end(), [&](uint32_t ordinal) {
      return head_->MayHave(ordinal, request.begin_ms, request.end_ms) ||
             (frozen_ != nullptr && frozen_->MayHave(ordinal, request.begin_ms, request.end_ms)) ||
             histograms_.MayHave(ordinal, request.begin_ms, request.end_ms);
    });
  };
  if (!in_head()) return OkStatus();
  // A head that an earlier flush failed to write is the first to go, and the present one the second.
  const bool left_over = [&] {
    const std::shared_lock head_lock(head_mu_);
    return frozen_ != nullptr;
  }();
  if (left_over) AUSPEX_RETURN_IF_ERROR(FlushLocked());
  return FlushLocked();
}

Status RocksStore::WriteTombstone(const std::shared_ptr<const Tombstone>& tombstone) {
  rocksdb::WriteBatch batch;
  rocksdb::ColumnFamilyHandle* state = rocks_->family(Family::kState);
  std::string number;
  AppendVarint(number, tombstone->generation);
  AUSPEX_CHECK(batch.Put(state, AsSlice(kGenerationKey), number).ok());
  AUSPEX_CHECK(batch.Put(state, TombstoneKey(tombstone->generation), EncodeTombstone(*tombstone)).ok());
  {
    const std::lock_guard append_lock(append_mu_);
    exemplars_.Delete(tombstone->series, tombstone->begin_ms, tombstone->end_ms, *rocks_, batch);
  }
  // Where nothing of a series is left it is not listed any more.
  ActiveSets left;
  for (const auto& [name, series] : active_) {  // changed only under maintenance_mu_, which we hold
    if (name.tenant != tombstone->tenant || name.partition.begin_ms() < tombstone->begin_ms ||
        name.partition.end_ms() > tombstone->end_ms || !series->intersect(tombstone->series)) {
      continue;
    }
    auto rest = std::make_shared<const Roaring>(*series - tombstone->series);
    AUSPEX_CHECK(batch.Put(rocks_->family(Family::kActive), ActiveKey(name), SerializeOrdinals(*rest)).ok());
    left.emplace(name, std::move(rest));
  }
  AUSPEX_RETURN_IF_ERROR(FromRocks(rocks_->db().Write(rocksdb::WriteOptions(), &batch), "deletion"));
  const uint64_t written = syncer_->NoteWritten();
  std::vector<std::shared_ptr<const Tombstone>> all = DeletedNow()->all();
  all.push_back(tombstone);
  {
    const std::unique_lock head_lock(head_mu_);
    deleted_ = std::make_shared<const Tombstones>(std::move(all));
    for (auto& [name, series] : left) active_[name] = std::move(series);
  }
  changes_.Note(tombstone->begin_ms);
  return options_.sync == SyncMode::kAlways && !options_.in_memory ? Failed(syncer_->SyncTo(written)) : OkStatus();
}

Status RocksStore::PurgeDeleted(const std::shared_ptr<const Tombstones>& deleted) {
  if (deleted->all().empty()) return OkStatus();
  AUSPEX_RETURN_IF_ERROR(TakeGeneration());
  // What is rewritten becomes younger than any deletion: one that came while `deleted` was being sealed must not miss it.
  const std::shared_ptr<const Tombstones> now = DeletedNow();
  AUSPEX_RETURN_IF_ERROR(Failed(PurgeCold(*rocks_, *now, generation_)));
  AUSPEX_RETURN_IF_ERROR(Failed(histograms_.MergeBlocks(*rocks_, generation_, *now)));
  AUSPEX_RETURN_IF_ERROR(Failed(PurgeCoarse(*rocks_, *now, generation_)));
  rocksdb::WriteBatch batch;
  for (const auto& tombstone : deleted->all()) {
    AUSPEX_CHECK(batch.Delete(rocks_->family(Family::kState), TombstoneKey(tombstone->generation)).ok());
  }
  AUSPEX_ASSIGN_OR_RETURN(ActiveSets left, LeftAfter(*deleted));
  for (const auto& [name, series] : left) {
    AUSPEX_CHECK(batch.Put(rocks_->family(Family::kActive), ActiveKey(name), SerializeOrdinals(*series)).ok());
  }
  AUSPEX_RETURN_IF_ERROR(Failed(FromRocks(rocks_->db().Write(rocksdb::WriteOptions(), &batch), "purge")));
  syncer_->NoteWritten();
  std::vector<std::shared_ptr<const Tombstone>> rest;
  for (const auto& tombstone : DeletedNow()->all()) {
    const auto purged = [&](const auto& other) { return other->generation == tombstone->generation; };
    if (std::none_of(deleted->all().begin(), deleted->all().end(), purged)) rest.push_back(tombstone);
  }
  PublishTombstones(std::move(rest));
  {
    const std::unique_lock head_lock(head_mu_);
    for (auto& [name, series] : left) active_[name] = std::move(series);
  }
  return DropDeadArchive();
}

Result<RocksStore::ActiveSets> RocksStore::LeftAfter(const Tombstones& deleted) const {
  const std::unique_ptr<rocksdb::Iterator> hot(rocks_->db().NewIterator(rocksdb::ReadOptions(), rocks_->family(Family::kHot)));
  const std::unique_ptr<rocksdb::Iterator> cold(
      rocks_->db().NewIterator(rocksdb::ReadOptions(), rocks_->family(Family::kCold)));
  const std::unique_ptr<rocksdb::Iterator> histograms(
      rocks_->db().NewIterator(rocksdb::ReadOptions(), rocks_->family(Family::kHistograms)));
  const std::unique_ptr<rocksdb::Iterator> fine(
      rocks_->db().NewIterator(rocksdb::ReadOptions(), rocks_->family(Family::kFiveMinutes)));
  const std::unique_ptr<rocksdb::Iterator> hours(
      rocks_->db().NewIterator(rocksdb::ReadOptions(), rocks_->family(Family::kHours)));
  ActiveSets left;
  for (const auto& [name, series] : active_) {
    Roaring gone;
    for (const auto& tombstone : deleted.all()) {
      if (name.tenant != tombstone->tenant || !name.partition.Overlaps(tombstone->begin_ms, tombstone->end_ms)) continue;
      for (const uint32_t ordinal : *series & tombstone->series) {
        const std::string prefix = BlockKey::SeriesPrefix(name.partition, name.tenant, index_.IdOf(ordinal));
        const auto has_blocks = [&](rocksdb::Iterator& it) {
          it.Seek(prefix);
          return it.Valid() && it.key().starts_with(prefix);
        };
        if (!has_blocks(*hot) && !has_blocks(*cold) && !has_blocks(*histograms) && !has_blocks(*fine) && !has_blocks(*hours))
          gone.add(ordinal);
      }
    }
    if (!gone.isEmpty()) left.emplace(name, std::make_shared<const Roaring>(*series - gone));
  }
  AUSPEX_RETURN_IF_ERROR(FromRocks(hot->status(), "hot"));
  AUSPEX_RETURN_IF_ERROR(FromRocks(cold->status(), "cold"));
  AUSPEX_RETURN_IF_ERROR(FromRocks(histograms->status(), "histograms"));
  AUSPEX_RETURN_IF_ERROR(FromRocks(fine->status(), "summaries"));
  AUSPEX_RETURN_IF_ERROR(FromRocks(hours->status(), "summaries"));
  return left;
}

}  // namespace auspex::storage
