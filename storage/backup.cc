#include <rocksdb/env.h>
#include <rocksdb/utilities/checkpoint.h>

#include "copy_file.h"
#include "rocks_store.h"

// Copies of a database directory: made while it is written to, and turned into a database again.
namespace auspex {
namespace storage {
namespace {

// A copy under way; it gets its name when it is complete.
constexpr std::string_view kPartialSuffix = ".partial";

Status RemoveDirectory(rocksdb::Env& env, const std::string& path) {
  std::vector<std::string> names;
  if (!env.GetChildren(path, &names).ok()) return OkStatus();  // not there
  for (const std::string& name : names) {
    if (name == "." || name == "..") continue;
    AUSPEX_RETURN_IF_ERROR(FromRocks(env.DeleteFile(path + "/" + name), path + "/" + name));
  }
  return FromRocks(env.DeleteDir(path), path);
}

Status SyncDirectory(rocksdb::Env& env, const std::string& path) {
  std::unique_ptr<rocksdb::Directory> directory;
  AUSPEX_RETURN_IF_ERROR(FromRocks(env.NewDirectory(path, &directory), path));
  return FromRocks(directory->Fsync(), path);
}

std::string ParentOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string WithoutTrailingSlash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

Status RocksStore::Backup(const std::string& given) {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckOpen());
  if (options_.in_memory) return Unsupported("backup: the database is in memory");
  if (options_.read_only) return Unsupported("backup: the database is open read-only");
  const std::string directory = WithoutTrailingSlash(given);
  if (directory.empty()) return InvalidArgument("backup: empty directory name");
  rocksdb::Env& env = rocks_->env();
  if (env.FileExists(directory).ok()) return AlreadyExists("backup: {} exists", directory);
  // Files that are half moved (of a seal) would not be in RocksDB's list of what there is.
  const std::lock_guard maintenance(maintenance_mu_);
  AUSPEX_RETURN_IF_ERROR(FromRocks(env.CreateDirIfMissing(ParentOf(directory)), ParentOf(directory)));
  const std::string partial = directory + std::string(kPartialSuffix);
  AUSPEX_RETURN_IF_ERROR(RemoveDirectory(env, partial));
  rocksdb::Checkpoint* made = nullptr;
  AUSPEX_RETURN_IF_ERROR(FromRocks(rocksdb::Checkpoint::Create(&rocks_->db(), &made), "backup"));
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  // Memtables stay as they are: their log is short, and is copied.
  AUSPEX_RETURN_IF_ERROR(FromRocks(checkpoint->CreateCheckpoint(partial, ~uint64_t{0}), partial));
  AUSPEX_RETURN_IF_ERROR(
      CopyFile(env, rocks_->path() + "/" + std::string(kFormatFile), partial + "/" + std::string(kFormatFile)));
  AUSPEX_RETURN_IF_ERROR(SyncDirectory(env, partial));
  AUSPEX_RETURN_IF_ERROR(FromRocks(env.RenameFile(partial, directory), directory));
  return SyncDirectory(env, ParentOf(directory));
}

}  // namespace storage

Status Store::Restore(const std::string& backup, const std::string& given) {
  using namespace storage;
  rocksdb::Env& env = *rocksdb::Env::Default();
  const std::string directory = WithoutTrailingSlash(given);
  if (directory.empty()) return InvalidArgument("restore: empty directory name");
  AUSPEX_RETURN_IF_ERROR(CheckFormatOf(env, backup));
  std::vector<std::string> names;
  if (env.GetChildren(directory, &names).ok()) {
    std::erase_if(names, [](const std::string& name) { return name == "." || name == ".."; });
    if (!names.empty()) return AlreadyExists("restore: {} is not empty", directory);
    AUSPEX_RETURN_IF_ERROR(FromRocks(env.DeleteDir(directory), directory));
  } else if (env.FileExists(directory).ok()) {
    return AlreadyExists("restore: {} is a file", directory);
  }
  const std::string partial = directory + std::string(kPartialSuffix);
  AUSPEX_RETURN_IF_ERROR(RemoveDirectory(env, partial));
  AUSPEX_RETURN_IF_ERROR(FromRocks(env.CreateDirIfMissing(partial), partial));
  AUSPEX_RETURN_IF_ERROR(FromRocks(env.GetChildren(backup, &names), backup));
  for (const std::string& name : names) {
    if (name == "LOCK" || name.starts_with("LOG") || name.starts_with("AUSPEX_LOCK") || name.starts_with("AUSPEX_PID"))
      continue;
    bool is_directory = false;
    if (!env.IsDirectory(backup + "/" + name, &is_directory).ok() || is_directory) continue;
    AUSPEX_RETURN_IF_ERROR(CopyFile(env, backup + "/" + name, partial + "/" + name));
  }
  AUSPEX_RETURN_IF_ERROR(SyncDirectory(env, partial));
  AUSPEX_RETURN_IF_ERROR(FromRocks(env.RenameFile(partial, directory), directory));
  return SyncDirectory(env, ParentOf(directory));
}

}  // namespace auspex
