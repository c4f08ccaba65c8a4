#pragma once

#include <cstdint>

#include "auspex/analytics/detector.h"
#include "auspex/query/older_samples.h"
#include "learning_pauses.h"

namespace auspex::analytics {

/// Means over five-minute stretches of a series' older samples, from which detectors learn its seasons before their first
/// sample. Read once for all anchors of a query.
class SeasonHistory {
 public:
  static constexpr int64_t kStretchMs = 300'000;

  /// The samples of [begin_ms, end_ms), but for those within the pauses. Errors: the store's.
  Status Load(query::OlderSamples& older, const LearningPauses& pauses, int64_t begin_ms, int64_t end_ms);
  /// The stretches that lie wholly within [begin_ms, end_ms): what a judgement with that anchor may know.
  CoarseSamples Between(int64_t begin_ms, int64_t end_ms) const;
  /// Of the store, before the samples were read.
  uint64_t version() const { return version_; }

  /// Where the history of an anchor begins: `history_ms` before it, but not where retention is taking samples away; that
  /// bound moves by whole days, so that answers of one day agree.   expired_ms: as StoreChanges says.
  static int64_t BeginOf(int64_t anchor_ms, int64_t history_ms, int64_t expired_ms);

 private:
  std::vector<int64_t> middle_ms_;
  std::vector<double> means_;
  uint64_t version_ = 0;
};

}  // namespace auspex::analytics
