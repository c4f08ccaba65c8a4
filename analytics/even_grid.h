#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace auspex::analytics {

/// Samples as values at even distances: means by cell, counted back from the newest sample; empty cells interpolated.
struct EvenGrid {
  int64_t end_ms = 0;          ///< middle of the newest cell
  double width_ms = 0;         ///< of a cell
  std::vector<double> values;  ///< oldest first
  double filled = 0;           ///< share of cells with a sample, 0 to 1

  double MiddleMs(size_t cell) const {
    return static_cast<double>(end_ms) - static_cast<double>(values.size() - 1 - cell) * width_ms;
  }
};

/// The cell is the median distance of samples, or as much wider as `most_cells` needs. t_ms: strictly increasing; values:
/// finite. Empty for fewer than two samples. Cost: O(n).
EvenGrid MakeEvenGrid(std::span<const int64_t> t_ms, std::span<const double> values, size_t most_cells);

}  // namespace auspex::analytics
