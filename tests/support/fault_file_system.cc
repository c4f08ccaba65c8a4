#include "tests/support/fault_file_system.h"

namespace auspex::testing {
namespace {

class FaultLogFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultLogFile(std::unique_ptr<rocksdb::FSWritableFile> file, const FaultFileSystem& faults)
      : FSWritableFileOwnerWrapper(std::move(file)), faults_(faults) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    if (faults_.fail_appends) return rocksdb::IOStatus::IOError("injected: append");
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& verification, rocksdb::IODebugContext* debug) override {
    if (faults_.fail_appends) return rocksdb::IOStatus::IOError("injected: append");
    return FSWritableFileOwnerWrapper::Append(data, options, verification, debug);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    if (faults_.fail_syncs) return rocksdb::IOStatus::IOError("injected: sync");
    return FSWritableFileOwnerWrapper::Sync(options, debug);
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    if (faults_.fail_syncs) return rocksdb::IOStatus::IOError("injected: sync");
    return FSWritableFileOwnerWrapper::Fsync(options, debug);
  }

 private:
  const FaultFileSystem& faults_;
};

}  // namespace

rocksdb::IOStatus FaultFileSystem::NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                                   std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                   rocksdb::IODebugContext* debug) {
  const rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(name, options, file, debug);
  if (status.ok() && name.ends_with(".log")) *file = std::make_unique<FaultLogFile>(std::move(*file), *this);
  return status;
}

rocksdb::IOStatus FaultFileSystem::GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options, uint64_t* bytes,
                                                rocksdb::IODebugContext* debug) {
  if (free_bytes == 0) return FileSystemWrapper::GetFreeSpace(path, options, bytes, debug);
  *bytes = free_bytes;
  return rocksdb::IOStatus::OK();
}

}  // namespace auspex::testing
