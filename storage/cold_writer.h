#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/sst_file_writer.h>

#include "rocks.h"

namespace auspex::storage {

/// Files that are written before RocksDB takes them over have this prefix; leftovers are deleted at open.
inline constexpr std::string_view kIngestFilePrefix = "ingest-";

/// Makes the sorted files by which `cold` is changed, and only by which: what is replaced is deleted by the file that
/// replaces it. One at a time per database. One thread at a time.
class ColdWriter {
 public:
  explicit ColdWriter(Rocks& rocks) : rocks_(rocks) {}

  // In key order, each key once.
  Status Put(std::string_view key, std::string_view value);
  Status Delete(std::string_view key);
  Status DeleteRange(std::string_view begin, std::string_view end);
  /// Has RocksDB take over everything that was written, in one step.
  Status Ingest();

 private:
  Status Begin();
  Status FinishFile();

  Rocks& rocks_;
  std::unique_ptr<rocksdb::SstFileWriter> writer_;
  std::vector<std::string> files_;
};

/// Removes what an interrupted change left in the directory.
Status RemoveIngestLeftovers(Rocks& rocks);

}  // namespace auspex::storage
