#pragma once

#include <cstdint>
#include <string>

#include <rocksdb/env.h>

#include "auspex/storage/base/result.h"

namespace auspex::storage {

/// How far the log had certainly reached the disk: a small file beside it. A log that ends earlier has lost what was
/// acknowledged; RocksDB itself takes a log that was cut for one whose writer died.
class LogMark {
 public:
  LogMark(rocksdb::Env& env, const std::string& directory);

  /// What was noted last; 0 when there is nothing, or nothing that can be read.
  uint64_t Read() const;
  /// RocksDB's sequence number up to which everything is synced. Replaces the file in one step.
  Status Write(uint64_t sequence);

 private:
  rocksdb::Env& env_;
  const std::string path_;
  uint64_t written_ = 0;
};

}  // namespace auspex::storage
