#include "rocks_store.h"

#include <algorithm>
#include <chrono>

#include "base/bytes.h"
#include "journal.h"
#include "sealer.h"

namespace auspex {

Result<std::unique_ptr<Store>> Store::Open(const StoreOptions& options) {
  constexpr uint64_t kLeastBudget = uint64_t{64} << 20;
  if (options.memory_budget_bytes < kLeastBudget) {
    return InvalidArgument("memory_budget_bytes: found {}, expected at least {}", options.memory_budget_bytes, kLeastBudget);
  }
  if (options.accept_data_loss && options.read_only)
    return InvalidArgument("accept_data_loss and read_only exclude each other");
  if (options.retention_ms < 0) return InvalidArgument("retention_ms: found {}, expected >= 0", options.retention_ms);
  if (options.out_of_order_window_ms < 0) {
    return InvalidArgument("out_of_order_window_ms: found {}, expected >= 0", options.out_of_order_window_ms);
  }
  for (const int64_t kept_ms : {options.retention_5m_ms, options.retention_1h_ms}) {
    if (kept_ms == 0) continue;
    if (kept_ms < options.retention_ms || (options.retention_ms == 0 && options.retention_bytes == 0)) {
      return InvalidArgument(
          "retention of summaries: found {} ms, expected more than that of samples, which is {} ms (0: for ever)", kept_ms,
          options.retention_ms);
    }
  }
  if (!options.in_memory && options.path.empty()) return InvalidArgument("path: empty, and not in_memory");
  if (options.in_memory && options.read_only) return InvalidArgument("in_memory and read_only exclude each other");
  auto store = std::make_unique<storage::RocksStore>(options);
  AUSPEX_RETURN_IF_ERROR(store->Start());
  return std::unique_ptr<Store>(std::move(store));
}

namespace storage {
namespace {

// How often the background thread looks whether a partition has expired or a day has ended.
constexpr int64_t kCarePeriodMs = 60'000;
// As many as Prometheus keeps by default, if they take no more than about a thirtieth of the memory.
constexpr uint64_t kExemplarsLimit = 100'000;
constexpr uint64_t kBudgetPerExemplar = 4'096;

}  // namespace

RocksStore::RocksStore(const StoreOptions& options)
    : options_(options),
      // A bound on bytes has to be able to drop a day, whatever the retention is.
      partitioning_(options.retention_bytes > 0 ? kDayMs : options.retention_ms),
      // Two heads may exist at once (one being flushed): together half of the budget, with RocksDB's three eighths.
      head_limit_bytes_(options.memory_budget_bytes / 5),
      // What a replay after a crash has to read: about a second.
      journal_limit_bytes_(std::min(options.memory_budget_bytes / 2, uint64_t{64} << 20)),
      exemplars_(std::min<uint64_t>(kExemplarsLimit, options.memory_budget_bytes / kBudgetPerExemplar)),
      head_(std::make_shared<Head>()),
      // As much as RocksDB has for blocks that are not decoded.
      decoded_(std::make_shared<BlockCache>(options.memory_budget_bytes / 8)) {}

RocksStore::~RocksStore() { static_cast<void>(Close()); }

Status RocksStore::Start() {
  int64_t begin_ns = options_.clock->MonotonicNs();
  const auto lap = [&] {
    const int64_t end_ns = options_.clock->MonotonicNs();
    return end_ns - std::exchange(begin_ns, end_ns);
  };
  AUSPEX_ASSIGN_OR_RETURN(rocks_, Rocks::Open(options_));
  open_times_.database = lap();
  if (!rocks_->damage().empty()) AUSPEX_RETURN_IF_ERROR(Damaged(Corruption("{}", rocks_->damage())));
  if (rocks_->writable()) AUSPEX_RETURN_IF_ERROR(RemoveIngestLeftovers(*rocks_));
  archive_ = std::make_shared<SeriesArchive>(rocks_);
  AUSPEX_RETURN_IF_ERROR(Damaged(archive_->Load()));
  index_.SetArchive(archive_.get());
  archived_day_ = Today();
  index_.SetToday(archived_day_);
  AUSPEX_RETURN_IF_ERROR(LoadIndex());
  open_times_.index = lap();
  AUSPEX_RETURN_IF_ERROR(LoadState());
  AUSPEX_RETURN_IF_ERROR(Damaged(LoadTombstones()));
  AUSPEX_RETURN_IF_ERROR(Damaged(histograms_.Load(*rocks_)));
  AUSPEX_RETURN_IF_ERROR(Damaged(coarse_.Load(*rocks_)));
  coarse_end_ms_ = std::max(kMinTimeMs, coarse_.EndMs());
  AUSPEX_RETURN_IF_ERROR(Damaged(exemplars_.Load(*rocks_)));
  index_.Reserve(exemplars_.ordinals_end());  // they may outlive their series, and must not become another's
  open_times_.state = lap();
  AUSPEX_RETURN_IF_ERROR(CheckMark());
  // Before the replay, which flushes when there is much of it.
  if (rocks_->writable()) StartSyncer();
  AUSPEX_RETURN_IF_ERROR(Replay());
  open_times_.journal = lap();
  if (!rocks_->writable()) {
    if (options_.read_only && !failed_) read_only_reason_ = "opened read-only";
    failed_ = true;
    return OkStatus();
  }
  if (!accepted_damage_.empty()) AUSPEX_RETURN_IF_ERROR(AcceptLoss());
  maintainer_ = std::thread([this] { Maintain(); });
  return OkStatus();
}

void RocksStore::StartSyncer() {
  WatchDisk();
  syncer_ = std::make_unique<WalSyncer>(
      rocks_->db(), options_.sync == SyncMode::kInterval && !options_.in_memory,
      [this] {
        WatchDisk();
        static_cast<void>(Failed(OkStatus()));  // of a sync
        MoveMark();
      },
      [this](Status status) { static_cast<void>(Failed(std::move(status))); });
}

Status RocksStore::Damaged(Status status) {
  if (status.code() != StatusCode::kCorruption && status.code() != StatusCode::kIoError) return status;
  // Opened all the same: what is there can be read, but until somebody says so nothing is written over the evidence.
  if (options_.accept_data_loss && rocks_->writable()) {
    if (accepted_damage_.empty()) accepted_damage_ = status.message();
    return OkStatus();
  }
  const std::lock_guard lock(failure_mu_);
  if (!failed_) {
    read_only_reason_ = "damaged: " + status.message();
    failed_ = true;
  }
  return OkStatus();
}

Status RocksStore::CheckMark() {
  if (options_.in_memory) return OkStatus();
  mark_ = std::make_unique<LogMark>(rocks_->env(), rocks_->path());
  const uint64_t found = rocks_->db().GetLatestSequenceNumber();
  const uint64_t synced = mark_->Read();
  if (options_.read_only || synced <= found) return OkStatus();
  return Damaged(Corruption("log: it ends at write {}, but {} had reached the disk: the end is missing", found, synced));
}

Status RocksStore::AcceptLoss() {
  // Nothing of it may be found missing again: the journal begins anew behind it, and the log ends where it ends.
  AUSPEX_RETURN_IF_ERROR(FlushLocked());
  checkpoint_ = next_sequence_ - 1;
  rocksdb::WriteBatch batch;
  std::string number;
  AppendVarint(number, checkpoint_);
  AUSPEX_CHECK(batch.Put(rocks_->family(Family::kState), AsSlice(kCheckpointKey), number).ok());
  DropLostIndex(batch);
  AUSPEX_RETURN_IF_ERROR(FromRocks(rocks_->db().Write(rocksdb::WriteOptions(), &batch), "acceptance of a loss"));
  AUSPEX_RETURN_IF_ERROR(CutJournal());
  const uint64_t sequence = rocks_->db().GetLatestSequenceNumber();
  AUSPEX_RETURN_IF_ERROR(FromRocks(rocks_->db().SyncWAL(), "acceptance of a loss"));
  return mark_->Write(sequence);
}

void RocksStore::MoveMark() {
  // Only what is known to be synced: what was written an interval ago, before the sync that came since.
  if (mark_ == nullptr || options_.sync == SyncMode::kNever || failed_) return;
  const uint64_t synced = mark_candidate_;
  mark_candidate_ = rocks_->db().GetLatestSequenceNumber();
  if (synced == 0 || (options_.sync == SyncMode::kAlways && !Failed(syncer_->SyncAll()).ok())) return;
  static_cast<void>(mark_->Write(synced));  // without it less damage is noticed, and none is done
}

Result<uint64_t> RocksStore::StoredNumber(std::string_view key) const {
  std::string bytes;
  const auto status = rocks_->db().Get(rocksdb::ReadOptions(), rocks_->family(Family::kState), AsSlice(key), &bytes);
  if (status.IsNotFound()) return 0;
  AUSPEX_RETURN_IF_ERROR(FromRocks(status, key));
  ByteReader reader(bytes);
  const uint64_t number = reader.Varint();
  if (!reader.Done()) return Corruption("state: {}: {} bytes are not a number", key, bytes.size());
  return number;
}

Result<std::pair<ActiveName, Roaring>> RocksStore::DecodeActiveRow(std::string_view key, std::string_view value) {
  const auto name = DecodeActiveKey(key);
  if (!name) return Corruption("active: key of {} bytes, expected 9", key.size());
  auto series = ParseOrdinals(value);
  if (!series.ok()) {
    return Corruption("active series of partition day {}+{}: {}", name->partition.begin_day, name->partition.days,
                      series.status().message());
  }
  return std::pair(*name, *std::move(series));
}

Status RocksStore::LoadState() {
  AUSPEX_ASSIGN_OR_RETURN(checkpoint_, StoredNumber(kCheckpointKey));
  AUSPEX_ASSIGN_OR_RETURN(generation_, StoredNumber(kGenerationKey));
  next_sequence_ = checkpoint_ + 1;
  const std::unique_ptr<rocksdb::Iterator> it(
      rocks_->db().NewIterator(rocksdb::ReadOptions(), rocks_->family(Family::kActive)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    auto row = DecodeActiveRow(AsView(it->key()), AsView(it->value()));
    AUSPEX_RETURN_IF_ERROR(Damaged(row.status()));
    if (!row.ok()) continue;
    // The numbers of series that damage took may still name blocks, and must not come to name other series.
    if (!row->second.isEmpty()) index_.Reserve(row->second.maximum() + 1);
    active_[row->first] = std::make_shared<const Roaring>(std::move(row->second));
  }
  return Damaged(FromRocks(it->status(), "active"));
}

Status RocksStore::Replay() {
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(rocks_->db().NewIterator(read, rocks_->family(Family::kJournal)));
  for (it->Seek(JournalKey(checkpoint_ + 1)); it->Valid(); it->Next()) {
    const auto sequence = DecodeJournalKey(AsView(it->key()));
    if (!sequence) {
      AUSPEX_RETURN_IF_ERROR(Damaged(Corruption("journal: key of {} bytes, expected 8", it->key().size())));
      continue;
    }
    if (*sequence != next_sequence_) {
      AUSPEX_RETURN_IF_ERROR(Damaged(Corruption("journal: records {} to {} are missing", next_sequence_, *sequence - 1)));
    }
    AUSPEX_RETURN_IF_ERROR(Damaged(ReplayRecord(*sequence, AsView(it->value()))));
    journal_bytes_ += it->value().size();
    next_sequence_ = *sequence + 1;
    // A head in use and one being flushed may have been there, or the budget was larger then.
    if (rocks_->writable() && !failed_ && frozen_ == nullptr &&
        head_->bytes() + histograms_.head_bytes() >= 2 * head_limit_bytes_) {
      // A failure has made the store read-only, or the disk is full: what was flushed in vain can be read all the same.
      static_cast<void>(FlushLocked());
    }
  }
  return Damaged(FromRocks(it->status(), "journal"));
}

Status RocksStore::ReplayRecord(uint64_t sequence, std::string_view record) {
  if (IsHistogramRecord(record)) {
    HistogramRows rows;
    AUSPEX_RETURN_IF_ERROR(DecodeHistogramRecord(sequence, record, rows));
    for (const uint32_t ordinal : rows.ordinals) {
      if (!index_.Known(ordinal)) return Corruption("journal record {}: series {} is not stored", sequence, ordinal);
    }
    histograms_.Append(rows);
    replayed_samples_ += rows.ordinals.size();
    return OkStatus();
  }
  JournalRows rows;
  AUSPEX_RETURN_IF_ERROR(DecodeJournalRecord(sequence, record, rows));
  Status lost;
  size_t kept = 0;
  if (index_.AllKnown(rows.ordinals)) kept = rows.ordinals.size();
  for (size_t i = kept; i < rows.ordinals.size(); ++i) {
    if (!index_.Known(rows.ordinals[i])) {
      lost = Corruption("journal record {}: series {} is not stored", sequence, rows.ordinals[i]);
      continue;
    }
    rows.ordinals[kept] = rows.ordinals[i];
    rows.t_ms[kept] = rows.t_ms[i];
    rows.values[kept++] = rows.values[i];
  }
  rows.ordinals.resize(kept);
  rows.t_ms.resize(kept);
  rows.values.resize(kept);
  head_->Append(rows.ordinals, rows.t_ms, rows.values);
  replayed_samples_ += kept;
  return lost;
}

Status RocksStore::CheckOpen() const { return closed_ ? FailedPrecondition("{}: closed", options_.path) : OkStatus(); }

Status RocksStore::CheckWritable() const {
  AUSPEX_RETURN_IF_ERROR(CheckOpen());
  if (failed_.load(std::memory_order_acquire)) {
    const std::lock_guard lock(failure_mu_);
    return FailedPrecondition("{}: read-only: {}", options_.path, read_only_reason_);
  }
  if (disk_full_.load(std::memory_order_relaxed)) {
    return ResourceExhausted("{}: disk full: {} bytes free, {} are kept in reserve", options_.path, rocks_->FreeBytes(),
                             rocks_->reserve_bytes());
  }
  return OkStatus();
}

Status RocksStore::Failed(Status status) {
  if (status.ok()) status = rocks_->LogError();
  if (status.ok() || status.code() == StatusCode::kResourceExhausted) {
    if (!status.ok()) disk_full_ = true;
    return status;
  }
  const std::lock_guard lock(failure_mu_);
  if (read_only_reason_.empty()) read_only_reason_ = status.ToString();
  failed_.store(true, std::memory_order_release);
  return status;
}

int64_t RocksStore::OldestMs() const {
  const int64_t coarse_ms = coarse_end_ms_.load(std::memory_order_relaxed);
  return options_.retention_ms == 0 ? coarse_ms : std::max(coarse_ms, options_.clock->NowMs() - options_.retention_ms);
}

Result<SeriesRef> RocksStore::Resolve(TenantId tenant, const Labels& labels) {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckWritable());
  if (labels.bytes().size() > SeriesIndex::kMaxLabelsBytes) {
    return InvalidArgument("labels of {} bytes: at most {}", labels.bytes().size(), SeriesIndex::kMaxLabelsBytes);
  }
  uint32_t ordinal = 0;
  AUSPEX_RETURN_IF_ERROR(index_.ResolveAll(tenant, {&labels, 1}, {&ordinal, 1}));
  return SeriesRef{uint64_t{ordinal} + 1};
}

Result<AppendReport> RocksStore::Append(const WriteBatch& batch) { return Write(batch, {}); }

Result<AppendReport> RocksStore::Commit(const Transaction& transaction) {
  return Write(transaction.samples(), transaction.changes());
}

Result<AppendReport> RocksStore::ResolveRows(const WriteBatch& samples, Rows& rows) {
  AppendReport report;
  const size_t n = samples.samples_count();
  const std::span<const Labels> labels = samples.new_series();
  std::vector<uint32_t> new_ordinals(labels.size(), SymbolTable::kAbsent);
  const auto too_large = [](const Labels& l) { return l.bytes().size() > SeriesIndex::kMaxLabelsBytes; };
  if (std::none_of(labels.begin(), labels.end(), too_large)) {
    AUSPEX_RETURN_IF_ERROR(index_.ResolveAll(samples.tenant(), labels, new_ordinals));
  } else {
    for (size_t i = 0; i < labels.size(); ++i) {
      if (too_large(labels[i])) continue;
      AUSPEX_RETURN_IF_ERROR(index_.ResolveAll(samples.tenant(), labels.subspan(i, 1), {&new_ordinals[i], 1}));
    }
  }

  rows.ordinals.resize(n);
  index_.OrdinalsOf(samples.tenant(), samples.series(), rows.ordinals);
  int64_t oldest_ms = OldestMs();
  if (options_.out_of_order_window_ms > 0) {
    oldest_ms = std::max(oldest_ms, options_.clock->NowMs() - options_.out_of_order_window_ms);
  }
  std::vector<size_t> refused;
  for (size_t i = 0; i < n; ++i) {
    const SeriesRef ref = samples.series()[i];
    const uint64_t local = ref.id & ~SeriesRef::kBatchLocal;
    if (ref.batch_local() && local < new_ordinals.size()) rows.ordinals[i] = new_ordinals[local];
    if (rows.ordinals[i] == SymbolTable::kAbsent && !ref.batch_local() && ref.id - 1 < index_.ordinals_end()) {
      AUSPEX_ASSIGN_OR_RETURN(const bool known, index_.Recall(static_cast<uint32_t>(ref.id - 1), samples.tenant()));
      if (known) rows.ordinals[i] = static_cast<uint32_t>(ref.id - 1);
    }
    const int64_t t = samples.t_ms()[i];
    if (rows.ordinals[i] != SymbolTable::kAbsent && t >= oldest_ms && t <= kMaxTimeMs) continue;
    if (refused.empty()) {
      if (rows.ordinals[i] != SymbolTable::kAbsent) {
        report.first_rejected = InvalidArgument("row {}: time {} ms: expected {} to {}", i, t, oldest_ms, kMaxTimeMs);
      } else if (!ref.batch_local()) {
        report.first_rejected =
            InvalidArgument("row {}: series ref {} is not of tenant {} in this store", i, ref.id, samples.tenant());
      } else if (local < labels.size()) {
        report.first_rejected = InvalidArgument("row {}: labels of {} bytes: at most {}", i, labels[local].bytes().size(),
                                                SeriesIndex::kMaxLabelsBytes);
      } else {
        report.first_rejected = InvalidArgument("row {}: series ref {} of a batch with {} series", i, local, labels.size());
      }
    }
    report.too_old += rows.ordinals[i] != SymbolTable::kAbsent && t < oldest_ms ? 1 : 0;
    report.unknown_series += rows.ordinals[i] == SymbolTable::kAbsent && !ref.batch_local() ? 1 : 0;
    refused.push_back(i);
  }
  report.rejected = refused.size();
  report.accepted = n - refused.size();
  rows.t_ms = samples.t_ms();
  rows.values = samples.values();
  if (!refused.empty()) {
    size_t next = 0;
    size_t kept = 0;
    for (size_t i = 0; i < n; ++i) {
      if (next < refused.size() && refused[next] == i) {
        ++next;
        continue;
      }
      rows.ordinals[kept++] = rows.ordinals[i];
      rows.kept_t_ms.push_back(samples.t_ms()[i]);
      rows.kept_values.push_back(samples.values()[i]);
    }
    rows.ordinals.resize(kept);
    rows.t_ms = rows.kept_t_ms;
    rows.values = rows.kept_values;
  }
  return report;
}

Result<AppendReport> RocksStore::Write(const WriteBatch& samples, std::span<const Transaction::Change> changes) {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckWritable());
  AppendReport report;
  uint64_t written = 0;
  for (bool done = false; !done;) {
    const uint64_t evictions = index_.evictions_count();
    Rows rows;
    AUSPEX_ASSIGN_OR_RETURN(report, ResolveRows(samples, rows));
    HistogramRows histograms;
    if (!samples.histograms().empty()) histograms = ResolveHistograms(samples, report);
    const ExemplarRows exemplars = ResolveExemplars(samples, report);
    if (rows.ordinals.empty() && histograms.empty() && changes.empty() && exemplars.ordinals.empty() &&
        samples.metadata().empty()) {
      break;
    }
    std::string record;
    if (!rows.ordinals.empty()) record = EncodeJournalRecord(rows.ordinals, rows.t_ms, rows.values);
    std::unique_lock append_lock(append_mu_);
    AUSPEX_RETURN_IF_ERROR(WaitForRoom(append_lock));
    if (index_.evictions_count() != evictions) continue;  // what was resolved may have left memory since
    AUSPEX_RETURN_IF_ERROR(WriteLocked(samples, rows, record, histograms, exemplars, changes));
    written = syncer_->NoteWritten();
    done = true;
  }
  rejected_samples_ += report.rejected;
  too_old_samples_ += report.too_old;
  if (written == 0) return report;
  appended_samples_ += report.accepted;
  if (options_.sync == SyncMode::kAlways && !options_.in_memory) AUSPEX_RETURN_IF_ERROR(Failed(syncer_->SyncTo(written)));
  return report;
}

Status RocksStore::WriteLocked(const WriteBatch& samples, const Rows& rows, std::string_view journal_record,
                               const HistogramRows& histograms, const ExemplarRows& exemplars,
                               std::span<const Transaction::Change> changes) {
  batch_.Clear();
  std::vector<uint32_t> new_series;
  IndexRowWriter symbol_rows;
  IndexRowWriter series_rows;
  const auto put_journal = [&](uint64_t sequence, std::string_view record) {
    AUSPEX_CHECK(batch_.Put(rocks_->family(Family::kJournal), JournalKey(sequence), AsSlice(record)).ok());
  };
  if (!rows.ordinals.empty()) {
    index_.Unstored(rows.ordinals, symbol_rows, series_rows, new_series);
    put_journal(next_sequence_, journal_record);
  }
  uint64_t sequences = rows.ordinals.empty() ? 0 : 1;
  uint64_t record_bytes = journal_record.size();
  if (!histograms.empty()) {
    index_.Unstored(histograms.ordinals, symbol_rows, series_rows, new_series);
    const std::string record = EncodeHistogramRecord(histograms);
    put_journal(next_sequence_ + sequences++, record);
    record_bytes += record.size();
  }
  if (!exemplars.ordinals.empty()) index_.Unstored(exemplars.ordinals, symbol_rows, series_rows, new_series);
  PutIndexRows(Family::kSymbols, symbol_rows, batch_);
  PutIndexRows(Family::kSeries, series_rows, batch_);
  PutMetadata(samples, exemplars);
  for (const Transaction::Change& change : changes) {
    const std::string key = RecordKey(samples.tenant(), change.kind, change.key);
    rocksdb::ColumnFamilyHandle* records = rocks_->family(Family::kRecords);
    AUSPEX_CHECK((change.value ? batch_.Put(records, key, *change.value) : batch_.Delete(records, key)).ok());
  }
  AUSPEX_RETURN_IF_ERROR(Failed(FromRocks(rocks_->db().Write(rocksdb::WriteOptions(), &batch_), "write to the log")));
  if (batch_.GetDataSize() > (size_t{16} << 20)) batch_ = rocksdb::WriteBatch();  // give an unusually large buffer back
  index_.MarkStored(new_series);
  if (sequences == 0) return OkStatus();
  next_sequence_ += sequences;
  journal_bytes_ += record_bytes;
  {
    const std::unique_lock head_lock(head_mu_);
    head_->Append(rows.ordinals, rows.t_ms, rows.values);
    if (!histograms.empty()) histograms_.Append(histograms);
  }
  if (!rows.ordinals.empty()) changes_.Note(*std::min_element(rows.t_ms.begin(), rows.t_ms.end()));
  if (!histograms.empty()) changes_.Note(*std::min_element(histograms.t_ms.begin(), histograms.t_ms.end()));
  return OkStatus();
}

Status RocksStore::WaitForRoom(std::unique_lock<std::mutex>& append_lock) {
  // head_ is swapped and filled under append_mu_, which we hold; only its readers use head_mu_.
  if (head_->bytes() + histograms_.head_bytes() < head_limit_bytes_ && journal_bytes_ < journal_limit_bytes_) return OkStatus();
  const auto want_flush = [&] {
    {
      const std::lock_guard lock(wake_mu_);
      flush_wanted_ = true;
    }
    wake_.notify_one();
  };
  want_flush();
  // Writers go on into the new head while the old one is flushed, and wait only when both are full: also when the flush is over
  // and its journal is still being cut.
  const auto full = [&] {
    return head_->bytes() + (frozen_ ? frozen_->bytes() : 0) + histograms_.bytes() >= 2 * head_limit_bytes_;
  };
  while (full()) {
    AUSPEX_RETURN_IF_ERROR(CheckWritable());
    room_.wait_for(append_lock, std::chrono::milliseconds(100));
    want_flush();
  }
  return OkStatus();
}

Result<std::optional<std::string>> RocksStore::GetRecord(TenantId tenant, RecordKind kind, std::string_view key) const {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckOpen());
  std::string value;
  const auto status =
      rocks_->db().Get(rocksdb::ReadOptions(), rocks_->family(Family::kRecords), RecordKey(tenant, kind, key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  AUSPEX_RETURN_IF_ERROR(FromRocks(status, "record"));
  return std::optional<std::string>(std::move(value));
}

Status RocksStore::ScanRecords(TenantId tenant, RecordKind kind, std::string_view begin, std::string_view end, bool reverse,
                               const std::function<bool(const Record&)>& visit) const {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckOpen());
  const std::string first = RecordKey(tenant, kind, begin);
  const std::string last = end.empty() ? PrefixEnd(RecordKey(tenant, kind, "")) : RecordKey(tenant, kind, end);
  const rocksdb::Slice lower(first);
  const rocksdb::Slice upper(last);
  rocksdb::ReadOptions read;
  read.iterate_lower_bound = &lower;
  read.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(rocks_->db().NewIterator(read, rocks_->family(Family::kRecords)));
  Record record;
  for (reverse ? it->SeekToLast() : it->SeekToFirst(); it->Valid(); reverse ? it->Prev() : it->Next()) {
    record.key.assign(it->key().data() + kRecordPrefixBytes, it->key().size() - kRecordPrefixBytes);
    record.value.assign(it->value().data(), it->value().size());
    if (!visit(record)) return OkStatus();
  }
  return FromRocks(it->status(), "records");
}

void RocksStore::WatchDisk() {
  if (options_.in_memory) return;
  const bool full = rocks_->FreeBytes() < rocks_->reserve_bytes();
  // RocksDB refuses writes after it met a full disk until it is told to go on.
  if (!full && disk_full_) rocks_->db().Resume().PermitUncheckedError();
  disk_full_ = full;
}

void RocksStore::Maintain() {
  int64_t last_care_ns = options_.clock->MonotonicNs();
  std::unique_lock lock(wake_mu_);
  while (!stopping_) {
    wake_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_ || flush_wanted_; });
    if (stopping_) return;
    const bool flush = flush_wanted_.exchange(false);
    lock.unlock();
    const bool care = options_.clock->MonotonicNs() - last_care_ns > kCarePeriodMs * 1'000'000;
    if (!failed_ && (flush || care)) {
      // A failure makes the store read-only with its cause; there is nobody here to tell.
      {
        const std::lock_guard maintenance(maintenance_mu_);
        if (flush) static_cast<void>(FlushLocked());
        if (care) static_cast<void>(ApplyRetentionLocked());
        if (care && ArchiveIsDue()) static_cast<void>(ArchiveIdleLocked());
        if (care) static_cast<void>(TidyIndexLocked());
      }
      if (SealIsDue()) static_cast<void>(SealInBackground());
      if (care) last_care_ns = options_.clock->MonotonicNs();
    }
    lock.lock();
  }
}

Status RocksStore::Close() {
  {
    const std::lock_guard lock(wake_mu_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (maintainer_.joinable()) maintainer_.join();
  const std::unique_lock life(lifetime_mu_);
  if (closed_) return OkStatus();
  closed_ = true;
  Status status;
  if (syncer_ != nullptr && !options_.in_memory && !failed_) {
    const uint64_t sequence = rocks_->db().GetLatestSequenceNumber();
    status = syncer_->SyncAll();
    if (status.ok()) status = rocks_->LogError();
    syncer_.reset();  // its thread moves the mark, too
    if (status.ok()) static_cast<void>(mark_->Write(sequence));
  }
  syncer_.reset();
  archive_.reset();  // the index is only read by selections from here on, which hold it as well
  rocks_.reset();
  return status;
}

StoreStats RocksStore::Stats() const {
  StoreStats stats;
  const std::shared_lock life(lifetime_mu_);
  if (closed_) return stats;
  stats.series_count = index_.series_count() + archive_->series_count();
  {
    const std::shared_lock head_lock(head_mu_);
    stats.head_samples_count = head_->samples_count() + (frozen_ ? frozen_->samples_count() : 0) + histograms_.samples_count();
    stats.head_bytes = head_->bytes() + (frozen_ ? frozen_->bytes() : 0) + histograms_.bytes();
  }
  stats.appended_samples = appended_samples_;
  stats.rejected_samples = rejected_samples_;
  stats.too_old_samples = too_old_samples_;
  stats.index_bytes = index_.bytes();
  stats.journal_bytes = journal_bytes_;
  stats.replayed_samples = replayed_samples_;
  rocks_->db().GetIntProperty(rocks_->family(Family::kHot), "rocksdb.estimate-num-keys", &stats.hot_blocks_count);
  rocks_->db().GetIntProperty(rocks_->family(Family::kCold), "rocksdb.estimate-num-keys", &stats.cold_blocks_count);
  for (const Tier tier : kTiers) {
    uint64_t blocks = 0;
    rocks_->db().GetIntProperty(rocks_->family(FamilyOf(tier)), "rocksdb.estimate-num-keys", &blocks);
    stats.coarse_blocks_count += blocks;
  }
  stats.tombstones_count = DeletedNow()->all().size();
  stats.disk_bytes = rocks_->DiskBytes();
  stats.accepted_damage = accepted_damage_;
  const std::lock_guard lock(failure_mu_);
  stats.read_only_reason = read_only_reason_;
  return stats;
}

}  // namespace storage
}  // namespace auspex
