#pragma once

#include "auspex/query/value.h"
#include "rule.h"

namespace auspex::analytics {

/// The evaluation times of a group, as behaviour, within [from, to].
inline query::StepGrid GridOf(const RuleGroup& group, int64_t from_ms, int64_t to_ms) {
  const int64_t interval_ms = group.interval_ms;
  const int64_t shifted = from_ms + group.query_offset_ms;
  const int64_t rest = ((shifted % interval_ms) + interval_ms) % interval_ms;
  const int64_t first_ms = shifted + (rest == 0 ? 0 : interval_ms - rest) - group.query_offset_ms;
  const size_t count = first_ms > to_ms ? 0 : static_cast<size_t>((to_ms - first_ms) / interval_ms) + 1;
  return {first_ms, interval_ms, count};
}

}  // namespace auspex::analytics
