#pragma once

#include <cstdint>
#include <span>

#include "auspex/storage/series_store.h"

namespace auspex::storage {

/// The rule for two samples of one series at one time: the younger wins, but a staleness marker never replaces a number.
/// Folding samples in order of age gives the same answer however they are grouped.
inline double Resolve(double older, double younger) {
  return IsStaleMarker(younger) && !IsStaleMarker(older) ? older : younger;
}

/// Lays younger samples over `base`. Both have strictly increasing times. Cheap when the younger ones are all later.
void MergeOver(SampleColumns& base, std::span<const int64_t> t_ms, std::span<const double> values);

/// Sorts samples that are in order of arrival by time and resolves repeated times.
void SortAndResolve(SampleColumns& samples);

}  // namespace auspex::storage
