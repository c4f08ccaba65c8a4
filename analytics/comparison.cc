#include "comparison.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace auspex::analytics {
namespace {

// Of Kolmogorov's distribution: the probability of more than x.
double KolmogorovTail(double x) {
  if (x < 0.2) return 1;
  double sum = 0;
  double sign = 1;
  for (int k = 1; k <= 100; ++k) {
    const double term = std::exp(-2 * k * k * x * x);
    sum += sign * term;
    if (term < 1e-12) break;
    sign = -sign;
  }
  return std::clamp(2 * sum, 0.0, 1.0);
}

double Mean(std::span<const double> values) {
  double sum = 0;
  for (const double x : values) sum += x;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

// Values less their mean, for sums of products without cancellation.
std::vector<double> Centred(std::span<const double> values) {
  double sum = 0;
  double count = 0;
  for (const double x : values) {
    if (std::isnan(x)) continue;
    sum += x;
    count += 1;
  }
  std::vector<double> out(values.begin(), values.end());
  for (double& x : out) x -= sum / std::max(count, 1.0);
  return out;
}

// Pearson's coefficient of a[i] and b[i - lag], or NaN.
double PearsonAt(const std::vector<double>& a, const std::vector<double>& b, int64_t lag, size_t fewest) {
  const auto n = static_cast<int64_t>(a.size());
  double count = 0, sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
  for (int64_t i = std::max<int64_t>(0, lag); i < std::min(n, n + lag); ++i) {
    const double x = a[static_cast<size_t>(i)];
    const double y = b[static_cast<size_t>(i - lag)];
    if (std::isnan(x) || std::isnan(y)) continue;
    count += 1;
    sa += x;
    sb += y;
    saa += x * x;
    sbb += y * y;
    sab += x * y;
  }
  if (count < static_cast<double>(fewest)) return std::nan("");
  const double va = saa - sa * sa / count;
  const double vb = sbb - sb * sb / count;
  // What is left of a constant after rounding does not vary.
  if (va <= 1e-12 * saa || vb <= 1e-12 * sbb) return std::nan("");
  return std::clamp((sab - sa * sb / count) / std::sqrt(va * vb), -1.0, 1.0);
}

}  // namespace

std::optional<TwoSample> KolmogorovSmirnov(std::span<const double> a, std::span<const double> b) {
  if (a.size() < kFewestCompared || b.size() < kFewestCompared) return std::nullopt;
  std::vector<double> x(a.begin(), a.end());
  std::vector<double> y(b.begin(), b.end());
  std::sort(x.begin(), x.end());
  std::sort(y.begin(), y.end());
  const auto nx = static_cast<double>(x.size());
  const auto ny = static_cast<double>(y.size());
  TwoSample out;
  size_t i = 0;
  size_t j = 0;
  while (i < x.size() && j < y.size()) {
    const double at = std::min(x[i], y[j]);
    while (i < x.size() && x[i] == at) ++i;
    while (j < y.size() && y[j] == at) ++j;
    out.distance = std::max(out.distance, std::abs(static_cast<double>(i) / nx - static_cast<double>(j) / ny));
  }
  const double root = std::sqrt(nx * ny / (nx + ny));
  out.p = KolmogorovTail((root + 0.12 + 0.11 / root) * out.distance);
  return out;
}

double VolumeChange(std::span<const double> a, std::span<const double> b) {
  const double x = Mean(a);
  const double y = Mean(b);
  const double larger = std::max(std::abs(x), std::abs(y));
  return larger > 0 ? std::min(1.0, std::abs(x - y) / larger) : 0;
}

std::optional<LaggedCorrelation> Correlate(std::span<const double> target, std::span<const double> candidate, size_t most_lag) {
  const std::vector<double> a = Centred(target);
  const std::vector<double> b = Centred(candidate);
  const size_t fewest = std::max<size_t>(10, a.size() / 2);
  std::optional<LaggedCorrelation> best;
  for (size_t distance = 0; distance <= most_lag && distance < a.size(); ++distance) {
    for (const int64_t lag : {static_cast<int64_t>(distance), -static_cast<int64_t>(distance)}) {
      const double r = PearsonAt(a, b, lag, fewest);
      // By more than rounding, so that the nearest of equal lags stays.
      if (!std::isnan(r) && (!best || std::abs(r) > std::abs(best->r) + 1e-9)) best = {r, lag};
      if (distance == 0) break;
    }
  }
  return best;
}

}  // namespace auspex::analytics
