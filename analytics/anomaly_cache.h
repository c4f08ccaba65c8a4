#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>

#include "anomaly_window.h"

namespace auspex::analytics {

/// Passes that came to an end, to be gone on with at the next evaluation of the same rule: a tick then costs the new samples,
/// not the whole history. Never the truth: a state is handed out only for columns that begin with exactly the samples it has
/// judged (by a 128-bit hash over all of them), so late or changed samples simply start a new pass. Thread-safe.
class PassCache {
 public:
  using Key = std::array<uint64_t, 2>;

  /// At most `capacity` states of about 12 KB, the least recently used leave first.
  explicit PassCache(size_t capacity) : capacity_(capacity) {}

  /// The state of `key`, when it fits the columns and does not lie behind t_ms; it leaves the cache.
  std::optional<PassState> Take(const Key& key, const AnchoredPass::Columns& columns, int64_t t_ms);
  void Put(const Key& key, const AnchoredPass::Columns& columns, PassState state);

 private:
  struct Entry {
    Key key;
    Key samples;  // hash of what was judged
    PassState state;
  };

  const size_t capacity_;
  std::mutex mu_;
  std::list<Entry> entries_;  // newest first
  std::map<Key, std::list<Entry>::iterator> by_key_;
};

}  // namespace auspex::analytics
