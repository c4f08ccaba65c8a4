#include <algorithm>
#include <cmath>
#include <limits>

#include "anchored_window.h"
#include "kahan.h"
#include "kernel.h"

namespace auspex::query {
namespace {

struct Line {
  double slope;  ///< per second
  double value;  ///< at the origin
};

// Least squares through the samples of a window. x is in seconds from the window's anchor.
struct LinePart {
  KahanSum x;
  KahanSum y;
  KahanSum xy;
  KahanSum xx;
  double count = 0;

  void Add(int64_t t_ms, double value, int64_t anchor_ms) {
    const double seconds = static_cast<double>(t_ms - anchor_ms) / 1e3;
    x.Add(seconds);
    y.Add(value);
    xy.Add(seconds * value);
    xx.Add(seconds * seconds);
    count += 1;
  }
  void Merge(const LinePart& later) {
    for (const auto sum : {&LinePart::x, &LinePart::y, &LinePart::xy, &LinePart::xx}) {
      (this->*sum).Add((later.*sum).sum);
      (this->*sum).lost += (later.*sum).lost;
    }
    count += later.count;
  }
  // The samples lie so close together, seen from the anchor, that little is left of their differences.
  bool Cancels() const {
    constexpr double kLeft = 1e-6;
    return xx.Total() - x.Total() * x.Total() / count < kLeft * xx.Total();
  }
  // `value`: at the anchor.
  Line Fit() const {
    const double covariance = xy.Total() - x.Total() * y.Total() / count;
    const double variance = xx.Total() - x.Total() * x.Total() / count;
    const double slope = covariance / variance;
    return {slope, y.Total() / count - slope * x.Total() / count};
  }
};

// The definition, x in seconds from origin_ms, for windows with infinities.
Line FitLine(const RangeInput& input, const Window& window, int64_t origin_ms) {
  LinePart part;
  for (size_t i = window.begin; i < window.end; ++i) part.Add(input.t_ms[i], input.values[i], origin_ms);
  return part.Fit();
}

// visit(window, line) for windows of at least two samples; the line's value is that at origin_of(window).
template <typename OriginOf, typename Visit>
void ForEachLine(const RangeInput& input, const OriginOf& origin_of, const Visit& visit) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  WildValues wild(input, 0x1p900);
  size_t run_begin = 0;  // the samples from here to the window's last are equal
  size_t seen = 0;
  ForEachAnchoredWindow<LinePart>(input, [&](const Window& window, const LinePart& part) {
    wild.Advance(window);
    for (; seen < window.end; ++seen) {
      if (seen > 0 && input.values[seen] != input.values[seen - 1]) run_begin = seen;
    }
    if (window.size() < 2) return;
    if (run_begin <= window.begin) {
      const double value = input.values[window.begin];
      visit(window, std::isinf(value) ? Line{kNaN, kNaN} : Line{0, value});
    } else if (wild.HasNan(window)) {
      visit(window, Line{kNaN, kNaN});
    } else if (wild.IsWild(window)) {
      visit(window, FitLine(input, window, origin_of(window)));
    } else if (part.Cancels()) {
      const int64_t first_ms = input.t_ms[window.begin];
      Line line = FitLine(input, window, first_ms);
      line.value += line.slope * (static_cast<double>(origin_of(window) - first_ms) / 1e3);
      visit(window, line);
    } else {
      Line line = part.Fit();
      const int64_t anchor_ms = AnchorOf(input.steps.At(window.step), std::max<int64_t>(input.range_ms, 1));
      line.value += line.slope * (static_cast<double>(origin_of(window) - anchor_ms) / 1e3);
      visit(window, line);
    }
  });
}

Status Derivative(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  ForEachLine(
      input, [&](const Window& window) { return input.t_ms[window.begin]; },
      [&](const Window& window, const Line& line) { out[window.step] = line.slope; });
  return OkStatus();
}

Status PredictLinear(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  // The prediction starts at the evaluation time itself, whatever `offset` or `@` did to the window.
  ForEachLine(
      input, [&](const Window& window) { return input.evaluation.At(window.step); },
      [&](const Window& window, const Line& line) {
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
