#include "auspex/analytics/forecaster.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include <Eigen/Dense>

#include "forecast_trend.h"
#include "robust_statistics.h"

namespace auspex::analytics {
namespace {

constexpr size_t kPoints = 256;
constexpr size_t kResiduals = 1000;  // samples, evenly taken, whose residuals give the noise
constexpr double kDay = 86'400;
constexpr double kWeek = 7 * kDay;
constexpr int kDailyHarmonics = 3;
constexpr int kWeeklyHarmonics = 2;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Means over equal stretches of time; empty stretches are left out.
struct Points {
  std::vector<double> u;  // in windows after now
  std::vector<double> y;
};

Points Aggregate(std::span<const int64_t> t_ms, std::span<const double> values, int64_t now_ms, double unit_ms) {
  Points points;
  size_t current = kPoints;
  double count = 0, sum_u = 0, sum_y = 0;
  const auto close = [&] {
    if (count == 0) return;
    points.u.push_back(sum_u / count);
    points.y.push_back(sum_y / count);
    count = sum_u = sum_y = 0;
  };
  for (size_t i = 0; i < t_ms.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    const double u = -static_cast<double>(now_ms - t_ms[i]) / unit_ms;
    const auto bin = static_cast<size_t>(std::clamp((u + 1) * static_cast<double>(kPoints), 0.0, kPoints - 1.0));
    if (bin != current) close();
    current = bin;
    count += 1;
    sum_u += u;
    sum_y += values[i];
  }
  close();
  return points;
}

// Sine and cosine of the harmonics at a time, daily ones first.
void Harmonics(double seconds, bool daily, bool weekly, std::vector<double>& out) {
  out.clear();
  const auto add = [&](double period, int count) {
    const double phase = 2 * std::numbers::pi * (std::fmod(seconds, period) / period);
    for (int k = 1; k <= count; ++k) {
      out.push_back(std::sin(k * phase));
      out.push_back(std::cos(k * phase));
    }
  };
  if (daily) add(kDay, kDailyHarmonics);
  if (weekly) add(kWeek, kWeeklyHarmonics);
}

struct SeasonFit {
  std::vector<double> coefficients;
  double unexplained = 1;  // mean size of the residuals, as a share of that without the season
};

constexpr size_t kKnots = 5;

// Least squares with Huber's weights. rows: points x columns, of which the first `used` count. Sums in order of the points, so
// that the same points give the same bits.
struct RobustFit {
  Eigen::VectorXd solution;
  double mean_size = 0;  // of the residuals
};
RobustFit FitRows(const std::vector<double>& rows, size_t columns, size_t used, const std::vector<double>& y) {
  RobustFit fit;
  const auto n = static_cast<Eigen::Index>(used);
  std::vector<double> sizes(y.size());
  std::vector<double> weights(y.size(), 1.0);
  for (int round = 0; round < 4; ++round) {
    Eigen::MatrixXd normal = Eigen::MatrixXd::Zero(n, n);
    Eigen::VectorXd right = Eigen::VectorXd::Zero(n);
    for (size_t i = 0; i < y.size(); ++i) {
      const double* row = rows.data() + i * columns;
      for (Eigen::Index a = 0; a < n; ++a) {
        right(a) += weights[i] * row[a] * y[i];
        for (Eigen::Index b = 0; b <= a; ++b) normal(a, b) += weights[i] * row[a] * row[b];
      }
    }
    for (Eigen::Index a = 0; a < n; ++a) {
      normal(a, a) += 1e-9;  // a stretch without points leaves its knot free
      for (Eigen::Index b = 0; b < a; ++b) normal(b, a) = normal(a, b);
    }
    fit.solution = normal.ldlt().solve(right);
    fit.mean_size = 0;
    for (size_t i = 0; i < y.size(); ++i) {
      double fitted = 0;
      for (Eigen::Index a = 0; a < n; ++a) fitted += rows[i * columns + static_cast<size_t>(a)] * fit.solution(a);
      sizes[i] = std::abs(y[i] - fitted);
      fit.mean_size += sizes[i] / static_cast<double>(y.size());
    }
    const double sigma = 1.4826 * Median(sizes);
    if (!(sigma > 0)) break;
    for (size_t i = 0; i < sizes.size(); ++i) weights[i] = std::min(1.0, 1.345 * sigma / std::max(sizes[i], 1e-300));
  }
  return fit;
}

// Harmonics beside a line with knots at the quarters of the window (so that a step or a bend is not taken for a season).
SeasonFit FitSeason(const Points& points, double now_seconds, double unit_seconds, bool daily, bool weekly) {
  const size_t columns = kKnots + (daily ? 2 * kDailyHarmonics : 0) + (weekly ? 2 * kWeeklyHarmonics : 0);
  std::vector<double> rows(points.u.size() * columns, 0.0);
  std::vector<double> waves;
  for (size_t i = 0; i < points.u.size(); ++i) {
    double* row = rows.data() + i * columns;
    const double at = std::clamp((points.u[i] + 1) * (kKnots - 1), 0.0, kKnots - 1.000001);
    const auto knot = static_cast<size_t>(at);
    row[knot] = 1 - (at - static_cast<double>(knot));
    row[knot + 1] = at - static_cast<double>(knot);
    Harmonics(now_seconds + points.u[i] * unit_seconds, daily, weekly, waves);
    std::copy(waves.begin(), waves.end(), row + kKnots);
  }
  const RobustFit without = FitRows(rows, columns, kKnots, points.y);
  const RobustFit with = FitRows(rows, columns, columns, points.y);
  SeasonFit fit;
  for (size_t a = kKnots; a < columns; ++a) fit.coefficients.push_back(with.solution(static_cast<Eigen::Index>(a)));
  fit.unexplained = without.mean_size > 0 ? with.mean_size / without.mean_size : 1;
  return fit;
}

}  // namespace

std::string_view Name(TrendShape shape) {
  switch (shape) {
    case TrendShape::kLevel:
      return "level";
    case TrendShape::kLinear:
      return "linear";
    case TrendShape::kRecentHalf:
      return "linear, recent half";
    case TrendShape::kRecentQuarter:
      return "linear, recent quarter";
    case TrendShape::kQuadratic:
      return "quadratic";
  }
  return "level";
}

std::optional<Forecast> Forecast::Fit(std::span<const int64_t> t_ms, std::span<const double> values, int64_t now_ms,
                                      analytics::Season season) {
  std::vector<double> finite;
  finite.reserve(values.size());
  int64_t first_ms = now_ms;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    if (finite.empty()) first_ms = t_ms[i];
    finite.push_back(values[i]);
  }
  if (finite.size() < kMinSamples || first_ms >= now_ms) return std::nullopt;

  Forecast forecast;
  forecast.last_ = finite.back();
  const auto unit_ms = static_cast<double>(now_ms - first_ms);
  forecast.unit_seconds_ = unit_ms / 1000;
  forecast.now_seconds_ = static_cast<double>(now_ms) / 1000;
  Points points = Aggregate(t_ms, values, now_ms, unit_ms);
  forecast.median_ = Median(std::move(finite));

  const bool may_daily =
      season == analytics::Season::kAuto || season == analytics::Season::kDay || season == analytics::Season::kWeek;
  const bool may_weekly = season == analytics::Season::kAuto || season == analytics::Season::kWeek;
  const bool daily = may_daily && forecast.unit_seconds_ >= 3 * kDay && points.u.size() >= 36;
  const bool weekly = may_weekly && forecast.unit_seconds_ >= 3 * kWeek && points.u.size() >= 63;
  if (daily) {
    SeasonFit fit = FitSeason(points, forecast.now_seconds_, forecast.unit_seconds_, true, weekly);
    if (fit.unexplained < 0.8) {
      forecast.daily_ = true;
      forecast.weekly_ = weekly;
      forecast.harmonics_ = std::move(fit.coefficients);
      for (size_t i = 0; i < points.u.size(); ++i) points.y[i] -= forecast.Season(points.u[i] * forecast.unit_seconds_);
    }
  }

  const TrendChoice choice = ChooseTrend(points.u, points.y);
  const Trend trend = FitTrend(choice.shape, points.u, points.y);
  forecast.shape_ = choice.shape;
  forecast.origin_ = trend.origin;
  forecast.slope_ = trend.slope;
  forecast.bend_ = trend.bend;
  forecast.drift_ = choice.drift;

  // Of the stretch that the trend was fitted to: older parts may have been of another kind.
  const double from = choice.shape == TrendShape::kRecentHalf                                            ? -0.5
                      : choice.shape == TrendShape::kRecentQuarter || choice.shape == TrendShape::kLevel ? -0.25
                                                                                                         : -1.0;
  double sum = 0;
  double count = 0;
  const size_t stride = 1 + t_ms.size() / kResiduals;
  for (size_t i = 0; i < t_ms.size(); i += stride) {
    const double u = -static_cast<double>(now_ms - t_ms[i]) / unit_ms;
    if (!std::isfinite(values[i]) || u < from) continue;
    sum += std::abs(values[i] - forecast.At(u * forecast.unit_seconds_));
    count += 1;
  }
  // The mean size of a normal error is 0.798 of its standard deviation.
  forecast.noise_ = count > 0 ? 1.2533 * sum / count : 0;
  return forecast;
}

double Forecast::Season(double ahead) const {
  if (!daily_) return 0;
  std::vector<double> waves;
  Harmonics(now_seconds_ + ahead, daily_, weekly_, waves);
  double sum = 0;
  for (size_t i = 0; i < waves.size(); ++i) sum += harmonics_[i] * waves[i];
  return sum;
}

double Forecast::Deviation(double ahead) const {
  const double grown = drift_ * ahead / unit_seconds_;
  return std::sqrt(noise_ * noise_ + grown * grown);
}

double Forecast::At(double ahead, double sigmas) const {
  const double u = ahead / unit_seconds_;
  const double value = origin_ + u * (slope_ + u * bend_) + Season(ahead);
  return sigmas == 0 ? value : value + sigmas * Deviation(ahead);
}

double Forecast::SecondsTo(double limit, LimitSide side, double horizon, double sigmas) const {
  if (!std::isfinite(limit)) return kInfinity;
  const bool up = side == LimitSide::kUp || (side == LimitSide::kAuto && median_ < limit);
  if (up ? last_ >= limit : last_ <= limit) return 0;
  // Upwards, a positive number of sigmas reaches an upper limit earlier; downwards the pessimist looks at the other side.
  const double signed_sigmas = up ? sigmas : -sigmas;
  const auto beyond = [&](double ahead) { return up ? At(ahead, signed_sigmas) >= limit : At(ahead, signed_sigmas) <= limit; };
  // Steps fine enough for the season's peaks, then halving.
  const double step = std::max(1.0, std::min(horizon / 720, daily_ ? 3600.0 : kInfinity));
  double before = 0;
  if (beyond(0)) return 0;
  for (double ahead = step; before < horizon; before = ahead, ahead += step) {
    const double end = std::min(ahead, horizon);
    if (!beyond(end)) continue;
    double low = before;
    double high = end;
    for (int i = 0; i < 60 && high - low > 1e-3; ++i) {
      const double middle = low + (high - low) / 2;
      (beyond(middle) ? high : low) = middle;
    }
    return high;
  }
  return kInfinity;
}

double NormalQuantile(double p) {
  constexpr std::array a = {-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                            1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
  constexpr std::array b = {-5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01,
                            -1.328068155288572e+01};
  constexpr std::array c = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                            -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
  constexpr std::array d = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00};
  if (p <= 0) return -kInfinity;
  if (p >= 1) return kInfinity;
  if (p < 0.02425) {
    const double q = std::sqrt(-2 * std::log(p));
    return (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
           ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
  }
  if (p > 1 - 0.02425) return -NormalQuantile(1 - p);
  const double q = p - 0.5;
  const double r = q * q;
  return (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
         (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
}

}  // namespace auspex::analytics
