#include "season_history.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace auspex::analytics {
namespace {

constexpr int64_t kDayMs = 86'400'000;

int64_t FloorTo(int64_t t_ms, int64_t width_ms) {
  const int64_t rest = t_ms % width_ms;
  return t_ms - (rest < 0 ? rest + width_ms : rest);
}

}  // namespace

Status SeasonHistory::Load(query::OlderSamples& older, const LearningPauses& pauses, int64_t begin_ms, int64_t end_ms) {
  AUSPEX_ASSIGN_OR_RETURN(version_, older.Version());
  SampleColumns columns;
  AUSPEX_RETURN_IF_ERROR(older.Read(begin_ms, end_ms, columns));
  middle_ms_.clear();
  means_.clear();
  for (size_t i = 0; i < columns.t_ms.size();) {
    const int64_t from_ms = FloorTo(columns.t_ms[i], kStretchMs);
    double sum = 0;
    double count = 0;
    for (; i < columns.t_ms.size() && columns.t_ms[i] < from_ms + kStretchMs; ++i) {
      if (!std::isfinite(columns.values[i]) || pauses.Contain(columns.t_ms[i])) continue;
      sum += columns.values[i];
      count += 1;
    }
    const double mean = sum / count;
    if (!std::isfinite(mean)) continue;
    middle_ms_.push_back(from_ms + kStretchMs / 2);
    means_.push_back(mean);
  }
  return OkStatus();
}

CoarseSamples SeasonHistory::Between(int64_t begin_ms, int64_t end_ms) const {
  const auto index_of = [&](int64_t t_ms) {
    return static_cast<size_t>(std::lower_bound(middle_ms_.begin(), middle_ms_.end(), t_ms) - middle_ms_.begin());
  };
  const size_t first = index_of(begin_ms + kStretchMs / 2);
  const size_t last = index_of(end_ms - kStretchMs / 2 + 1);
  if (first >= last) return {};
  return {std::span(middle_ms_).subspan(first, last - first), std::span(means_).subspan(first, last - first)};
}

int64_t SeasonHistory::BeginOf(int64_t anchor_ms, int64_t history_ms, int64_t expired_ms) {
  const int64_t wanted_ms = anchor_ms - history_ms;
  // A store that cannot say what has expired.
  if (expired_ms == std::numeric_limits<int64_t>::max() || expired_ms <= wanted_ms) return wanted_ms;
  return FloorTo(expired_ms, kDayMs) + kDayMs;
}

}  // namespace auspex::analytics
