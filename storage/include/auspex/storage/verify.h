#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "auspex/storage/base/result.h"

namespace rocksdb {
class FileSystem;
}

namespace auspex {

/// How far a verification is.
struct VerifyProgress {
  std::string part;  ///< what is being looked at: "files", "cold", "journal", ...
  uint64_t done = 0;
  uint64_t total = 0;  ///< as estimated; files or rows
};

struct VerifyOptions {
  std::string path;                                     ///< a database or backup directory that no process has open for writing
  std::shared_ptr<rocksdb::FileSystem> file_system;     ///< null: the system's
  std::function<void(const VerifyProgress&)> progress;  ///< called now and then; may be empty
  size_t findings_limit = 1000;                         ///< further ones are only counted
};

/// What a verification found. The directory is sound when findings_count is 0.
struct VerifyReport {
  struct Finding {
    std::string where;  ///< "file 000123.sst", "cold block partition day ...", "journal record 7"
    std::string what;
  };
  std::vector<Finding> findings;
  uint64_t findings_count = 0;
  uint64_t files_count = 0;
  uint64_t blocks_count = 0;
  uint64_t samples_count = 0;
  uint64_t journal_records_count = 0;
  uint64_t series_count = 0;
  uint64_t records_count = 0;
  bool ok() const { return findings_count == 0; }
};

/// Reads everything in a database directory: every file's checksums, every block to its last sample, journal records and their
/// sequence, index rows and the references between them, deletions, records. Changes nothing. Memory: as opening the database.
/// Errors: NotFound, FailedPrecondition (newer format); damage is a finding, not an error.
Result<VerifyReport> Verify(const VerifyOptions& options);

}  // namespace auspex
