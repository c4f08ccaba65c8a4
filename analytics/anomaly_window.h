#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>

#include "auspex/analytics/detector.h"
#include "learning_pauses.h"

namespace auspex::analytics {

/// Where the history of a judgement at time t begins: g(t), the newest point at least one range before t on a grid of one
/// range. So t - 2 range < g(t) <= t - range, neighbouring times share their history, and one forward pass over
/// (g, g + 2 range) serves every t with that g. The grid's phase differs from series to series, so that they do not all
/// change their history at one moment.
class AnchorGrid {
 public:
  AnchorGrid(int64_t range_ms, uint64_t series_hash)
      : range_ms_(range_ms), phase_ms_(static_cast<int64_t>(series_hash % static_cast<uint64_t>(range_ms))) {}

  int64_t AnchorOf(int64_t t_ms) const {
    const int64_t at = t_ms - range_ms_ - phase_ms_;
    const int64_t cell = at >= 0 ? at / range_ms_ : -((-at + range_ms_ - 1) / range_ms_);
    return cell * range_ms_ + phase_ms_;
  }

 private:
  int64_t range_ms_;
  int64_t phase_ms_;
};

/// A judgement and the sample that it is about.
struct JudgedSample {
  int64_t t_ms = 0;
  double value = 0;
  double resolution = 0;  ///< smallest step between two samples that was seen since the anchor; 0 none
  Judgement judgement;
};

/// What a detector was primed with before its first sample.
struct PrimedWith {
  int64_t begin_ms = 0;
  uint64_t version = 0;        ///< of the store, before it was read
  size_t stretches_count = 0;  ///< means of five minutes
};

/// How far a pass has come.
struct PassState {
  std::unique_ptr<Detector> detector;
  std::optional<PrimedWith> primed;
  size_t samples_count = 0;  ///< judged since the anchor
  int64_t last_ms = 0;       ///< time of the newest of them
  double resolution = 0;
  std::deque<JudgedSample> judged;
};

/// One forward pass of a detector over the samples after an anchor. Borrows the columns.
class AnchoredPass {
 public:
  /// Samples after the anchor: what a pass from `anchor_ms` sees.
  struct Columns {
    std::span<const int64_t> t_ms;
    std::span<const double> values;
  };
  static Columns After(int64_t anchor_ms, std::span<const int64_t> t_ms, std::span<const double> values);

  /// keep_ms: how long before the time asked for judged samples are still wanted. `state`: new, or of an earlier pass over
  /// columns that began with the same samples. Borrows the pauses; null: none.
  AnchoredPass(Columns columns, int64_t keep_ms, PassState state, const LearningPauses* pauses)
      : columns_(columns), keep_ms_(keep_ms), state_(std::move(state)), pauses_(pauses) {}

  /// Goes on to time t_ms, which must not go back.
  void AdvanceTo(int64_t t_ms);

  /// Judged samples, oldest first: those within keep_ms before the last AdvanceTo, and always the newest.
  const std::deque<JudgedSample>& judged() const { return state_.judged; }
  /// Mean distance between the samples since the anchor.
  double IntervalMs() const;

  const PassState& state() const { return state_; }
  const Columns& columns() const { return columns_; }
  PassState TakeState() && { return std::move(state_); }

 private:
  Columns columns_;
  int64_t keep_ms_;
  PassState state_;
  const LearningPauses* pauses_;
};

}  // namespace auspex::analytics
