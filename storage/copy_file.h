#pragma once

#include <string>

#include <rocksdb/env.h>

#include "auspex/storage/base/result.h"

namespace auspex::storage {

/// Copies a file's bytes and syncs them.
Status CopyFile(rocksdb::Env& env, const std::string& from, const std::string& to);

}  // namespace auspex::storage
