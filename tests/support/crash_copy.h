#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <thread>

namespace auspex::testing {

/// Copies a database directory while it is open: what a process killed now would leave. The store's own threads may still be
/// removing files; a copy during which the directory changed is thrown away and made again.
inline void CopyAsCrashed(const std::string& from, const std::string& to) {
  namespace fs = std::filesystem;
  const auto listing = [&] {
    std::map<std::string, uintmax_t> files;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(from)) {
      if (entry.path().filename() != "LOG") files[entry.path().filename().string()] = entry.file_size(ignored);
    }
    return files;
  };
  for (;;) {
    const auto before = listing();
    std::error_code failed;
    fs::remove_all(to);
    fs::copy(from, to, fs::copy_options::recursive, failed);
    if (!failed && listing() == before) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace auspex::testing
