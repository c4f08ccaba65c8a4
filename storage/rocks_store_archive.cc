#include <algorithm>
#include <vector>

#include "rocks_store.h"

// Memory holds the index of what is written to: a series that nothing was written to on this day or the one before moves into
// the archive, and comes back with its next sample.
namespace auspex::storage {
namespace {

// Moving fewer than one in so many is not worth a segment.
constexpr uint64_t kLeastPart = 16;
// Writers wait behind one slice.
constexpr size_t kSliceSeries = 2048;

}  // namespace

uint16_t RocksStore::Today() const {
  return static_cast<uint16_t>(std::clamp<int64_t>(options_.clock->NowMs() / kDayMs, 1, 0xffff));
}

bool RocksStore::ArchiveIsDue() {
  const uint16_t today = Today();
  if (today == archived_day_) return false;
  archived_day_ = today;
  return true;
}

Status RocksStore::ArchiveIdleLocked() {
  const uint16_t today = Today();
  const auto yesterday = static_cast<uint16_t>(today - 1);
  index_.SetToday(today);
  if (index_.IdleSince(yesterday).cardinality() * kLeastPart < index_.series_count()) return OkStatus();
  // What the head holds has not been seen by any flush yet.
  AUSPEX_RETURN_IF_ERROR(FlushLocked());
  const Roaring idle = index_.IdleSince(yesterday);
  std::vector<uint32_t> ordinals(idle.cardinality());
  idle.toUint32Array(ordinals.data());
  const std::span<const uint32_t> all(ordinals);
  for (size_t begin = 0; begin < all.size(); begin += SeriesArchive::kSegmentSeries) {
    const auto segment = all.subspan(begin, std::min(SeriesArchive::kSegmentSeries, all.size() - begin));
    AUSPEX_RETURN_IF_ERROR(Failed(archive_->Add(index_.EntriesOf(segment), [this] { syncer_->NoteWritten(); })));
    // From here on they are in both places; a crash leaves them there, which reads the same.
    for (size_t at = 0; at < segment.size(); at += kSliceSeries) {
      AUSPEX_RETURN_IF_ERROR(EvictSlice(segment.subspan(at, std::min(kSliceSeries, segment.size() - at)), yesterday));
    }
  }
  return OkStatus();
}

Status RocksStore::EvictSlice(std::span<const uint32_t> ordinals, uint16_t day) {
  // Nothing is resolved, written to the head or flushed meanwhile.
  const std::lock_guard append_lock(append_mu_);
  std::vector<uint32_t> leaving;
  for (const uint32_t ordinal : ordinals) {
    if (!head_->Has(ordinal) && (frozen_ == nullptr || !frozen_->Has(ordinal)) &&
        !histograms_.MayHave(ordinal, kMinTimeMs, kMaxTimeMs + 1)) {
      leaving.push_back(ordinal);
    }
  }
  std::vector<uint32_t> series;
  std::vector<uint32_t> symbols;
  index_.Evict(leaving, day, series, symbols);
  rocksdb::WriteBatch batch;
  const auto remove = [&](Family family, std::span<const uint32_t> numbers) {
    IndexRowWriter removed;
    for (const uint32_t number : numbers) removed.AddRemoved(number);
    PutIndexRows(family, removed, batch);
  };
  remove(Family::kSeries, series);
  remove(Family::kSymbols, symbols);
  AUSPEX_RETURN_IF_ERROR(Failed(FromRocks(rocks_->db().Write(rocksdb::WriteOptions(), &batch), "archive")));
  syncer_->NoteWritten();
  return OkStatus();
}

Status RocksStore::DropDeadArchive() {
  if (archive_->empty()) return OkStatus();
  Roaring live;
  for (const auto& [name, series] : active_) live |= *series;  // changed only under maintenance_mu_, which we hold
  return Failed(archive_->DropAllBut(live, [this] { syncer_->NoteWritten(); }));
}

Roaring RocksStore::ArchivedOf(TenantId tenant, const Roaring& series) const {
  return archive_->empty() ? Roaring() : series - index_.InMemory(tenant);
}

Result<std::vector<SeriesId>> RocksStore::MatchArchived(const SelectRequest& request) const {
  if (archive_->empty()) return std::vector<SeriesId>();
  std::vector<std::shared_ptr<const Roaring>> with_blocks;
  {
    const std::shared_lock head_lock(head_mu_);
    for (const auto& [name, series] : active_) {
      if (name.tenant == request.tenant && name.partition.Overlaps(request.begin_ms, request.end_ms))
        with_blocks.push_back(series);
    }
  }
  Roaring candidates;
  for (const auto& series : with_blocks) candidates |= *series;
  candidates -= index_.InMemory(request.tenant);
  return archive_->Match(request.tenant, request.matchers, candidates);
}

}  // namespace auspex::storage
