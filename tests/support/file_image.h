#pragma once

#include <map>
#include <string>

#include <rocksdb/file_system.h>

namespace auspex::testing {

/// The files of a directory, by name: to be damaged and laid down elsewhere.
using FileImage = std::map<std::string, std::string>;

FileImage ReadImage(rocksdb::FileSystem& disk, const std::string& directory);
void WriteImage(rocksdb::FileSystem& disk, const std::string& directory, const FileImage& image);

}  // namespace auspex::testing
