#include "decomposition.h"

#include <algorithm>
#include <cmath>

#include "cycle_finder.h"
#include "robust_statistics.h"

namespace auspex::analytics {
namespace {

// The value at age 0 of a line through values at ages 0 <= age <= reach, weighted by nearness and by fit.
double EndOfLine(const std::vector<double>& ages, const std::vector<double>& values, double reach) {
  const size_t n = ages.size();
  std::vector<double> nearness(n);
  for (size_t i = 0; i < n; ++i) {
    const double u = ages[i] / (reach * 1.0001);
    nearness[i] = std::pow(1 - u * u * u, 3);
  }
  std::vector<double> fit(n, 1);
  double level = 0;
  std::vector<double> residuals(n);
  constexpr int kRounds = 6;
  for (int round = 0; round < kRounds; ++round) {
    double w = 0, wa = 0, wv = 0;
    for (size_t i = 0; i < n; ++i) {
      const double weight = nearness[i] * fit[i];
      w += weight;
      wa += weight * ages[i];
      wv += weight * (values[i] - values[0]);
    }
    if (w <= 0) return level;
    const double age = wa / w;
    const double mean = wv / w;
    double cross = 0, square = 0;
    for (size_t i = 0; i < n; ++i) {
      const double weight = nearness[i] * fit[i];
      cross += weight * (ages[i] - age) * (values[i] - values[0] - mean);
      square += weight * (ages[i] - age) * (ages[i] - age);
    }
    const double slope = square > 0 ? cross / square : 0;
    level = values[0] + mean - slope * age;
    for (size_t i = 0; i < n; ++i) residuals[i] = std::abs(values[i] - values[0] - mean - slope * (ages[i] - age));
    const double scale = 6 * Median(residuals);
    if (scale <= 0) return level;
    for (size_t i = 0; i < n; ++i) {
      const double u = residuals[i] / scale;
      fit[i] = u < 1 ? (1 - u * u) * (1 - u * u) : 0;
    }
  }
  return level;
}

}  // namespace

Parts Decompose(std::span<const int64_t> t_ms, std::span<const double> values) {
  const auto cycle = FindCycle(MakeEvenGrid(t_ms, values, kCycleCells));
  const int64_t now_ms = t_ms.back();
  const double span_ms = static_cast<double>(now_ms - t_ms.front());
  const double reach_ms = cycle ? cycle->period_ms : span_ms / 3;
  std::vector<double> ages;
  std::vector<double> rest;
  for (size_t i = values.size(); i-- > 0;) {
    const double age_ms = static_cast<double>(now_ms - t_ms[i]);
    if (age_ms > reach_ms && ages.size() >= 8) break;
    ages.push_back(age_ms / 1000);
    rest.push_back(values[i] - (cycle ? cycle->At(static_cast<double>(t_ms[i])) : 0));
  }
  Parts parts;
  parts.seasonal = cycle ? cycle->At(static_cast<double>(now_ms)) : 0;
  parts.trend = EndOfLine(ages, rest, std::max(reach_ms / 1000, ages.back()));
  parts.residual = values.back() - parts.trend - parts.seasonal;
  return parts;
}

}  // namespace auspex::analytics
