#include "merge.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace auspex::storage {

void MergeOver(SampleColumns& base, std::span<const int64_t> t_ms, std::span<const double> values) {
  if (t_ms.empty()) return;
  if (base.t_ms.empty() || base.t_ms.back() < t_ms.front()) {
    base.t_ms.insert(base.t_ms.end(), t_ms.begin(), t_ms.end());
    base.values.insert(base.values.end(), values.begin(), values.end());
    return;
  }
  // Only the part of the base that is not wholly before the younger samples has to move.
  const auto overlap = std::lower_bound(base.t_ms.begin(), base.t_ms.end(), t_ms.front()) - base.t_ms.begin();
  const std::vector<int64_t> old_t(base.t_ms.begin() + overlap, base.t_ms.end());
  const std::vector<double> old_v(base.values.begin() + overlap, base.values.end());
  auto out = static_cast<size_t>(overlap);
  base.t_ms.resize(out + old_t.size() + t_ms.size());
  base.values.resize(base.t_ms.size());
  size_t i = 0;
  size_t j = 0;
  while (i < old_t.size() || j < t_ms.size()) {
    if (j == t_ms.size() || (i < old_t.size() && old_t[i] < t_ms[j])) {
      base.t_ms[out] = old_t[i];
      base.values[out++] = old_v[i++];
    } else if (i == old_t.size() || t_ms[j] < old_t[i]) {
      base.t_ms[out] = t_ms[j];
      base.values[out++] = values[j++];
    } else {
      base.t_ms[out] = t_ms[j];
      base.values[out++] = Resolve(old_v[i++], values[j++]);
    }
  }
  base.t_ms.resize(out);
  base.values.resize(out);
}

void SortAndResolve(SampleColumns& samples) {
  const size_t n = samples.t_ms.size();
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return samples.t_ms[a] < samples.t_ms[b]; });
  SampleColumns sorted;
  sorted.t_ms.reserve(n);
  sorted.values.reserve(n);
  for (const uint32_t i : order) {
    if (!sorted.t_ms.empty() && sorted.t_ms.back() == samples.t_ms[i]) {
      sorted.values.back() = Resolve(sorted.values.back(), samples.values[i]);
    } else {
      sorted.t_ms.push_back(samples.t_ms[i]);
      sorted.values.push_back(samples.values[i]);
    }
  }
  samples = std::move(sorted);
}

}  // namespace auspex::storage
