#include "tests/support/crash_file_system.h"

#include <rocksdb/env.h>

namespace auspex::testing {
namespace {

rocksdb::IOStatus Dead() { return rocksdb::IOStatus::IOError("injected: the process is dead"); }

// A dead process sees no errors, and RocksDB 7.8 asserts when the table of a compaction that keeps no row cannot be written:
// what it goes on to write into tables is swallowed. Nothing that could make them count (MANIFEST, log, links) is done any
// more.
bool IsTable(const std::string& name) { return name.ends_with(".sst"); }

// RocksDB's own log is nobody's business.
bool Counts(const std::string& name) { return name.find("/LOG") == std::string::npos; }

}  // namespace

std::shared_ptr<rocksdb::FileSystem> NewMemoryFileSystem() {
  // The environment owns nothing that its file system needs, but frees it.
  const std::shared_ptr<rocksdb::Env> env(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  return {env->GetFileSystem().get(), [env](rocksdb::FileSystem* /*owned by env*/) {}};
}

class CrashFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  CrashFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::string name, uint64_t bytes, CrashFileSystem& disk)
      : FSWritableFileOwnerWrapper(std::move(file)), name_(std::move(name)), bytes_(bytes), disk_(disk) {}

  // Files in memory do not say so of themselves, and the log could not be synced beside its writers.
  bool IsSyncThreadSafe() const override { return true; }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    if (!disk_.Step()) {
      // A write that was under way may be there in part.
      if (!torn_ && !disk_torn()) static_cast<void>(Write({data.data(), data.size() / 2}, options, debug));
      torn_ = true;
      return IsTable(name_) ? rocksdb::IOStatus::OK() : Dead();
    }
    return Write(data, options, debug);
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& /*verification*/, rocksdb::IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    if (!disk_.Step()) return IsTable(name_) ? rocksdb::IOStatus::OK() : Dead();
    rocksdb::IOStatus status = FSWritableFileOwnerWrapper::Sync(options, debug);
    if (status.ok()) disk_.NoteSize(name_, bytes_, /*synced=*/true);
    return status;
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    return Sync(options, debug);
  }

 private:
  // Only the operation that crashed is torn; those after it do nothing.
  bool disk_torn() const { return disk_.operations() > disk_.crash_at_ + 1; }
  rocksdb::IOStatus Write(const rocksdb::Slice& data, const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) {
    rocksdb::IOStatus status = FSWritableFileOwnerWrapper::Append(data, options, debug);
    bytes_ += data.size();
    disk_.NoteSize(name_, bytes_, /*synced=*/false);
    return status;
  }

  const std::string name_;
  std::atomic<uint64_t> bytes_;
  std::atomic<bool> torn_{false};
  CrashFileSystem& disk_;
};

bool CrashFileSystem::Step() {
  const int64_t now = done_.fetch_add(1);
  if (crash_at_ >= 0 && now >= crash_at_) crashed_ = true;
  return !crashed_;
}

void CrashFileSystem::NoteSize(const std::string& name, uint64_t bytes, bool synced) {
  const std::lock_guard lock(mu_);
  Size& size = sizes_[name];
  size.bytes = bytes;
  if (synced) size.synced = bytes;
}

void CrashFileSystem::LosePower() {
  const std::lock_guard lock(mu_);
  for (const auto& [name, size] : sizes_) {
    if (size.synced == size.bytes || !FileSystemWrapper::FileExists(name, {}, nullptr).ok()) continue;
    std::string bytes;
    rocksdb::ReadFileToString(target(), name, &bytes).PermitUncheckedError();
    bytes.resize(std::min<size_t>(bytes.size(), size.synced));
    rocksdb::WriteStringToFile(target(), bytes, name).PermitUncheckedError();
  }
  sizes_.clear();
}

rocksdb::IOStatus CrashFileSystem::NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                                   std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                   rocksdb::IODebugContext* debug) {
  if (Counts(name) && !Step() && !IsTable(name)) return Dead();
  rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(name, options, file, debug);
  if (status.ok() && Counts(name)) {
    NoteSize(name, 0, /*synced=*/false);
    *file = std::make_unique<CrashFile>(std::move(*file), name, 0, *this);
  }
  return status;
}

rocksdb::IOStatus CrashFileSystem::ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                      rocksdb::IODebugContext* debug) {
  if (Counts(name) && !Step()) return Dead();
  uint64_t bytes = 0;
  FileSystemWrapper::GetFileSize(name, {}, &bytes, nullptr).PermitUncheckedError();
  rocksdb::IOStatus status = FileSystemWrapper::ReopenWritableFile(name, options, file, debug);
  if (status.ok() && Counts(name)) *file = std::make_unique<CrashFile>(std::move(*file), name, bytes, *this);
  return status;
}

rocksdb::IOStatus CrashFileSystem::DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                                              rocksdb::IODebugContext* debug) {
  if (Counts(name) && !Step()) return Dead();
  return FileSystemWrapper::DeleteFile(name, options, debug);
}

rocksdb::IOStatus CrashFileSystem::CreateDir(const std::string& name, const rocksdb::IOOptions& options,
                                             rocksdb::IODebugContext* debug) {
  if (!Step()) return Dead();
  return FileSystemWrapper::CreateDir(name, options, debug);
}

rocksdb::IOStatus CrashFileSystem::RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                                              rocksdb::IODebugContext* debug) {
  if (Counts(from) && !Step()) return Dead();
  {
    const std::lock_guard lock(mu_);
    if (const auto size = sizes_.extract(from); !size.empty()) sizes_[to] = size.mapped();
  }
  return FileSystemWrapper::RenameFile(from, to, options, debug);
}

rocksdb::IOStatus CrashFileSystem::LinkFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                                            rocksdb::IODebugContext* debug) {
  if (!Step()) return Dead();
  {
    const std::lock_guard lock(mu_);
    if (const auto size = sizes_.find(from); size != sizes_.end()) sizes_[to] = size->second;
  }
  return FileSystemWrapper::LinkFile(from, to, options, debug);
}

}  // namespace auspex::testing
