#include "steady_file_system.h"

#include "rocks.h"

namespace auspex::storage {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

/// What both kinds do with the operations that write: `Done` decides.
class SteadyFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  using FSWritableFileOwnerWrapper::FSWritableFileOwnerWrapper;

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return failed_ ? IOStatus::OK() : Done(FSWritableFileOwnerWrapper::Append(data, options, debug));
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo& verification,
                  IODebugContext* debug) override {
    return failed_ ? IOStatus::OK() : Done(FSWritableFileOwnerWrapper::Append(data, options, verification, debug));
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options, IODebugContext* debug) override {
    return failed_ ? IOStatus::OK() : Done(FSWritableFileOwnerWrapper::PositionedAppend(data, offset, options, debug));
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            const rocksdb::DataVerificationInfo& verification, IODebugContext* debug) override {
    return failed_ ? IOStatus::OK()
                   : Done(FSWritableFileOwnerWrapper::PositionedAppend(data, offset, options, verification, debug));
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    return failed_ ? IOStatus::OK() : Done(FSWritableFileOwnerWrapper::Flush(options, debug));
  }
  IOStatus RangeSync(uint64_t offset, uint64_t bytes, const IOOptions& options, IODebugContext* debug) override {
    return failed_ ? IOStatus::OK() : Done(FSWritableFileOwnerWrapper::RangeSync(offset, bytes, options, debug));
  }
  IOStatus Truncate(uint64_t bytes, const IOOptions& options, IODebugContext* debug) override {
    return failed_ ? IOStatus::OK() : Done(FSWritableFileOwnerWrapper::Truncate(bytes, options, debug));
  }

 protected:
  virtual IOStatus Done(IOStatus status) = 0;
  std::atomic<bool> failed_{false};  // nothing is written from then on
};

class SteadyTable final : public SteadyFile {
 public:
  using SteadyFile::SteadyFile;
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    if (!failed_) static_cast<void>(Done(FSWritableFileOwnerWrapper::Sync(options, debug)));
    return first_;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    if (!failed_) static_cast<void>(Done(FSWritableFileOwnerWrapper::Fsync(options, debug)));
    return first_;
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus closed = FSWritableFileOwnerWrapper::Close(options, debug);
    return failed_ ? first_ : closed;
  }

 protected:
  IOStatus Done(IOStatus status) override {
    if (status.ok() || failed_) return IOStatus::OK();
    first_ = std::move(status);  // a table has one writer
    failed_ = true;
    return IOStatus::OK();
  }

 private:
  IOStatus first_;
};

}  // namespace

class SteadyLog final : public SteadyFile {
 public:
  SteadyLog(std::unique_ptr<rocksdb::FSWritableFile> file, std::string name, SteadyFileSystem& files)
      : SteadyFile(std::move(file)), name_(std::move(name)), files_(files) {}
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return failed_ ? IOStatus::OK() : Done(FSWritableFileOwnerWrapper::Sync(options, debug));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return failed_ ? IOStatus::OK() : Done(FSWritableFileOwnerWrapper::Fsync(options, debug));
  }

 protected:
  IOStatus Done(IOStatus status) override {
    // A full disk RocksDB can deal with: it begins another log when there is room.
    if (status.ok() || status.IsNoSpace() || status.subcode() == IOStatus::kSpaceLimit) return status;
    files_.NoteLogError(name_, status);
    failed_ = true;
    return IOStatus::OK();
  }

 private:
  const std::string name_;
  SteadyFileSystem& files_;
};

void SteadyFileSystem::NoteLogError(const std::string& name, const rocksdb::IOStatus& status) {
  const std::lock_guard lock(mu_);
  if (!log_error_.ok()) return;
  log_error_ = FromRocks(status, name);
  log_failed_.store(true, std::memory_order_release);
}

rocksdb::IOStatus SteadyFileSystem::NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                    rocksdb::IODebugContext* debug) {
  rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(name, options, file, debug);
  if (!status.ok()) return status;
  if (name.ends_with(".log")) *file = std::make_unique<SteadyLog>(std::move(*file), name, *this);
  if (name.ends_with(".sst")) *file = std::make_unique<SteadyTable>(std::move(*file));
  return status;
}

rocksdb::IOStatus SteadyFileSystem::ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                       rocksdb::IODebugContext* debug) {
  rocksdb::IOStatus status = FileSystemWrapper::ReopenWritableFile(name, options, file, debug);
  if (!status.ok()) return status;
  if (name.ends_with(".log")) *file = std::make_unique<SteadyLog>(std::move(*file), name, *this);
  if (name.ends_with(".sst")) *file = std::make_unique<SteadyTable>(std::move(*file));
  return status;
}

}  // namespace auspex::storage
