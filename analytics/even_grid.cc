#include "even_grid.h"

#include <algorithm>
#include <cmath>

namespace auspex::analytics {

EvenGrid MakeEvenGrid(std::span<const int64_t> t_ms, std::span<const double> values, size_t most_cells) {
  EvenGrid grid;
  if (t_ms.size() < 2) return grid;
  std::vector<int64_t> distances(t_ms.size() - 1);
  for (size_t i = 0; i + 1 < t_ms.size(); ++i) distances[i] = t_ms[i + 1] - t_ms[i];
  const auto middle = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
  std::nth_element(distances.begin(), middle, distances.end());
  const auto interval = static_cast<double>(*middle);
  const double span = static_cast<double>(t_ms.back() - t_ms.front());
  // Whole intervals, so that every cell has as many samples.
  const double factor = std::ceil(span / interval / static_cast<double>(most_cells - 1));
  grid.end_ms = t_ms.back();
  grid.width_ms = interval * std::max(1.0, factor);
  const auto count = static_cast<size_t>(span / grid.width_ms + 0.5) + 1;
  grid.values.assign(count, 0);
  std::vector<uint32_t> seen(count, 0);
  for (size_t i = 0; i < t_ms.size(); ++i) {
    const double age = static_cast<double>(t_ms.back() - t_ms[i]) / grid.width_ms;
    const size_t cell = count - 1 - std::min(count - 1, static_cast<size_t>(age + 0.5));
    grid.values[cell] += values[i];
    ++seen[cell];
  }
  size_t known = 0;
  size_t before = count;  // the last cell with a sample; count: none yet
  for (size_t c = 0; c < count; ++c) {
    if (seen[c] == 0) continue;
    ++known;
    grid.values[c] /= seen[c];
    const size_t gap_begin = before == count ? 0 : before + 1;
    for (size_t g = gap_begin; g < c; ++g) {
      const double f = before == count ? 1 : static_cast<double>(g - before) / static_cast<double>(c - before);
      grid.values[g] = before == count ? grid.values[c] : grid.values[before] + f * (grid.values[c] - grid.values[before]);
    }
    before = c;
  }
  grid.filled = static_cast<double>(known) / static_cast<double>(count);
  return grid;
}

}  // namespace auspex::analytics
