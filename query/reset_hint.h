#pragma once

#include "auspex/storage/series_store.h"

namespace auspex::query {

/// `now` with what comparing it with the histogram before it tells of a reset; as it is when it has a hint, or when there is
/// none before. Where only counts and sums of histograms are asked for, Prometheus gives hints to what it reads, and warns of
/// aggregations that put resets and others together.
HistogramPtr WithResetHint(const HistogramPtr& now, const Histogram* before);

/// The same for every histogram of a series.
void AddResetHints(SampleColumns& columns);

}  // namespace auspex::query
