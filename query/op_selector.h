#pragma once

#include "range_source.h"

namespace auspex::query {

/// `metric{...} offset 5m @ 100`: the last sample of each series at or before each step, if it is not older than the
/// lookback and not a staleness marker. `timestamps`: answers when that sample was taken, in seconds, not its value.
/// `reset_hints`: histograms say whether they are resets (reset_hint.h).
/// `alternatives`: as SelectSeries takes them (series_choice.h).
using Alternatives = std::vector<std::vector<Matcher>>;
OperatorPtr MakeSelector(std::vector<Matcher> matchers, TimeShift shift, bool timestamps, bool reset_hints = false,
                         Alternatives alternatives = {});
/// `metric{...} smoothed`: the line between the samples before and after each step, both within the lookback; the one
/// before it where there is none after it.
OperatorPtr MakeSmoothedSelector(std::vector<Matcher> matchers, TimeShift shift, Alternatives alternatives = {});

}  // namespace auspex::query
