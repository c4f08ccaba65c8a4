#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace auspex::query {

/// A row of a batch and its value at one step.
struct RankedRow {
  double value;
  size_t row;
};

/// The order in which Prometheus keeps the rows of topk (ascending) and bottomk (descending) in a heap: NaN before
/// everything, itself included.
struct HeapOrder {
  bool ascending;
  bool operator()(const RankedRow& a, const RankedRow& b) const {
    if (std::isnan(a.value)) return true;
    return ascending ? a.value < b.value : a.value > b.value;
  }
};

/// Sorts so that the last of `order` comes first. Up to twelve rows, ties and NaNs fall as by insertion sort, which Go's
/// sort.Sort is for that many and which people have got used to; beyond, ties keep their order and NaNs come last.
inline void SortReversed(std::vector<RankedRow>& rows, HeapOrder order) {
  if (rows.size() <= 12) {
    for (size_t i = 1; i < rows.size(); ++i) {
      for (size_t j = i; j > 0 && order(rows[j - 1], rows[j]); --j) std::swap(rows[j], rows[j - 1]);
    }
    return;
  }
  std::stable_sort(rows.begin(), rows.end(), [order](const RankedRow& a, const RankedRow& b) {
    if (std::isnan(a.value) || std::isnan(b.value)) return !std::isnan(a.value) && std::isnan(b.value);
    return order(b, a);
  });
}

}  // namespace auspex::query
