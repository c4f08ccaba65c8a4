#pragma once

#include <cstdint>
#include <vector>

namespace auspex::analytics {

/// Stretches of time whose samples are judged but not learned from: what is known to have been unusual.
class LearningPauses {
 public:
  /// [begin_ms, end_ms). Calls come in order of begin.
  void Add(int64_t begin_ms, int64_t end_ms);
  bool Contain(int64_t t_ms) const;
  /// Of those that reach into [begin_ms, end_ms); 0 when there is none.
  uint64_t HashWithin(int64_t begin_ms, int64_t end_ms) const;

 private:
  struct Stretch {
    int64_t begin_ms, end_ms;
  };
  std::vector<Stretch> stretches_;  // apart from each other, in order
};

}  // namespace auspex::analytics
