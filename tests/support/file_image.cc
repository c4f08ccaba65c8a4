#include "tests/support/file_image.h"

#include <gtest/gtest.h>
#include <rocksdb/env.h>

namespace auspex::testing {

FileImage ReadImage(rocksdb::FileSystem& disk, const std::string& directory) {
  std::vector<std::string> names;
  EXPECT_TRUE(disk.GetChildren(directory, {}, &names, nullptr).ok());
  FileImage image;
  for (const std::string& name : names) {
    if (name == "." || name == ".." || name.ends_with("LOCK")) continue;  // a lock is no content
    EXPECT_TRUE(rocksdb::ReadFileToString(&disk, directory + "/" + name, &image[name]).ok()) << name;
  }
  return image;
}

void WriteImage(rocksdb::FileSystem& disk, const std::string& directory, const FileImage& image) {
  EXPECT_TRUE(disk.CreateDirIfMissing(directory, {}, nullptr).ok());
  for (const auto& [name, bytes] : image) {
    EXPECT_TRUE(rocksdb::WriteStringToFile(&disk, bytes, directory + "/" + name).ok()) << name;
  }
}

}  // namespace auspex::testing
