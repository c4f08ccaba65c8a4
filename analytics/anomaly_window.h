#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>

#include "auspex/analytics/detector.h"

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

/// One forward pass of a detector over the samples after an anchor. Borrows the columns.
class AnchoredPass {
 public:
  /// keep_ms: how long before the time asked for judged samples are still wanted.
  AnchoredPass(std::unique_ptr<Detector> detector, std::span<const int64_t> t_ms, std::span<const double> values,
               int64_t anchor_ms, int64_t keep_ms);

  /// Goes on to time t_ms, which must not go back.
  void AdvanceTo(int64_t t_ms);

  /// Judged samples, oldest first: those within keep_ms before the last AdvanceTo, and always the newest.
  const std::deque<JudgedSample>& judged() const { return judged_; }
  /// Mean distance between the samples since the anchor.
  double IntervalMs() const;

 private:
  std::unique_ptr<Detector> detector_;
  std::span<const int64_t> t_ms_;
  std::span<const double> values_;
  int64_t keep_ms_;
  size_t first_;
  size_t next_;
  double resolution_ = 0;
  std::deque<JudgedSample> judged_;
};

}  // namespace auspex::analytics
