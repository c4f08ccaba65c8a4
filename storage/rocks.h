#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <rocksdb/db.h>

#include "auspex/storage/base/result.h"
#include "auspex/storage/store.h"
#include "steady_file_system.h"

namespace auspex::storage {

/// The column families, in the order in which they are opened. docs/format/keys.md says what each holds.
enum class Family : uint8_t {
  kDefault,
  kJournal,
  kHot,
  kCold,
  kTimes,
  kSymbols,
  kSeries,
  kActive,
  kState,
  kRecords,
  kHistograms,
  kArchive,
  kFiveMinutes,
  kHours
};
inline constexpr size_t kFamilies = 14;
std::string_view FamilyName(Family family);

/// Says that a directory is auspex's, and in which format.
inline constexpr std::string_view kFormatFile = "AUSPEX_FORMAT";
/// Whether the directory holds a database in a format that can be read. Errors: NotFound, FailedPrecondition, Corruption.
Status CheckFormatOf(rocksdb::Env& env, const std::string& directory);

/// "<what>: <RocksDB's own words>" with the code that fits: Corruption, ResourceExhausted (no space), IoError.
Status FromRocks(const rocksdb::Status& status, std::string_view what);

inline rocksdb::Slice AsSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
inline std::string_view AsView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

/// One RocksDB database with our column families, its lock and its memory. Whoever reads holds it by shared_ptr, so that a
/// reader may outlive the store that made it. Thread-safe.
class Rocks {
 public:
  static Result<std::shared_ptr<Rocks>> Open(const StoreOptions& options);
  ~Rocks();
  Rocks(const Rocks&) = delete;
  Rocks& operator=(const Rocks&) = delete;

  rocksdb::DB& db() const { return *db_; }
  rocksdb::ColumnFamilyHandle* family(Family family) const { return handles_[static_cast<size_t>(family)]; }
  rocksdb::Env& env() const { return *env_; }
  const std::string& path() const { return path_; }
  /// The first error of the log, which RocksDB was not told of (SteadyFileSystem): no write may be acknowledged any more.
  Status LogError() const { return files_ == nullptr ? OkStatus() : files_->LogError(); }
  rocksdb::Options OptionsOf(Family family) const;

  /// Flushes every memtable to files. One idle memtable would keep every log file alive.
  Status FlushFamilies(bool wait);
  /// Bytes that the disk could still take, and the reserve below which writes are refused. In memory: no limit.
  uint64_t FreeBytes() const;
  /// Of all files in the directory.
  uint64_t DiskBytes() const;
  uint64_t reserve_bytes() const { return reserve_bytes_; }

  /// What was found to be damaged at open, in RocksDB's words; empty when nothing was. Unless the damage was accepted, the
  /// database is open for reading only, and what is behind the damage is not there.
  const std::string& damage() const { return damage_; }
  bool writable() const { return writable_; }

 private:
  Rocks() = default;
  Status Prepare(const StoreOptions& options);
  Status Lock();
  Status CheckFormat(bool read_only);
  Status OpenDatabase(const StoreOptions& options);
  enum class Trust : uint8_t { kEverything, kTablesOnly, kNothing };
  rocksdb::Status TryOpen(const StoreOptions& options, bool read_only, Trust trust);
  Status CheckCurrent() const;
  Status SetLogsAside() const;
  rocksdb::ColumnFamilyOptions FamilyOptions(Family family) const;

  std::string path_;
  bool in_memory_ = false;
  uint64_t reserve_bytes_ = 0;
  uint64_t memtable_bytes_ = 0;
  std::shared_ptr<SteadyFileSystem> files_;  // null in memory
  std::unique_ptr<rocksdb::Env> owned_env_;
  rocksdb::Env* env_ = nullptr;
  rocksdb::FileLock* lock_ = nullptr;
  std::shared_ptr<rocksdb::Cache> cache_;
  rocksdb::Options options_;
  std::string damage_;
  bool writable_ = false;
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> handles_{};
};

}  // namespace auspex::storage
