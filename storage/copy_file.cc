#include "copy_file.h"

#include <memory>

#include "rocks.h"

namespace auspex::storage {
namespace {

constexpr size_t kCopyBytes = size_t{1} << 20;

}  // namespace

Status CopyFile(rocksdb::Env& env, const std::string& from, const std::string& to) {
  const rocksdb::EnvOptions options;
  std::unique_ptr<rocksdb::SequentialFile> in;
  std::unique_ptr<rocksdb::WritableFile> out;
  AUSPEX_RETURN_IF_ERROR(FromRocks(env.NewSequentialFile(from, &in, options), from));
  AUSPEX_RETURN_IF_ERROR(FromRocks(env.NewWritableFile(to, &out, options), to));
  std::string buffer(kCopyBytes, '\0');
  for (;;) {
    rocksdb::Slice read;
    AUSPEX_RETURN_IF_ERROR(FromRocks(in->Read(buffer.size(), &read, buffer.data()), from));
    if (read.empty()) break;
    AUSPEX_RETURN_IF_ERROR(FromRocks(out->Append(read), to));
  }
  AUSPEX_RETURN_IF_ERROR(FromRocks(out->Fsync(), to));
  return FromRocks(out->Close(), to);
}

}  // namespace auspex::storage
