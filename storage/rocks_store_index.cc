#include <algorithm>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "rocks_store.h"

// The rows of the index: read at open, added to by writers, tidied up behind them.
namespace auspex::storage {
namespace {

// From a disk that is slow to answer, in pieces that hide it.
constexpr size_t kReadaheadBytes = size_t{1} << 20;
// Writers wait behind one batch.
constexpr size_t kTidyBatchBytes = size_t{256} << 10;
constexpr size_t kTidyBatchRows = 4096;
// Smaller rows are put together; so many of them, or so many numbers that name nothing any more, are not worth the work.
constexpr size_t kSmallRowBytes = size_t{8} << 10;
constexpr uint64_t kFewRows = 256;
constexpr uint64_t kFewEntries = 8192;

}  // namespace

Status RocksStore::LoadIndex() {
  // What is found wrong is told afterwards: the two go on at the same time.
  struct Loaded {
    Status first;                        // that failed
    std::vector<std::string> lost_keys;  // of rows that cannot be read
    IndexRows rows;
    uint64_t end = 0;  // above the last number
  };
  const auto load = [&](Family family, const auto& load_row) {
    Loaded loaded;
    rocksdb::ReadOptions read;
    read.fill_cache = false;
    read.readahead_size = kReadaheadBytes;
    const std::unique_ptr<rocksdb::Iterator> it(rocks_->db().NewIterator(read, rocks_->family(family)));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      const auto number = ReadIndexRowKey(FamilyName(family), AsView(it->key()));
      Result<size_t> entries = number.ok() ? load_row(AsView(it->value())) : number.status();
      if (number.ok()) loaded.end = *number + 1;
      if (entries.ok()) {
        loaded.rows += IndexRows{1, *entries, it->value().size()};
        continue;
      }
      Status status = entries.status();
      if (loaded.first.ok()) loaded.first = std::move(status);
      loaded.lost_keys.push_back(it->key().ToString());
    }
    if (loaded.first.ok()) loaded.first = FromRocks(it->status(), FamilyName(family));
    return loaded;
  };
  const bool two_threads = options_.threads > 1;
  Loaded symbols;
  const auto load_symbols = [&] {
    symbols = load(Family::kSymbols, [&](std::string_view row) { return index_.LoadSymbols(row); });
  };
  std::thread other;
  if (two_threads) {
    other = std::thread(load_symbols);
  } else {
    load_symbols();
  }
  Loaded series = load(Family::kSeries, [&](std::string_view row) { return index_.LoadSeries(row); });
  if (other.joinable()) other.join();
  index_.FinishLoading(two_threads, [&](uint32_t ordinal, const Status& status) {
    if (series.first.ok()) series.first = status;
    lost_series_.push_back(ordinal);
  });
  AUSPEX_RETURN_IF_ERROR(Damaged(symbols.first));
  AUSPEX_RETURN_IF_ERROR(Damaged(series.first));
  lost_index_rows_ = {{Family::kSymbols, std::move(symbols.lost_keys)}, {Family::kSeries, std::move(series.lost_keys)}};
  index_rows_ = {{Family::kSymbols, symbols.rows}, {Family::kSeries, series.rows}};
  next_index_row_ = std::max({symbols.end, series.end, uint64_t{1}});
  index_.Reserve(archive_->ordinals_end());
  return OkStatus();
}

void RocksStore::DropLostIndex(rocksdb::WriteBatch& batch) {
  for (const auto& [family, keys] : lost_index_rows_) {
    for (const std::string& key : keys) AUSPEX_CHECK(batch.Delete(rocks_->family(family), key).ok());
  }
  IndexRowWriter removed;
  for (const uint32_t ordinal : lost_series_) removed.AddRemoved(ordinal);
  PutIndexRows(Family::kSeries, removed, batch);
}

void RocksStore::PutIndexRows(Family family, IndexRowWriter& writer, rocksdb::WriteBatch& batch) {
  const uint64_t entries = writer.entries_count();
  if (entries == 0) return;
  IndexRows& rows = index_rows_[family];
  rows.entries += entries;
  for (const std::string& row : writer.Take()) {
    rows += {1, 0, row.size()};
    AUSPEX_CHECK(batch.Put(rocks_->family(family), IndexRowKey(next_index_row_++), row).ok());
  }
}

Status RocksStore::TidyIndexLocked() {
  const std::pair<Family, uint64_t> families[] = {{Family::kSymbols, index_.symbols_count()},
                                                  {Family::kSeries, index_.series_count()}};
  for (const auto& [family, live] : families) {
    IndexRows rows;
    {
      const std::lock_guard append_lock(append_mu_);
      rows = index_rows_[family];
    }
    if (rows.entries > 2 * live + kFewEntries || rows.rows > kFewRows + rows.bytes / kSmallRowBytes) {
      AUSPEX_RETURN_IF_ERROR(TidyIndexFamily(family));
    }
  }
  return OkStatus();
}

Status RocksStore::TidyIndexFamily(Family family) {
  // Series leave memory only under maintenance_mu_, which we hold: what is gone stays gone until it has a new row. A row that
  // says what has left is not needed any more when every row before it has nothing that has left: they are taken in their
  // order.
  const auto left_of = [&](std::string_view row, IndexRowWriter& left) {
    return family == Family::kSymbols ? index_.SymbolsLeft(row, left) : index_.SeriesLeft(row, left);
  };
  IndexRowWriter left;
  std::vector<std::string> old_keys;
  IndexRows old;
  const auto write = [&]() -> Status {
    rocksdb::WriteBatch batch;
    const std::lock_guard append_lock(append_mu_);
    PutIndexRows(family, left, batch);
    for (const std::string& key : old_keys) AUSPEX_CHECK(batch.Delete(rocks_->family(family), key).ok());
    AUSPEX_RETURN_IF_ERROR(Failed(FromRocks(rocks_->db().Write(rocksdb::WriteOptions(), &batch), "index")));
    syncer_->NoteWritten();
    index_rows_[family] -= old;
    old_keys.clear();
    old = {};
    return OkStatus();
  };
  std::string end;
  {
    const std::lock_guard append_lock(append_mu_);
    end = IndexRowKey(next_index_row_);
  }
  const rocksdb::Slice upper(end);
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  read.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(rocks_->db().NewIterator(read, rocks_->family(family)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const std::string_view row = AsView(it->value());
    size_t entries = 0;
    if (IsRemovalRow(row)) {
      AUSPEX_RETURN_IF_ERROR(VisitRemoved(row, [&](uint32_t /*number*/) { ++entries; }));
    } else {
      IndexRowWriter own;
      AUSPEX_ASSIGN_OR_RETURN(const size_t gone, left_of(row, own));
      if (gone == 0 && row.size() >= kSmallRowBytes) continue;
      entries = gone + own.entries_count();
      AUSPEX_RETURN_IF_ERROR(left_of(row, left).status());
    }
    old += {1, entries, row.size()};
    old_keys.push_back(it->key().ToString());
    if (left.bytes() >= kTidyBatchBytes || old_keys.size() >= kTidyBatchRows) AUSPEX_RETURN_IF_ERROR(write());
  }
  AUSPEX_RETURN_IF_ERROR(FromRocks(it->status(), FamilyName(family)));
  return old_keys.empty() ? OkStatus() : write();
}

}  // namespace auspex::storage
