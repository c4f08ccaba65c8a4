#include "forecast_trend.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <Eigen/Dense>

#include "robust_statistics.h"

namespace auspex::analytics {
namespace {

// Weighted least squares of a polynomial; sums in order of the points, so that the same points give the same bits.
Trend FitPolynomial(int degree, std::span<const double> u, std::span<const double> y, std::span<const double> weights) {
  Eigen::Matrix3d normal = Eigen::Matrix3d::Identity();
  Eigen::Vector3d right = Eigen::Vector3d::Zero();
  for (int row = 0; row <= degree; ++row) normal(row, row) = 0;
  for (size_t i = 0; i < u.size(); ++i) {
    const std::array<double, 3> powers = {1, u[i], u[i] * u[i]};
    for (int row = 0; row <= degree; ++row) {
      right(row) += weights[i] * powers[static_cast<size_t>(row)] * y[i];
      for (int column = 0; column <= degree; ++column) {
        normal(row, column) += weights[i] * powers[static_cast<size_t>(row)] * powers[static_cast<size_t>(column)];
      }
    }
  }
  const Eigen::Vector3d solution = normal.ldlt().solve(right);
  return {.origin = solution(0), .slope = degree >= 1 ? solution(1) : 0, .bend = degree >= 2 ? solution(2) : 0};
}

// A level is where the newest tenth of the points lies.
Trend FitLevel(std::span<const double> y) {
  const size_t count = std::max<size_t>(3, y.size() / 10);
  const auto newest = y.last(std::min(count, y.size()));
  return {.origin = Median({newest.begin(), newest.end()})};
}

size_t FirstPoint(TrendShape shape, std::span<const double> u) {
  const double share = shape == TrendShape::kRecentHalf ? 0.5 : shape == TrendShape::kRecentQuarter ? 0.25 : 1.0;
  const double from = u.back() - share * (u.back() - u.front());
  const auto first = static_cast<size_t>(std::lower_bound(u.begin(), u.end(), from) - u.begin());
  return u.size() - first >= 4 ? first : u.size() - std::min<size_t>(4, u.size());
}

// What each shape's error is multiplied by before the smallest wins.
double Penalty(TrendShape shape) {
  switch (shape) {
    case TrendShape::kLevel:
      return 1.0;
    case TrendShape::kLinear:
      return 1.05;
    case TrendShape::kRecentHalf:
      return 1.15;
    case TrendShape::kRecentQuarter:
      return 1.25;
    case TrendShape::kQuadratic:
      return 1.5;
  }
  return 1.0;
}

constexpr std::array kShapes = {TrendShape::kLevel, TrendShape::kLinear, TrendShape::kRecentHalf, TrendShape::kRecentQuarter,
                                TrendShape::kQuadratic};

}  // namespace

Trend FitTrend(TrendShape shape, std::span<const double> u, std::span<const double> y) {
  if (shape == TrendShape::kLevel || u.size() < 4) return FitLevel(y);
  const size_t first = FirstPoint(shape, u);
  u = u.subspan(first);
  y = y.subspan(first);
  const int degree = shape == TrendShape::kQuadratic ? 2 : 1;
  std::vector<double> weights(u.size(), 1.0);
  std::vector<double> sizes(u.size());
  Trend trend;
  for (int round = 0; round < 6; ++round) {
    trend = FitPolynomial(degree, u, y, weights);
    for (size_t i = 0; i < u.size(); ++i) sizes[i] = std::abs(y[i] - trend.At(u[i]));
    const double sigma = 1.4826 * Median(sizes);
    if (!(sigma > 0)) break;
    for (size_t i = 0; i < u.size(); ++i) weights[i] = std::min(1.0, 1.345 * sigma / std::max(sizes[i], 1e-300));
  }
  return trend;
}

TrendChoice ChooseTrend(std::span<const double> u, std::span<const double> y) {
  constexpr std::array kOrigins = {0.5, 0.6, 0.7, 0.8, 0.9};
  constexpr std::array kWeights = {1.0, 1.0, 2.0, 3.0, 4.0};
  TrendChoice best;
  double best_error = std::numeric_limits<double>::infinity();
  for (const TrendShape shape : kShapes) {
    double error = 0;
    double drift = 0;
    double total = 0;
    for (size_t k = 0; k < kOrigins.size(); ++k) {
      const auto known = static_cast<size_t>(kOrigins[k] * static_cast<double>(u.size()));
      if (known < 5 || known >= u.size()) continue;
      const Trend trend = FitTrend(shape, u.first(known), y.first(known));
      double size = 0;
      double signed_error = 0;
      double lead = 0;
      for (size_t i = known; i < u.size(); ++i) {
        const double e = y[i] - trend.At(u[i]);
        size += std::abs(e);
        signed_error += e;
        lead += u[i] - u[known - 1];
      }
      // Per unit of lead, so that early origins, which forecast further, do not outweigh the late ones.
      error += kWeights[k] * size / lead;
      drift += kWeights[k] * (signed_error / lead) * (signed_error / lead);
      total += kWeights[k];
    }
    if (total == 0) break;
    error *= Penalty(shape);
    if (error < best_error) {
      best_error = error;
      best = {.shape = shape, .drift = std::sqrt(drift / total)};
    }
  }
  return best;
}

}  // namespace auspex::analytics
