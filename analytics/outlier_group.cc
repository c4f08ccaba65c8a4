#include "outlier_group.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "robust_statistics.h"

namespace auspex::analytics {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The values of column k, without gaps.
void Column(const std::vector<std::span<const double>>& rows, size_t k, std::vector<double>& out) {
  out.clear();
  for (const auto& row : rows) {
    if (!std::isnan(row[k])) out.push_back(row[k]);
  }
}

// Between the two nearest ranks, as PromQL's quantile. `sorted` is not empty.
double Quantile(const std::vector<double>& sorted, double q) {
  const double rank = q * static_cast<double>(sorted.size() - 1);
  const auto lower = static_cast<size_t>(rank);
  const size_t upper = std::min(lower + 1, sorted.size() - 1);
  const double weight = rank - static_cast<double>(lower);
  return sorted[lower] * (1 - weight) + sorted[upper] * weight;
}

template <typename Outside>
void MarkRows(const std::vector<std::span<const double>>& rows, size_t k, Outside outside, std::vector<bool>& marked) {
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!std::isnan(rows[i][k]) && outside(rows[i][k])) marked[i] = true;
  }
}

// NaN when the rows have no column in common.
double Distance(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  size_t count = 0;
  for (size_t k = 0; k < a.size(); ++k) {
    if (std::isnan(a[k]) || std::isnan(b[k])) continue;
    const double d = a[k] - b[k];
    sum += d * d;
    ++count;
  }
  return count == 0 ? kNaN : std::sqrt(sum / static_cast<double>(count));
}

}  // namespace

std::vector<double> ColumnMedians(const std::vector<std::span<const double>>& rows) {
  std::vector<double> medians(rows.empty() ? 0 : rows[0].size(), kNaN);
  std::vector<double> column;
  for (size_t k = 0; k < medians.size(); ++k) {
    Column(rows, k, column);
    if (!column.empty()) medians[k] = Median(column);
  }
  return medians;
}

std::vector<bool> OutsideMad(const std::vector<std::span<const double>>& rows, std::span<const double> tolerance) {
  std::vector<bool> marked(rows.size(), false);
  const std::vector<double> medians = ColumnMedians(rows);
  std::vector<double> distances;
  for (size_t k = 0; k < medians.size(); ++k) {
    if (std::isnan(medians[k])) continue;
    Column(rows, k, distances);
    for (double& value : distances) value = std::abs(value - medians[k]);
    const double limit = Median(distances) * (tolerance.size() == 1 ? tolerance[0] : tolerance[k]);
    MarkRows(
        rows, k, [&](double value) { return std::abs(value - medians[k]) > limit; }, marked);
  }
  return marked;
}

std::vector<bool> OutsideFences(const std::vector<std::span<const double>>& rows) {
  std::vector<bool> marked(rows.size(), false);
  std::vector<double> column;
  for (size_t k = 0; !rows.empty() && k < rows[0].size(); ++k) {
    Column(rows, k, column);
    if (column.empty()) continue;
    std::sort(column.begin(), column.end());
    const double q25 = Quantile(column, 0.25);
    const double q75 = Quantile(column, 0.75);
    const double reach = 1.5 * (q75 - q25);
    MarkRows(
        rows, k, [&](double value) { return value > q75 + reach || value < q25 - reach; }, marked);
  }
  return marked;
}

std::vector<double> SquaredDistances(const std::vector<std::span<const double>>& rows) {
  const std::vector<double> medians = ColumnMedians(rows);
  std::vector<double> sums(rows.size(), 0);
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t k = 0; k < medians.size(); ++k) {
      if (std::isnan(rows[i][k])) continue;
      const double d = rows[i][k] - medians[k];
      sums[i] += d * d;
    }
  }
  return sums;
}

std::vector<bool> OutsideClusters(const std::vector<std::span<const double>>& rows, double tolerance) {
  std::vector<bool> marked(rows.size(), false);
  constexpr size_t kFewestRows = 4;
  if (rows.size() < kFewestRows) return marked;
  const std::vector<double> medians = ColumnMedians(rows);
  std::vector<double> from_median;
  double magnitude = 0;
  for (const auto& row : rows) {
    const double distance = Distance(row, medians);
    if (!std::isnan(distance)) from_median.push_back(distance);
  }
  for (const double median : medians) {
    if (std::isfinite(median)) magnitude = std::max(magnitude, std::abs(median));
  }
  // Rows that differ in their last digits only are alike.
  const double radius = tolerance * Median(from_median) + 1e-9 * magnitude;
  const size_t density = rows.size() < 6 ? 2 : 3;

  std::vector<std::vector<size_t>> near(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    near[i].push_back(i);
    for (size_t j = 0; j < i; ++j) {
      if (Distance(rows[i], rows[j]) > radius || std::isnan(Distance(rows[i], rows[j]))) continue;
      near[i].push_back(j);
      near[j].push_back(i);
    }
  }
  constexpr size_t kNone = static_cast<size_t>(-1);
  std::vector<size_t> cluster_of(rows.size(), kNone);
  std::vector<size_t> sizes;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (cluster_of[i] != kNone || near[i].size() < density) continue;
    const size_t cluster = sizes.size();
    sizes.push_back(0);
    std::vector<size_t> open = {i};
    cluster_of[i] = cluster;
    while (!open.empty()) {
      const size_t at = open.back();
      open.pop_back();
      ++sizes[cluster];
      if (near[at].size() < density) continue;  // on the border: belongs to the cluster, does not extend it
      for (const size_t other : near[at]) {
        if (cluster_of[other] != kNone) continue;
        cluster_of[other] = cluster;
        open.push_back(other);
      }
    }
  }
  const size_t largest = sizes.empty() ? 0 : *std::max_element(sizes.begin(), sizes.end());
  for (size_t i = 0; i < rows.size(); ++i) {
    const size_t size = cluster_of[i] == kNone ? 0 : sizes[cluster_of[i]];
    marked[i] = largest > 0 && 2 * size < largest;
  }
  return marked;
}

}  // namespace auspex::analytics
