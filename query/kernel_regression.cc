#include <cmath>
#include <limits>

#include "kahan.h"
#include "kernel.h"

namespace auspex::query {
namespace {

struct Line {
  double slope;  ///< per second
  double value;  ///< at the origin
};

// Least squares through the samples of a window; x is in seconds from origin_ms.
Line FitLine(const RangeInput& input, const Window& window, int64_t origin_ms) {
  KahanSum sum_x;
  KahanSum sum_y;
  KahanSum sum_xy;
  KahanSum sum_xx;
  const double first = input.values[window.begin];
  bool constant = true;
  for (size_t i = window.begin; i < window.end; ++i) {
    const double y = input.values[i];
    if (i > window.begin && y != first) constant = false;
    const double x = static_cast<double>(input.t_ms[i] - origin_ms) / 1e3;
    sum_x.Add(x);
    sum_y.Add(y);
    sum_xy.Add(x * y);
    sum_xx.Add(x * x);
  }
  if (constant) {
    constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
    return std::isinf(first) ? Line{kNaN, kNaN} : Line{0, first};
  }
  const auto n = static_cast<double>(window.size());
  const double covariance = sum_xy.Total() - sum_x.Total() * sum_y.Total() / n;
  const double variance = sum_xx.Total() - sum_x.Total() * sum_x.Total() / n;
  const double slope = covariance / variance;
  return {slope, sum_y.Total() / n - slope * sum_x.Total() / n};
}

Status Derivative(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  ForEachWindow(input, [&](const Window& window) {
    // An origin near the samples keeps the squares of x small.
    if (window.size() >= 2) out[window.step] = FitLine(input, window, input.t_ms[window.begin]).slope;
  });
  return OkStatus();
}

Status PredictLinear(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  ForEachWindow(input, [&](const Window& window) {
    if (window.size() < 2) return;
    // The prediction starts at the evaluation time itself, whatever `offset` or `@` did to the window.
    const Line line = FitLine(input, window, input.evaluation.At(window.step));
    out[window.step] = line.slope * ScalarAt(input, 1, window.step) + line.value;
  });
  return OkStatus();
}

// Holt's linear method; the trend at the first sample is the difference to the second.
double SmoothTwice(std::span<const double> values, double smoothing, double trend_factor) {
  double before = 0;
  double smoothed = values[0];
  double trend = values[1] - values[0];
  for (size_t i = 1; i < values.size(); ++i) {
    const double x = smoothing * values[i];
    if (i > 1) trend = trend_factor * (smoothed - before) + (1 - trend_factor) * trend;
    const double y = (1 - smoothing) * (smoothed + trend);
    before = smoothed;
    smoothed = x + y;
  }
  return smoothed;
}

Status DoubleExponentialSmoothing(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  Status status;
  ForEachWindow(input, [&](const Window& window) {
    const double smoothing = ScalarAt(input, 1, window.step);
    const double trend = ScalarAt(input, 2, window.step);
    if (status.ok() && (smoothing <= 0 || smoothing >= 1)) {
      status = FailedPrecondition("invalid smoothing factor. Expected: 0 < sf < 1, got: {:f}", smoothing);
    }
    if (status.ok() && (trend <= 0 || trend >= 1)) {
      status = FailedPrecondition("invalid trend factor. Expected: 0 < tf < 1, got: {:f}", trend);
    }
    if (!status.ok() || window.size() < 2) return;
    out[window.step] = SmoothTwice(input.values.subspan(window.begin, window.size()), smoothing, trend);
  });
  return status;
}

}  // namespace

Kernel FindRegressionKernel(std::string_view name) {
  if (name == "deriv") return Derivative;
  if (name == "predict_linear") return PredictLinear;
  if (name == "double_exponential_smoothing" || name == "holt_winters") return DoubleExponentialSmoothing;
  return nullptr;
}

}  // namespace auspex::query
