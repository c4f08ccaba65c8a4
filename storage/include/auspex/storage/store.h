#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/storage/base/clock.h"
#include "auspex/storage/base/result.h"
#include "auspex/storage/record_store.h"
#include "auspex/storage/series_store.h"

namespace rocksdb {
class FileSystem;
}

namespace auspex {

/// When an acknowledged write reaches the disk itself. The death of the process loses nothing in any mode.
enum class SyncMode : uint8_t {
  kInterval,  ///< at most 200 ms after the acknowledgement: what a power loss may cost
  kAlways,    ///< before the acknowledgement, by group commit
  kNever,     ///< when the system pleases
};

struct StoreOptions {
  std::string path;             ///< a directory, made if missing; ignored when in_memory
  bool in_memory = false;       ///< nothing touches the disk, nothing survives Close
  bool read_only = false;       ///< beside a writer in another process, or on a directory that must not change
  SyncMode sync = SyncMode::kInterval;
  int64_t retention_ms = 0;     ///< samples older than now - retention are never answered, then deleted; 0 keeps all
  /// How long summaries of 5 minutes and of an hour are kept of samples that retention took; 0: none are. Not less than retention_ms.
  int64_t retention_5m_ms = 0;
  int64_t retention_1h_ms = 0;
  int64_t out_of_order_window_ms = 0;  ///< samples older than now - this are refused and counted; 0 takes any age: backfill
  uint64_t retention_bytes = 0;  ///< of the whole directory: the oldest partitions go when it is exceeded; 0: no bound
  /// After damage to the log: go on with what could be read. Without it such a directory opens read-only.
  bool accept_data_loss = false;
  uint64_t memory_budget_bytes = uint64_t{256} << 20;  ///< head, memtables and caches together; at least 64 MiB
  int threads = 1;              ///< background work
  const Clock* clock = &Clock::System();
  std::shared_ptr<rocksdb::FileSystem> file_system;  ///< null: the system's
};

/// What the store holds and does, for /metrics and the status pages.
struct StoreStats {
  uint64_t series_count = 0;
  uint64_t index_bytes = 0;        ///< memory of the series index, about
  uint64_t head_samples_count = 0;
  uint64_t head_bytes = 0;
  uint64_t appended_samples = 0;   ///< since open
  uint64_t rejected_samples = 0;   ///< since open
  uint64_t too_old_samples = 0;    ///< of these: older than the out-of-order window or the retention
  uint64_t journal_bytes = 0;
  uint64_t hot_blocks_count = 0;   ///< as RocksDB estimates it
  uint64_t cold_blocks_count = 0;  ///< as RocksDB estimates it
  uint64_t coarse_blocks_count = 0;  ///< of summaries that outlived their samples; as RocksDB estimates it
  uint64_t tombstones_count = 0;   ///< deletions whose bytes are still there
  uint64_t disk_bytes = 0;
  uint64_t replayed_samples = 0;   ///< from the journal, at open
  std::string read_only_reason;    ///< empty while writable
  std::string accepted_damage;     ///< what was found at open and gone on from, by accept_data_loss
};

/// The exemplars of one series, by time.
struct SeriesExemplars {
  Labels series;
  std::vector<Exemplar> exemplars;
};

/// A database directory on RocksDB: the series, their blocks and journal, and the records beside them. Thread-safe.
/// docs/format/ has the bytes.
class Store : public SeriesStore, public RecordStore {
 public:
  /// Errors: FailedPrecondition "locked by pid N", or a directory of a newer format; InvalidArgument; Corruption; IoError.
  static Result<std::unique_ptr<Store>> Open(const StoreOptions& options);

  /// What is known of the metrics, by name; of one when `metric` is not empty. limit 0: all.
  virtual Result<std::vector<MetricMetadata>> Metadata(TenantId tenant, std::string_view metric, size_t limit) const = 0;
  /// The exemplars within the range of the matching series, in Labels' order; series without one are left out.
  virtual Result<std::vector<SeriesExemplars>> Exemplars(const SelectRequest& request) const = 0;

  /// Deletes the samples of the matching series within the range that were acknowledged before this was called; what is
  /// written later lives, also at the same times. Seen at once and as durable as an append; the bytes go with the next Seal.
  /// Returns how many series had samples near the range. Works on a full disk. Errors: as Append.
  virtual Result<uint64_t> Delete(const SelectRequest& request) = 0;

  /// Moves the head into blocks and cuts the journal. Writers go on meanwhile.
  virtual Status Flush() = 0;
  /// Flush, then merge every hot block into dense cold ones, drop what was deleted from them, and flush every column family.
  virtual Status Seal() = 0;
  /// Deletes what retention has expired. Also done in the background.
  virtual Status ApplyRetention() = 0;
  /// Makes the directory a copy of the database as it is now, while writes go on: a directory that can be opened, or restored
  /// from. On the same file system it shares the files that never change, and costs little time and space.
  /// Errors: AlreadyExists (the directory is there), Unsupported (in memory), IoError, ResourceExhausted.
  virtual Status Backup(const std::string& directory) = 0;
  /// Makes `directory` a database directory from a backup, which stays as it is. The files are copied and synced.
  /// Errors: AlreadyExists (unless missing or empty), NotFound, FailedPrecondition (of a newer format), IoError.
  static Status Restore(const std::string& backup, const std::string& directory);
  virtual StoreStats Stats() const = 0;
  /// Syncs and lets go of the directory. Afterwards every call fails with FailedPrecondition. Idempotent.
  /// A store destroyed without Close loses nothing acknowledged.
  virtual Status Close() = 0;
};

}  // namespace auspex
