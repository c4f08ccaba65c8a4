#pragma once

#include <memory>
#include <vector>

#include "auspex/storage/series_store.h"

namespace auspex::query {

/// The series that a selector means: with `alternatives` (`{a="1" or b="2"}`), those that all matchers of one of them hold
/// for, each series once and in order of the labels; else those of `request`.
Result<std::unique_ptr<Selection>> SelectSeries(const SeriesStore& store, const SelectRequest& request,
                                                const std::vector<std::vector<Matcher>>& alternatives);

}  // namespace auspex::query
