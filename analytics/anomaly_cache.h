#pragma once

#include <array>
#include <cstdint>
#include <functional>
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

  /// Of one state, for algo=auto with a newest sample alone.
  static constexpr size_t kStateBytes = 10 * 1024;

  /// At most capacity_bytes / kStateBytes states. When it is full, what nobody asked for during four times as many calls
  /// leaves; while there is no such, newcomers are refused: of a rule with more series than fit, those that fit stay.
  explicit PassCache(size_t capacity_bytes) : capacity_(capacity_bytes / kStateBytes) {}

  /// The state of `key`, when it fits the columns, does not lie behind t_ms, and `still_right` says so of what it was primed
  /// with; it leaves the cache.
  std::optional<PassState> Take(const Key& key, const AnchoredPass::Columns& columns, int64_t t_ms,
                                const std::function<bool(const std::optional<PrimedWith>&)>& still_right);
  void Put(const Key& key, const AnchoredPass::Columns& columns, PassState state);

 private:
  struct Entry {
    Key key;
    Key samples;  // hash of what was judged
    PassState state;
    uint64_t put = 0;  // number of the call that put it here
  };

  const size_t capacity_;
  std::mutex mu_;
  std::list<Entry> entries_;  // newest first
  std::map<Key, std::list<Entry>::iterator> by_key_;
  uint64_t puts_ = 0;
};

}  // namespace auspex::analytics
