#include "auspex/storage/verify.h"

#include <map>
#include <optional>

#include <rocksdb/sst_file_reader.h>
#include <roaring/roaring.hh>

#include "archive_rows.h"
#include "base/bytes.h"
#include "block.h"
#include "coarse_table.h"
#include "exemplar_table.h"
#include "histogram_block.h"
#include "histogram_head.h"
#include "histogram_table.h"
#include "journal.h"
#include "keys.h"
#include "log_mark.h"
#include "metadata_table.h"
#include "rocks.h"
#include "series_index.h"
#include "tombstones.h"

namespace auspex {
namespace storage {
namespace {

// Rows between two calls of the progress function.
constexpr uint64_t kProgressRows = 4096;
constexpr uint64_t kMemoryBytes = uint64_t{64} << 20;

class Verification {
 public:
  explicit Verification(const VerifyOptions& options) : options_(options) {}

  Result<VerifyReport> Run() {
    StoreOptions store;
    store.path = options_.path;
    store.read_only = true;
    store.file_system = options_.file_system;
    store.memory_budget_bytes = kMemoryBytes;
    auto rocks = Rocks::Open(store);
    if (!rocks.ok()) {
      // Nothing can be read without it.
      if (rocks.status().code() != StatusCode::kCorruption && rocks.status().code() != StatusCode::kIoError)
        return rocks.status();
      Find("database", rocks.status().message());
      return std::move(report_);
    }
    rocks_ = *std::move(rocks);
    if (!rocks_->damage().empty()) Find("database", rocks_->damage());
    const uint64_t synced = LogMark(rocks_->env(), rocks_->path()).Read();
    const uint64_t found = rocks_->db().GetLatestSequenceNumber();
    if (synced > found) Find("log", fmt::format("it ends at write {}, but {} had reached the disk", found, synced));
    Files();
    Index();
    State();
    Blocks(Family::kHot);
    Blocks(Family::kCold);
    HistogramBlocks();
    for (const Tier tier : kTiers) Summaries(tier);
    Active();
    Journal();
    Records();
    rocks_.reset();
    return std::move(report_);
  }

 private:
  void Find(std::string where, std::string what) {
    ++report_.findings_count;
    if (report_.findings.size() < options_.findings_limit) report_.findings.push_back({std::move(where), std::move(what)});
  }
  void Progress(std::string_view part, uint64_t done, uint64_t total) const {
    if (options_.progress) options_.progress({std::string(part), done, total});
  }

  /// Calls `row(key, value)` for every row of the family; goes on behind a part that cannot be read only if RocksDB does.
  template <typename Row>
  void Scan(Family family, const Row& row) {
    rocksdb::ReadOptions read;
    read.fill_cache = false;
    read.verify_checksums = true;
    uint64_t total = 0;
    rocks_->db().GetIntProperty(rocks_->family(family), "rocksdb.estimate-num-keys", &total);
    const std::unique_ptr<rocksdb::Iterator> it(rocks_->db().NewIterator(read, rocks_->family(family)));
    uint64_t done = 0;
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      row(AsView(it->key()), AsView(it->value()));
      if (++done % kProgressRows == 0) Progress(FamilyName(family), done, std::max(done, total));
    }
    Progress(FamilyName(family), done, done);
    if (!it->status().ok()) Find(fmt::format("{}, behind row {}", FamilyName(family), done), it->status().ToString());
  }

  /// Every table file from its first byte to its last, against the checksum of each of its blocks.
  void Files() {
    std::vector<rocksdb::LiveFileMetaData> files;
    rocks_->db().GetLiveFilesMetaData(&files);
    for (size_t i = 0; i < files.size(); ++i) {
      const std::string path = rocks_->path() + files[i].name;
      uint64_t bytes = 0;
      if (const auto status = rocks_->env().GetFileSize(path, &bytes); !status.ok()) {
        Find("file " + files[i].name.substr(1),
             fmt::format("of {}: missing: {}", files[i].column_family_name, status.ToString()));
      } else if (bytes != files[i].size) {
        Find("file " + files[i].name.substr(1),
             fmt::format("of {}: {} bytes, expected {}", files[i].column_family_name, bytes, files[i].size));
      } else if (const auto table = VerifyTable(path); !table.ok()) {
        Find("file " + files[i].name.substr(1), fmt::format("of {}: {}", files[i].column_family_name, table.ToString()));
      }
      ++report_.files_count;
      Progress("files", i + 1, files.size());
    }
  }
  rocksdb::Status VerifyTable(const std::string& path) const {
    rocksdb::Options options;
    options.env = &rocks_->env();
    rocksdb::SstFileReader reader(options);
    if (const auto opened = reader.Open(path); !opened.ok()) return opened;
    return reader.VerifyChecksum();
  }

  void Index() {
    const auto load = [&](Family family, const auto& load_row) {
      const std::string name(FamilyName(family));
      Scan(family, [&](std::string_view key, std::string_view value) {
        if (const auto number = ReadIndexRowKey(name, key); !number.ok()) return Find(name, number.status().message());
        if (const Result<size_t> row = load_row(value); !row.ok()) Find(name, row.status().message());
      });
    };
    load(Family::kSymbols, [&](std::string_view row) { return index_.LoadSymbols(row); });
    load(Family::kSeries, [&](std::string_view row) { return index_.LoadSeries(row); });
    index_.FinishLoading(/*two_threads=*/false,
                         [&](uint32_t /*ordinal*/, const Status& status) { Find("series", status.message()); });
    Roaring archived;
    Scan(Family::kArchive, [&](std::string_view key, std::string_view value) {
      const auto row = DecodeArchiveRow(key, value);
      if (!row.ok()) return Find("archive", row.status().message());
      if (row->kind == 'S') archived |= row->ordinals;
      if (row->kind == 'L') archived_[row->series->id.ordinal] = {row->series->tenant, row->series->id.group};
    });
    for (const uint32_t ordinal : archived) {
      if (archived_.count(ordinal) == 0) Find("archive", fmt::format("series {} has no labels", ordinal));
      if (!index_.Known(ordinal)) ++report_.series_count;
    }
    report_.series_count += index_.series_count();
  }
  bool Known(uint32_t ordinal) const { return index_.Known(ordinal) || archived_.count(ordinal) != 0; }

  void State() {
    Scan(Family::kState, [&](std::string_view key, std::string_view value) {
      if (key.starts_with(kTombstonePrefix)) {
        const auto tombstone = DecodeTombstone(key, value);
        if (!tombstone.ok()) return Find("state", tombstone.status().message());
        if (tombstone->generation > generation_seen_) generation_seen_ = tombstone->generation;
        return;
      }
      if (key.starts_with(kHistogramListPrefix)) {
        const auto name = DecodeActiveKey(key.substr(kHistogramListPrefix.size()));
        if (!name) return Find("state", fmt::format("key of {} bytes is no list of histograms", key.size()));
        auto series = ParseOrdinals(value);
        if (!series.ok()) return Find("state", "list of histograms: " + series.status().message());
        histograms_listed_[*name] = *std::move(series);
        return;
      }
      if (key.starts_with(kCoarsePrefix)) {
        const auto row = CoarseTable::DecodeRow(key, value);
        if (!row.ok()) return Find("state", row.status().message());
        tiers_[row->first] = row->second.tiers;
        return;
      }
      ByteReader reader(value);
      const uint64_t number = reader.Varint();
      if (key != "checkpoint" && key != "generation") return;
      if (!reader.Done()) return Find("state", fmt::format("{}: {} bytes are not a number", key, value.size()));
      (key == "checkpoint" ? checkpoint_ : generation_) = number;
    });
    if (generation_seen_ > generation_) {
      Find("state", fmt::format("a deletion has generation {}, the youngest is {}", generation_seen_, generation_));
    }
  }

  void Blocks(Family family) {
    const std::string name(FamilyName(family));
    BlockScratch scratch;
    SampleColumns columns;
    std::optional<BlockKey> before;
    int64_t before_tmax_ms = 0;
    Scan(family, [&](std::string_view key_bytes, std::string_view value) {
      const auto key = BlockKey::Decode(key_bytes);
      if (!key) return Find(name, fmt::format("key of {} bytes, expected {}", key_bytes.size(), BlockKey::kBytes));
      const std::string where = name + " block " + key->ToString();
      ++report_.blocks_count;
      const auto view = BlockView::Parse(value);
      if (!view.ok()) return Find(where, view.status().message());
      if (const Status decoded = view->Decode(scratch, columns); !decoded.ok()) return Find(where, decoded.message());
      report_.samples_count += columns.t_ms.size();
      CheckPlace(where, *key, view->tmin_ms(), view->tmax_ms());
      const bool same_series =
          before && before->partition == key->partition && before->tenant == key->tenant && before->series == key->series;
      if (family == Family::kCold && same_series && key->tmin_ms <= before_tmax_ms)
        Find(where, fmt::format("overlaps the block before, which ends at {} ms", before_tmax_ms));
      before = key;
      before_tmax_ms = view->tmax_ms();
      with_blocks_[{key->partition, key->tenant}].add(key->series.ordinal);
    });
  }
  void CheckPlace(const std::string& where, const BlockKey& key, int64_t tmin_ms, int64_t tmax_ms) {
    if (tmin_ms != key.tmin_ms) Find(where, fmt::format("begins at {} ms", tmin_ms));
    if (key.tmin_ms < key.partition.begin_ms() || tmax_ms >= key.partition.end_ms())
      Find(where, fmt::format("reaches to {} ms, out of its partition", tmax_ms));
    CheckSeries(where, key);
    if (key.generation > generation_) Find(where, fmt::format("the youngest generation is {}", generation_));
  }
  void CheckSeries(const std::string& where, const BlockKey& key) {
    uint32_t group = 0;
    if (index_.Belongs(key.series.ordinal, key.tenant)) {
      group = index_.IdOf(key.series.ordinal).group;
    } else {
      const auto archived = archived_.find(key.series.ordinal);
      if (archived == archived_.end() || archived->second.tenant != key.tenant) return Find(where, "its series is not stored");
      group = archived->second.group;
    }
    if (group != key.series.group) Find(where, fmt::format("its series is of group {}", group));
  }

  void HistogramBlocks() {
    ValueScratch scratch;
    HistogramColumns columns;
    Scan(Family::kHistograms, [&](std::string_view key_bytes, std::string_view value) {
      const auto key = BlockKey::Decode(key_bytes);
      if (!key) return Find("histograms", fmt::format("key of {} bytes, expected {}", key_bytes.size(), BlockKey::kBytes));
      const std::string where = "histogram block " + key->ToString();
      ++report_.blocks_count;
      const auto view = HistogramBlockView::Parse(value);
      if (!view.ok()) return Find(where, view.status().message());
      columns.Clear();
      const Status decoded = view->DecodeInto(kMinTimeMs, kMaxTimeMs + 1, scratch, columns);
      if (!decoded.ok()) return Find(where, decoded.message());
      report_.samples_count += columns.size();
      CheckPlace(where, *key, view->tmin_ms(), view->tmax_ms());
      const ActiveName name{key->partition, key->tenant};
      // Readers look for histograms of the listed series alone.
      if (const auto listed = histograms_listed_.find(name);
          listed == histograms_listed_.end() || !listed->second.contains(key->series.ordinal)) {
        Find(where, "its series is not listed among those with histograms");
      }
      with_blocks_[name].add(key->series.ordinal);
    });
  }

  void Summaries(Tier tier) {
    const std::string name(FamilyName(FamilyOf(tier)));
    ValueScratch scratch;
    std::vector<RunSummary> runs;
    Scan(FamilyOf(tier), [&](std::string_view key_bytes, std::string_view value) {
      const auto key = BlockKey::Decode(key_bytes);
      if (!key) return Find(name, fmt::format("key of {} bytes, expected {}", key_bytes.size(), BlockKey::kBytes));
      const std::string where = name + " block " + key->ToString();
      ++report_.blocks_count;
      if (const Status decoded = DecodeCoarseBlock(tier, value, scratch, runs); !decoded.ok()) {
        return Find(where, decoded.message());
      }
      CheckPlace(where, *key, runs.front().t_first_ms, runs.back().t_last_ms);
      // Summaries of a partition that still has its samples are left from a run that was interrupted.
      if ((tiers_[key->partition] & MaskOf(tier)) != 0) with_blocks_[{key->partition, key->tenant}].add(key->series.ordinal);
    });
  }

  /// Blocks of a series that is not listed there would never be read. Listed ones without blocks are harmless.
  void Active() {
    Scan(Family::kActive, [&](std::string_view key, std::string_view value) {
      const auto name = DecodeActiveKey(key);
      if (!name) return Find("active", fmt::format("key of {} bytes, expected 9", key.size()));
      const auto series = ParseOrdinals(value);
      if (!series.ok()) return Find("active", series.status().message());
      with_blocks_[*name] -= *series;
    });
    for (const auto& [name, series] : with_blocks_) {
      // What was deleted is no longer listed, and its blocks wait for the next seal.
      const Roaring unlisted = series - DeletedIn(name);
      if (unlisted.isEmpty()) continue;
      Find("active",
           fmt::format("partition day {}+{} tenant {}: {} series have blocks and are not listed, the first is {}",
                       name.partition.begin_day, name.partition.days, name.tenant, unlisted.cardinality(), unlisted.minimum()));
    }
  }
  Roaring DeletedIn(const ActiveName& name) {
    Roaring deleted;
    const std::string end = PrefixEnd(std::string(kTombstonePrefix));
    const std::unique_ptr<rocksdb::Iterator> it(
        rocks_->db().NewIterator(rocksdb::ReadOptions(), rocks_->family(Family::kState)));
    for (it->Seek(AsSlice(kTombstonePrefix)); it->Valid() && AsView(it->key()) < end; it->Next()) {
      const auto tombstone = DecodeTombstone(AsView(it->key()), AsView(it->value()));
      if (tombstone.ok() && tombstone->tenant == name.tenant && tombstone->begin_ms <= name.partition.begin_ms() &&
          name.partition.end_ms() <= tombstone->end_ms) {
        deleted |= tombstone->series;
      }
    }
    return deleted;
  }

  void Journal() {
    JournalRows rows;
    HistogramRows histogram_rows;
    uint64_t expected = checkpoint_ + 1;
    Scan(Family::kJournal, [&](std::string_view key, std::string_view value) {
      const auto sequence = DecodeJournalKey(key);
      if (!sequence) return Find("journal", fmt::format("key of {} bytes, expected 8", key.size()));
      if (*sequence <= checkpoint_) return;  // not cut yet
      if (*sequence != expected) Find("journal", fmt::format("records {} to {} are missing", expected, *sequence - 1));
      expected = *sequence + 1;
      ++report_.journal_records_count;
      const bool histograms = IsHistogramRecord(value);
      const Status decoded =
          histograms ? DecodeHistogramRecord(*sequence, value, histogram_rows) : DecodeJournalRecord(*sequence, value, rows);
      if (!decoded.ok()) return Find("journal", decoded.message());
      const std::vector<uint32_t>& ordinals = histograms ? histogram_rows.ordinals : rows.ordinals;
      report_.samples_count += ordinals.size();
      for (const uint32_t ordinal : ordinals) {
        if (!Known(ordinal))
          return Find(fmt::format("journal record {}", *sequence), fmt::format("series {} is not stored", ordinal));
      }
    });
  }

  void Records() {
    Scan(Family::kRecords, [&](std::string_view key, std::string_view value) {
      ++report_.records_count;
      if (key.size() < kRecordPrefixBytes) return Find("records", fmt::format("key of {} bytes", key.size()));
      const auto kind = static_cast<RecordKind>(key[4]);
      key.remove_prefix(kRecordPrefixBytes);
      if (kind == RecordKind::kMetadata) {
        if (const auto metadata = DecodeMetadata(key, value); !metadata.ok()) Find("records", metadata.status().message());
      } else if (kind == RecordKind::kExemplar) {
        const auto exemplar = DecodeExemplar(key, value);
        if (!exemplar.ok()) return Find("records", exemplar.status().message());
        if (!Known(ExemplarOrdinal(key)))
          Find("records", fmt::format("exemplar of series {}, which is not stored", ExemplarOrdinal(key)));
      }
    });
  }

  const VerifyOptions& options_;
  std::shared_ptr<Rocks> rocks_;
  SeriesIndex index_;
  struct Archived {
    TenantId tenant;
    uint32_t group;
  };
  std::map<uint32_t, Archived> archived_;  // by ordinal
  std::map<ActiveName, Roaring> with_blocks_;
  std::map<ActiveName, Roaring> histograms_listed_;
  std::map<Partition, TierMask> tiers_;
  uint64_t checkpoint_ = 0;
  uint64_t generation_ = 0;
  uint64_t generation_seen_ = 0;
  VerifyReport report_;
};

}  // namespace
}  // namespace storage

Result<VerifyReport> Verify(const VerifyOptions& options) { return storage::Verification(options).Run(); }

}  // namespace auspex
