#pragma once

#include <optional>
#include <vector>

#include "auspex/analytics/detector.h"
#include "even_grid.h"

namespace auspex::analytics {

/// A shape that comes again.
struct Cycle {
  double period_ms = 0;
  double strength = 0;  ///< 0 to 1: share of the variance about the trend that each cycle's shape is foretold by the others
  std::vector<double> profile;  ///< by phase, bins of equal width from phase 0 (1970, UTC) on; mean about 0; unit of the values
  double middle = 0.5;          ///< where in a bin its samples lie on average, 0 to 1

  /// The profile at a time, interpolated between the middles of bins.
  double At(double t_ms) const;
};

/// The period that the values repeat with, or none.
///
///   candidates   an hour, a day, a week, and the eight highest peaks of the periodogram P(f) and of f P(f) (which weighs a
///                random walk's spectrum down), each moved to the best period near it
///   shape        values less a line through the means of the cycles, averaged in at most 96 bins of phase
///   strength     1 - sum (shape of a cycle - mean shape of the others)^2 / sum (shape of a cycle)^2
///   boundary     0.1 + 1.2 / cycles for an hour, a day, a week; 0.15 + 2.6 / cycles + 3 / cells for others: more than
///                noise and random walks reach (cycle_finder_slow_test measures it)
/// Of those beyond the boundary the shortest with at least 0.6 of the best one's strength.
///
/// At least three cycles and four cells in a cycle; at least half of the cells filled. season: kNone finds nothing; kHour,
/// kDay and kWeek look at that period alone.   Cost: O(cells log cells), 1 ms for 2048 cells.
/// Source: candidates of the periodogram confirmed in the time domain, M. Vlachos, P. Yu, V. Castelli 2005 (SDM); the
/// strength is cross-validated where X. Wang, K. Smith, R. Hyndman 2006 (Data Mining and Knowledge Discovery 13) use the fit.
std::optional<Cycle> FindCycle(const EvenGrid& grid, Season season = Season::kAuto);

/// Cells that FindCycle wants its grid to have at most.
inline constexpr size_t kCycleCells = 2048;

}  // namespace auspex::analytics
