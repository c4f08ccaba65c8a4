#include "rocks.h"

#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <filesystem>
#include <vector>

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include "copy_file.h"
#include "quiet_logger.h"

namespace auspex::storage {
namespace {

constexpr std::string_view kLockFile = "AUSPEX_LOCK";
// Beside the lock, not in it: closing any descriptor of a locked file would give up a POSIX lock.
constexpr std::string_view kPidFile = "AUSPEX_PID";
constexpr std::string_view kFormatText = "auspex format ";
constexpr int kFormatVersion = 4;

constexpr std::string_view kNames[kFamilies] = {"default", "journal", "hot",     "cold",       "ts",      "symbols", "series",
                                                "active",  "state",   "records", "histograms", "archive", "r5m",     "r1h"};

// RocksDB writes its own log as files into the directory; an embedded database must not fill someone's disk with them.
constexpr size_t kKeptLogFiles = 4;
constexpr size_t kLogFileBytes = size_t{1} << 20;

// RocksDB keeps the descriptions of its options of the last two opens: tens of kilobytes that nothing reads.
void RemoveOldOptions(rocksdb::Env& env, const std::string& path) {
  std::vector<std::string> names;
  if (!env.GetChildren(path, &names).ok()) return;
  std::erase_if(names, [](const std::string& name) { return !name.starts_with("OPTIONS-") || name.ends_with(".dbtmp"); });
  // Numbers of six digits, and later of more.
  std::sort(names.begin(), names.end(),
            [](const auto& a, const auto& b) { return std::make_pair(a.size(), a) < std::make_pair(b.size(), b); });
  for (size_t i = 0; i + 1 < names.size(); ++i) env.DeleteFile(path + "/" + names[i]).PermitUncheckedError();
}

/// For directories in which nothing may be written.
class NoLog final : public rocksdb::Logger {
 public:
  using Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

}  // namespace

Status CheckFormatOf(rocksdb::Env& env, const std::string& directory) {
  const std::string path = directory + "/" + std::string(kFormatFile);
  std::string text;
  if (!env.FileExists(path).ok()) return NotFound("{}: holds no auspex database (no {})", directory, kFormatFile);
  AUSPEX_RETURN_IF_ERROR(FromRocks(rocksdb::ReadFileToString(&env, path, &text), path));
  const int version = text.starts_with(kFormatText) ? std::atoi(text.c_str() + kFormatText.size()) : 0;
  if (version == kFormatVersion) return OkStatus();
  if (version > kFormatVersion) {
    return FailedPrecondition("{}: written in format {}, newest known {}: open it with a newer auspex", directory, version,
                              kFormatVersion);
  }
  if (version > 0) {
    return FailedPrecondition("{}: written in format {}, expected {}: open it with the auspex that wrote it", directory,
                              version, kFormatVersion);
  }
  return Corruption("{}: found \"{}\", expected \"{}{}\"", path, text, kFormatText, kFormatVersion);
}

std::string_view FamilyName(Family family) { return kNames[static_cast<size_t>(family)]; }

Status FromRocks(const rocksdb::Status& status, std::string_view what) {
  if (status.ok()) return OkStatus();
  if (status.IsCorruption()) return Corruption("{}: {}", what, status.ToString());
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kSpaceLimit)
    return ResourceExhausted("{}: disk full: {}", what, status.ToString());
  if (status.IsIOError()) return IoError("{}: {}", what, status.ToString());
  return Internal("{}: {}", what, status.ToString());
}

Result<std::shared_ptr<Rocks>> Rocks::Open(const StoreOptions& options) {
  std::shared_ptr<Rocks> rocks(new Rocks());
  AUSPEX_RETURN_IF_ERROR(rocks->Prepare(options));
  if (!options.read_only) AUSPEX_RETURN_IF_ERROR(rocks->Lock());
  AUSPEX_RETURN_IF_ERROR(rocks->CheckFormat(options.read_only));
  AUSPEX_RETURN_IF_ERROR(rocks->OpenDatabase(options));
  return rocks;
}

Rocks::~Rocks() {
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    if (handle != nullptr) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  if (db_ != nullptr) db_->Close().PermitUncheckedError();
  db_.reset();
  if (lock_ != nullptr) env_->UnlockFile(lock_).PermitUncheckedError();
}

Status Rocks::Prepare(const StoreOptions& options) {
  in_memory_ = options.in_memory;
  if (in_memory_) {
    owned_env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
    env_ = owned_env_.get();
    path_ = "/auspex";
  } else {
    path_ = options.path;
    files_ = std::make_shared<SteadyFileSystem>(options.file_system != nullptr ? options.file_system
                                                                               : rocksdb::FileSystem::Default());
    owned_env_ = rocksdb::NewCompositeEnv(files_);
    env_ = owned_env_.get();
  }
  if (!options.read_only) {
    if (const auto status = env_->CreateDirIfMissing(path_); !status.ok()) {
      return IoError("cannot make the directory {}: {}", path_, status.ToString());
    }
  } else if (const auto status = env_->FileExists(path_); !status.ok()) {
    return NotFound("{}: no such directory", path_);
  }
  if (!in_memory_) {
    std::error_code ignored;
    const auto space = std::filesystem::space(path_, ignored);
    reserve_bytes_ = std::max<uint64_t>(uint64_t{64} << 20, ignored ? 0 : space.capacity / 100);
  }
  return OkStatus();
}

Status Rocks::Lock() {
  const std::string pid_path = path_ + "/" + std::string(kPidFile);
  if (const auto status = env_->LockFile(path_ + "/" + std::string(kLockFile), &lock_); !status.ok()) {
    lock_ = nullptr;
    std::string pid;
    if (status.IsIOError() && rocksdb::ReadFileToString(env_, pid_path, &pid).ok() && !pid.empty()) {
      return FailedPrecondition("{}: locked by pid {}", path_, pid);
    }
    return IoError("{}: cannot lock: {}", path_, status.ToString());
  }
  return FromRocks(rocksdb::WriteStringToFile(env_, std::to_string(getpid()), pid_path), pid_path);
}

Status Rocks::CheckFormat(bool read_only) {
  const std::string path = path_ + "/" + std::string(kFormatFile);
  if (read_only || env_->FileExists(path).ok()) return CheckFormatOf(*env_, path_);
  if (env_->FileExists(path_ + "/CURRENT").ok()) {
    return FailedPrecondition("{}: holds a RocksDB database that is not auspex's (no {})", path_, kFormatFile);
  }
  const std::string wanted = std::string(kFormatText) + std::to_string(kFormatVersion) + "\n";
  // By a rename: a crash leaves no half-written file behind. RocksDB syncs the directory before it acknowledges anything.
  const std::string partial = path + ".new";
  AUSPEX_RETURN_IF_ERROR(FromRocks(rocksdb::WriteStringToFile(env_, wanted, partial, /*should_sync=*/true), partial));
  return FromRocks(env_->RenameFile(partial, path), path);
}

rocksdb::ColumnFamilyOptions Rocks::FamilyOptions(Family family) const {
  rocksdb::ColumnFamilyOptions options;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache_;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  options.level_compaction_dynamic_level_bytes = true;
  options.compression = rocksdb::kNoCompression;
  options.write_buffer_size = std::max<size_t>(size_t{1} << 20, memtable_bytes_ / 8);
  switch (family) {
    case Family::kJournal:
      // Written once, read only by a replay, cut from the front: compaction would be work for nothing.
      options.disable_auto_compactions = true;
      options.write_buffer_size = std::max<size_t>(size_t{4} << 20, memtable_bytes_ / 4);
      options.max_write_buffer_number = 4;
      break;
    case Family::kHot:
      table.block_size = 16 << 10;
      options.write_buffer_size = std::max<size_t>(size_t{4} << 20, memtable_bytes_ / 4);
      break;
    case Family::kCold:
      table.block_size = 32 << 10;
      break;
    case Family::kHistograms:
    case Family::kFiveMinutes:
    case Family::kHours:
      table.block_size = 32 << 10;
      break;
    case Family::kTimes:
      table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
      break;
    case Family::kArchive:
      // Every new series is looked for among the old ones, and is mostly not there. In parts: a whole filter, or index, would
      // be too large to be kept by a small cache, and would be read again for each of them.
      table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
      table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
      table.partition_filters = true;
      options.compression = rocksdb::kZSTD;
      options.compression_opts.level = 3;
      break;
    case Family::kDefault:
    case Family::kSymbols:
    case Family::kSeries:
    case Family::kActive:
    case Family::kState:
    case Family::kRecords:
      options.compression = rocksdb::kZSTD;
      options.compression_opts.level = 3;
      break;
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

rocksdb::Options Rocks::OptionsOf(Family family) const { return rocksdb::Options(options_, FamilyOptions(family)); }

Status Rocks::OpenDatabase(const StoreOptions& options) {
  // A quarter of the budget for memtables, an eighth for RocksDB's blocks; the head has its own share.
  memtable_bytes_ = options.memory_budget_bytes / 4;
  cache_ = rocksdb::NewLRUCache(options.memory_budget_bytes / 8, 4);
  AUSPEX_RETURN_IF_ERROR(CheckCurrent());
  const rocksdb::Status sound = TryOpen(options, options.read_only, Trust::kEverything);
  if (sound.ok()) return OkStatus();
  if (!sound.IsCorruption() && !sound.IsPathNotFound()) return FromRocks(sound, path_);
  if (options.accept_data_loss && !options.read_only) {
    AUSPEX_RETURN_IF_ERROR(SetLogsAside());
    if (TryOpen(options, /*read_only=*/false, Trust::kTablesOnly).ok()) {
      damage_ = sound.ToString();
      return OkStatus();
    }
  }
  // What can be read is read, and nothing is written over the evidence.
  if (!TryOpen(options, /*read_only=*/true, Trust::kNothing).ok()) return FromRocks(sound, path_);
  damage_ = sound.ToString();
  return OkStatus();
}

Status Rocks::CheckCurrent() const {
  // RocksDB would take a directory without this file for a new one, and delete what lies there.
  if (env_->FileExists(path_ + "/CURRENT").ok()) return OkStatus();
  std::vector<std::string> names;
  AUSPEX_RETURN_IF_ERROR(FromRocks(env_->GetChildren(path_, &names), path_));
  for (const std::string& name : names) {
    if ((!name.ends_with(".sst") && !name.ends_with(".log")) || name.starts_with("ingest-")) continue;
    return Corruption("{}: the file CURRENT is missing (it names the newest MANIFEST file), but there is {}", path_, name);
  }
  return OkStatus();
}

Status Rocks::SetLogsAside() const {
  // Numbered, so that what an earlier open put there stays.
  std::string aside;
  for (int n = 1; aside.empty() || env_->FileExists(aside).ok(); ++n) aside = path_ + "/damaged-" + std::to_string(n);
  AUSPEX_RETURN_IF_ERROR(FromRocks(env_->CreateDir(aside), aside));
  std::vector<std::string> names;
  AUSPEX_RETURN_IF_ERROR(FromRocks(env_->GetChildren(path_, &names), path_));
  for (const std::string& name : names) {
    if (name.ends_with(".log")) AUSPEX_RETURN_IF_ERROR(CopyFile(*env_, path_ + "/" + name, aside + "/" + name));
  }
  return OkStatus();
}

rocksdb::Status Rocks::TryOpen(const StoreOptions& options, bool read_only, Trust trust) {
  rocksdb::DBOptions db_options;
  db_options.env = env_;
  db_options.create_if_missing = true;
  db_options.create_missing_column_families = true;
  db_options.paranoid_checks = trust != Trust::kNothing;
  db_options.wal_recovery_mode = trust == Trust::kEverything ? rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords
                                                             : rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  db_options.max_background_jobs = std::max(2, options.threads);
  db_options.db_write_buffer_size = memtable_bytes_;
  db_options.max_total_wal_size = options.memory_budget_bytes;
  db_options.max_open_files = 512;
  db_options.keep_log_file_num = kKeptLogFiles;
  db_options.max_log_file_size = kLogFileBytes;
  db_options.avoid_unnecessary_blocking_io = true;
  db_options.stats_dump_period_sec = 0;
  std::shared_ptr<rocksdb::Logger> logger;
  if (read_only) {
    db_options.info_log = std::make_shared<NoLog>();
  } else if (rocksdb::CreateLoggerFromOptions(path_, db_options, &logger).ok()) {
    db_options.info_log = std::make_shared<QuietLogger>(std::move(logger));
  }
  options_ = rocksdb::Options(db_options, rocksdb::ColumnFamilyOptions());

  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (size_t i = 0; i < kFamilies; ++i) {
    descriptors.emplace_back(std::string(kNames[i]), FamilyOptions(static_cast<Family>(i)));
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = read_only ? rocksdb::DB::OpenForReadOnly(db_options, path_, descriptors, &handles, &db)
                                     : rocksdb::DB::Open(db_options, path_, descriptors, &handles, &db);
  if (!status.ok()) return status;
  db_.reset(db);
  std::copy(handles.begin(), handles.end(), handles_.begin());
  writable_ = !read_only;
  if (!read_only) RemoveOldOptions(*env_, path_);
  return status;
}

Status Rocks::FlushFamilies(bool wait) {
  rocksdb::FlushOptions options;
  options.wait = wait;
  options.allow_write_stall = wait;
  const std::vector<rocksdb::ColumnFamilyHandle*> all(handles_.begin(), handles_.end());
  return FromRocks(db_->Flush(options, all), path_);
}

uint64_t Rocks::FreeBytes() const {
  uint64_t free_bytes = ~uint64_t{0};
  if (in_memory_ || !env_->GetFreeSpace(path_, &free_bytes).ok()) return ~uint64_t{0};
  return free_bytes;
}

uint64_t Rocks::DiskBytes() const {
  std::vector<rocksdb::Env::FileAttributes> files;
  uint64_t bytes = 0;
  if (!env_->GetChildrenFileAttributes(path_, &files).ok()) return 0;
  for (const auto& file : files) bytes += file.size_bytes;
  return bytes;
}

}  // namespace auspex::storage
