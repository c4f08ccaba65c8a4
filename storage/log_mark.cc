#include "log_mark.h"

#include <xxhash.h>

#include "base/bytes.h"
#include "rocks.h"

namespace auspex::storage {
namespace {

constexpr std::string_view kFile = "AUSPEX_MARK";
constexpr size_t kBytes = 16;  // sequence, checksum

}  // namespace

LogMark::LogMark(rocksdb::Env& env, const std::string& directory) : env_(env), path_(directory + "/" + std::string(kFile)) {}

uint64_t LogMark::Read() const {
  std::string bytes;
  if (!rocksdb::ReadFileToString(&env_, path_, &bytes).ok() || bytes.size() != kBytes) return 0;
  ByteReader reader(bytes);
  const auto sequence = reader.Fixed<uint64_t>();
  return reader.Fixed<uint64_t>() == XXH3_64bits(bytes.data(), sizeof sequence) ? sequence : 0;
}

Status LogMark::Write(uint64_t sequence) {
  if (sequence == written_) return OkStatus();
  std::string bytes;
  AppendFixed(bytes, sequence);
  AppendFixed(bytes, static_cast<uint64_t>(XXH3_64bits(bytes.data(), bytes.size())));
  const std::string next = path_ + ".new";
  AUSPEX_RETURN_IF_ERROR(FromRocks(rocksdb::WriteStringToFile(&env_, bytes, next), next));
  AUSPEX_RETURN_IF_ERROR(FromRocks(env_.RenameFile(next, path_), path_));
  written_ = sequence;
  return OkStatus();
}

}  // namespace auspex::storage
