#pragma once

#include <cstdint>
#include <deque>
#include <mutex>

namespace auspex::storage {

/// How early in time the store was changed since any moment: by every write and every deletion. Thread-safe.
/// Writes mostly come in order of time, and then one entry per kGrainMs of them is kept.
class ChangeLog {
 public:
  /// Samples at earliest_ms or later have changed. Called when the change can be seen, before it is acknowledged.
  void Note(int64_t earliest_ms);
  uint64_t Version() const;
  /// The earliest time noted after `version` was the answer of Version(); max() when there is none.
  int64_t EarliestSince(uint64_t version) const;

 private:
  static constexpr size_t kMaxEntries = 4096;
  static constexpr int64_t kGrainMs = 1000;
  struct Entry {
    uint64_t version;
    int64_t earliest_ms;
  };

  mutable std::mutex mu_;
  uint64_t version_ = 0;       // guarded by mu_
  std::deque<Entry> entries_;  // guarded by mu_; both fields increase
};

}  // namespace auspex::storage
