#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include <rocksdb/file_system.h>

#include "auspex/storage/base/result.h"

namespace auspex::storage {

/// Files whose errors RocksDB is told of where it can bear them. RocksDB 7.8 comes back to a file that failed (a log that is
/// synced while a write to it fails, a table of a compaction that keeps no row) and then asserts that it never does
/// (WritableFileWriter::AssertFalseAndGetStatusForPrevError); Debian's library has its assertions on, so the process would die
/// of an I/O error. Log files: the first error other than a full disk is kept here, and nothing more is written into that file:
/// whoever acknowledges a write asks for LogError() first. Table files: what failed is reported by Sync, before which nothing
/// counts. Thread-safe.
class SteadyFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit SteadyFileSystem(std::shared_ptr<rocksdb::FileSystem> disk) : FileSystemWrapper(std::move(disk)) {}
  static const char* kClassName() { return "SteadyFileSystem"; }
  const char* Name() const override { return kClassName(); }

  /// The first error of any log file. IoError, with the system's words.
  Status LogError() const {
    if (!log_failed_.load(std::memory_order_acquire)) return OkStatus();
    const std::lock_guard lock(mu_);
    return log_error_;
  }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file, rocksdb::IODebugContext* debug) override;

 private:
  friend class SteadyLog;
  void NoteLogError(const std::string& name, const rocksdb::IOStatus& status);

  mutable std::mutex mu_;
  std::atomic<bool> log_failed_{false};
  Status log_error_;  // guarded by mu_
};

}  // namespace auspex::storage
