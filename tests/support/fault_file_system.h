#pragma once

#include <atomic>
#include <memory>
#include <string>

#include <rocksdb/file_system.h>

namespace auspex::testing {

/// The system's files, with faults that a test switches on and off. Thread-safe.
class FaultFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  FaultFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  static const char* kClassName() { return "FaultFileSystem"; }
  const char* Name() const override { return kClassName(); }

  std::atomic<bool> fail_syncs{false};    ///< of log files
  std::atomic<bool> fail_appends{false};  ///< to log files
  std::atomic<bool> fail_tables{false};   ///< appends to table files and their syncs
  std::atomic<uint64_t> free_bytes{0};    ///< what the disk says is left; 0: ask the disk

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options, uint64_t* bytes,
                                 rocksdb::IODebugContext* debug) override;
};

}  // namespace auspex::testing
