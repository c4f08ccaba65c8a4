#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "column_scan.h"
#include "kernel.h"

namespace auspex::query {

/// The largest multiple of `range_ms` that is not after t_ms.
inline int64_t AnchorOf(int64_t t_ms, int64_t range_ms) {
  const int64_t behind = t_ms % range_ms;
  return behind < 0 ? t_ms - behind - range_ms : t_ms - behind;
}

/// The part of the samples [begin, end), added from the last one backwards. By itself the loop has registers enough for all of
/// the part: within the visitor, compilers keep some of it in memory, which costs as much again as the additions.
template <typename Part>
[[gnu::noinline]] Part PartBackwards(const RangeInput& input, size_t begin, size_t end, int64_t anchor_ms) {
  Part part;
  for (size_t i = end; i-- > begin;) part.Add(input.t_ms[i], input.values[i], anchor_ms);
  const Part whole = part;  // so that nobody has the address of `part`
  return whole;
}

/// Visits every window that is not empty with what `Part` makes of its samples, at two Add() a sample in all, however long
/// the window is.
///
/// A window of length r that ends at t always contains the anchor, the last multiple of r up to t. Its part is made of the
/// samples up to the anchor, added from the anchor backwards, merged with those after it, added forwards. This is the
/// definition of the answer, not a shortcut: an instant query, any step and any number of threads give the same bits.
/// Windows that end between two anchors share the backward pass and go on with the forward one.
/// Source: van Herk 1992 and Gil and Werman 1993, running extremes by blocks.
///
/// `Part`: Add(t_ms, value, anchor_ms), Merge(later part). visit(window, part).
template <typename Part, typename Visit>
void ForEachAnchoredWindow(const RangeInput& input, Visit visit) {
  std::vector<Part> back;  // back[i]: of the samples [back_begin + i, split)
  size_t back_begin = 0;
  size_t split = 0;  // the first sample after the anchor
  Part forward;      // of the samples [split, next)
  size_t next = 0;
  int64_t anchor_ms = 0;
  bool anchored = false;
  const int64_t range_ms = input.range_ms > 0 ? input.range_ms : 1;
  // No two windows have an anchor in common: of the backward pass only its end is wanted.
  const bool alone = input.steps.count == 1 || input.steps.step_ms >= range_ms;
  ForEachWindow(input, [&](const Window& window) {
    const int64_t at_ms = AnchorOf(input.steps.At(window.step), range_ms);
    if (!anchored || at_ms != anchor_ms) {
      anchored = true;
      anchor_ms = at_ms;
      const auto t = input.t_ms.subspan(window.begin, window.size());
      split = window.begin + static_cast<size_t>(std::upper_bound(t.begin(), t.end(), anchor_ms) - t.begin());
      back_begin = window.begin;
      if (alone) {
        back.assign(1, PartBackwards<Part>(input, back_begin, split, anchor_ms));
      } else {
        back.resize(split - back_begin);
        Part part;
        for (size_t i = split; i-- > back_begin;) {
          part.Add(input.t_ms[i], input.values[i], anchor_ms);
          back[i - back_begin] = part;
        }
      }
      forward = Part();
      next = split;
    }
    for (; next < window.end; ++next) forward.Add(input.t_ms[next], input.values[next], anchor_ms);
    if (window.begin >= split) return visit(window, forward);
    Part whole = back[window.begin - back_begin];
    whole.Merge(forward);
    visit(window, whole);
  });
}

/// Says of each window, in order, whether it has a NaN, and whether it has a value that sums could overflow with.
class WildValues {
 public:
  /// `bound`: magnitudes below it are tame.
  WildValues(const RangeInput& input, double bound)
      : input_(input), bound_(bound), seen_(SkipBelow(input.values, bound) == input.values.size() ? input.values.size() : 0) {}
  void Advance(const Window& window) {
    for (; seen_ < window.end; ++seen_) {
      const double value = input_.values[seen_];
      if (std::abs(value) < bound_) continue;
      (std::isnan(value) ? nan_end_ : wild_end_) = seen_ + 1;
    }
  }
  bool HasNan(const Window& window) const { return nan_end_ > window.begin; }
  bool IsWild(const Window& window) const { return wild_end_ > window.begin; }

 private:
  const RangeInput& input_;
  const double bound_;
  size_t seen_;         // all, when none of them is wild
  size_t nan_end_ = 0;  // one after the last NaN seen
  size_t wild_end_ = 0;
};

}  // namespace auspex::query
