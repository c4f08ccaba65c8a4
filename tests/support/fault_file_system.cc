#include "tests/support/fault_file_system.h"

namespace auspex::testing {
namespace {

class FaultFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultFile(std::unique_ptr<rocksdb::FSWritableFile> file, const std::atomic<bool>& fail_appends,
            const std::atomic<bool>& fail_syncs)
      : FSWritableFileOwnerWrapper(std::move(file)), fail_appends_(fail_appends), fail_syncs_(fail_syncs) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    if (fail_appends_) return rocksdb::IOStatus::IOError("injected: append");
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& verification, rocksdb::IODebugContext* debug) override {
    if (fail_appends_) return rocksdb::IOStatus::IOError("injected: append");
    return FSWritableFileOwnerWrapper::Append(data, options, verification, debug);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    if (fail_syncs_) return rocksdb::IOStatus::IOError("injected: sync");
    return FSWritableFileOwnerWrapper::Sync(options, debug);
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    if (fail_syncs_) return rocksdb::IOStatus::IOError("injected: sync");
    return FSWritableFileOwnerWrapper::Fsync(options, debug);
  }

 private:
  const std::atomic<bool>& fail_appends_;
  const std::atomic<bool>& fail_syncs_;
};

}  // namespace

rocksdb::IOStatus FaultFileSystem::NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                                   std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                   rocksdb::IODebugContext* debug) {
  const rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(name, options, file, debug);
  if (status.ok() && name.ends_with(".log")) *file = std::make_unique<FaultFile>(std::move(*file), fail_appends, fail_syncs);
  if (status.ok() && name.ends_with(".sst")) *file = std::make_unique<FaultFile>(std::move(*file), fail_tables, fail_tables);
  return status;
}

rocksdb::IOStatus FaultFileSystem::GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options, uint64_t* bytes,
                                                rocksdb::IODebugContext* debug) {
  if (free_bytes == 0) return FileSystemWrapper::GetFreeSpace(path, options, bytes, debug);
  *bytes = free_bytes;
  return rocksdb::IOStatus::OK();
}

}  // namespace auspex::testing
