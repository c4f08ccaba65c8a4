#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <rocksdb/file_system.h>

namespace auspex::testing {

/// Files in memory that outlive stores, for tests that open thousands of them.
std::shared_ptr<rocksdb::FileSystem> NewMemoryFileSystem();

/// A disk whose process dies at the n-th operation that changes something: that one is not done (of an append a half is), nor
/// is any later one. Thread-safe.
class CrashFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit CrashFileSystem(std::shared_ptr<rocksdb::FileSystem> disk) : FileSystemWrapper(std::move(disk)) {}
  static const char* kClassName() { return "CrashFileSystem"; }
  const char* Name() const override { return kClassName(); }

  /// The operations done from now on, of which the n-th (from 0) is the last straw; -1: none.
  void CrashAt(int64_t n) {
    done_ = 0;
    crash_at_ = n;
    crashed_ = false;
  }
  int64_t operations() const { return done_; }
  bool crashed() const { return crashed_; }

  /// Cuts every file to what was synced of it, as a power loss may. After a crash.
  void LosePower();

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDir(const std::string& name, const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override;

 private:
  friend class CrashFile;
  /// False: the process is dead.
  bool Step();
  void NoteSize(const std::string& name, uint64_t bytes, bool synced);

  struct Size {
    uint64_t bytes = 0;
    uint64_t synced = 0;
  };
  std::atomic<int64_t> done_{0};
  std::atomic<int64_t> crash_at_{-1};
  std::atomic<bool> crashed_{false};
  std::mutex mu_;
  std::map<std::string, Size> sizes_;  // guarded by mu_
};

}  // namespace auspex::testing
