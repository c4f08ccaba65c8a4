#include "cold_writer.h"

namespace auspex::storage {
namespace {

constexpr uint64_t kFileBytes = uint64_t{64} << 20;

}  // namespace

Status ColdWriter::Put(std::string_view key, std::string_view value) {
  AUSPEX_RETURN_IF_ERROR(Begin());
  return FromRocks(writer_->Put(AsSlice(key), AsSlice(value)), files_.back());
}

Status ColdWriter::Delete(std::string_view key) {
  AUSPEX_RETURN_IF_ERROR(Begin());
  return FromRocks(writer_->Delete(AsSlice(key)), files_.back());
}

Status ColdWriter::DeleteRange(std::string_view begin, std::string_view end) {
  AUSPEX_RETURN_IF_ERROR(Begin());
  return FromRocks(writer_->DeleteRange(AsSlice(begin), AsSlice(end)), files_.back());
}

Status ColdWriter::Begin() {
  if (writer_ != nullptr && writer_->FileSize() >= kFileBytes) AUSPEX_RETURN_IF_ERROR(FinishFile());
  if (writer_ != nullptr) return OkStatus();
  rocksdb::EnvOptions env;
  writer_ = std::make_unique<rocksdb::SstFileWriter>(env, rocks_.OptionsOf(Family::kCold), rocks_.family(Family::kCold));
  files_.push_back(rocks_.path() + "/" + std::string(kIngestFilePrefix) + std::to_string(files_.size()) + ".sst");
  return FromRocks(writer_->Open(files_.back()), files_.back());
}

Status ColdWriter::FinishFile() {
  if (writer_ == nullptr) return OkStatus();
  const Status status = FromRocks(writer_->Finish(), files_.back());
  writer_.reset();
  return status;
}

Status ColdWriter::Ingest() {
  AUSPEX_RETURN_IF_ERROR(FinishFile());
  if (files_.empty()) return OkStatus();
  rocksdb::IngestExternalFileOptions options;
  options.move_files = true;
  options.snapshot_consistency = true;
  options.write_global_seqno = false;
  const auto status = rocks_.db().IngestExternalFile(rocks_.family(Family::kCold), files_, options);
  files_.clear();
  return FromRocks(status, "ingestion into cold");
}

Status RemoveIngestLeftovers(Rocks& rocks) {
  std::vector<std::string> names;
  AUSPEX_RETURN_IF_ERROR(FromRocks(rocks.env().GetChildren(rocks.path(), &names), rocks.path()));
  for (const std::string& name : names) {
    if (!name.starts_with(kIngestFilePrefix)) continue;
    AUSPEX_RETURN_IF_ERROR(FromRocks(rocks.env().DeleteFile(rocks.path() + "/" + name), name));
  }
  return OkStatus();
}

}  // namespace auspex::storage
