#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace auspex::analytics {

/// An abrupt change of level.
struct LevelChange {
  size_t at = 0;     ///< first sample of the new level
  double score = 0;  ///< >= 1
  double shift = 0;  ///< level after less level before, unit of the values
};

struct LevelChanges {
  double score = 0;                  ///< of the clearest change, significant or not; 1 is the boundary
  std::vector<LevelChange> changes;  ///< the significant ones, in order of time
};

/// Where the level of a series changes abruptly, against whatever else moves it: noise that may depend on itself, a random
/// walk, a trend, a smooth season.
///
///   D(m, i) = mean(x[i, i+m)) - mean(x[i-m, i)) - m * slope        for m = 6, 8, 12, 16, ... up to n / 4 samples
///   score   = max |D(m, i)| / (boundary(n, m) * deviation(m))
///
/// deviation(m)^2 = sum over lags k of weight(k) V(k) is the variance that D has by the series' own variogram: V(k), the
/// variance of x[i+k] - x[i], measured without its largest members, so that a handful of changes does not hide them, and slope
/// is the median of those differences over their lag. Single samples that stand out are first cut off by a running median of 5;
/// the medians on both sides must confirm half of the change. Of changes closer to each other than m, the clearest stays; its
/// place is where two means fit the samples around it best. boundary: see change_point.cc.
///
/// values: finite, evenly spaced as far as is known. Fewer than kMinSamples: score 0 and no changes.
/// Cost: O(n) beyond 1024 samples (means of neighbouring ones), below that about 40 passes over them.
/// Source: moving sums, P. Bauer, P. Hackl 1980, and C. Kirch, B. Eichinger 2018 (Bernoulli 24); the variogram as the null, as
/// in G. Romano and others 2022 (JASA 117, change in the presence of drift and autocorrelated noise).
class ChangePoints {
 public:
  static constexpr size_t kMinSamples = 24;
  static LevelChanges Find(std::span<const double> values);
};

}  // namespace auspex::analytics
