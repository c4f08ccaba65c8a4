#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "auspex/analytics/detector.h"
#include "auspex/storage/base/result.h"

namespace auspex::analytics {

/// Where the limit is approached from.
enum class LimitSide : uint8_t { kAuto, kUp, kDown };

/// How the trend of a window goes on.
enum class TrendShape : uint8_t {
  kLevel = 1,          ///< no trend: stays where it is
  kLinear = 2,         ///< the whole window's straight line
  kRecentHalf = 3,     ///< the straight line of the last half
  kRecentQuarter = 4,  ///< and of the last quarter
  kQuadratic = 5,      ///< growing ever faster or slower
};
std::string_view Name(TrendShape shape);

/// A window of samples, understood: trend, season, and how far off it would have been in its own past. Immutable.
///
///   value(t) = trend(t) + season(t)      season: daily (3 harmonics) and weekly (2), where >= 3 cycles are in the window and
///                                        they explain the window better
/// The trend is the one of five shapes that forecast the window's own later parts best from its earlier parts.
/// Standard deviation h seconds ahead: sqrt(noise^2 + (drift * h)^2), noise that of the residuals, drift that of the errors
/// of those forecasts per second of lead.
class Forecast {
 public:
  /// Fewer samples give no forecast.
  static constexpr size_t kMinSamples = 10;

  /// t_ms: strictly increasing, at most now_ms. Samples that are not finite are left out.
  /// None for fewer than kMinSamples. Cost: O(n) plus about 1 ms; the trend is fitted to at most 256 means of equal time.
  static std::optional<Forecast> Fit(std::span<const int64_t> t_ms, std::span<const double> values, int64_t now_ms,
                                     Season season);

  /// `ahead` in seconds after now. `sigmas`: how many standard deviations to add.
  double At(double ahead, double sigmas = 0) const;

  /// Seconds until value + sigmas x deviation reaches `limit`; 0 when the newest sample is there already; +Inf when it is not
  /// reached within `horizon` seconds. kAuto: from the side on which the median of the window lies.
  double SecondsTo(double limit, LimitSide side, double horizon, double sigmas = 0) const;

  TrendShape shape() const { return shape_; }
  bool daily() const { return daily_; }
  bool weekly() const { return weekly_; }
  double median() const { return median_; }

 private:
  double Season(double ahead) const;
  double Deviation(double ahead) const;

  TrendShape shape_ = TrendShape::kLevel;
  double unit_seconds_ = 1;                   // length of the window: the trend's unit of time
  double origin_ = 0, slope_ = 0, bend_ = 0;  // trend(u) = origin + slope u + bend u^2, u = ahead / unit
  bool daily_ = false;
  bool weekly_ = false;
  double now_seconds_ = 0;         // since 1970, for the phase of the season
  std::vector<double> harmonics_;  // sine and cosine coefficients: daily ones first
  double noise_ = 0;               // standard deviation of a sample about the fit
  double drift_ = 0;               // per unit of time
  double last_ = 0;                // newest sample
  double median_ = 0;
};

/// The p-quantile of the standard normal distribution, 0 < p < 1; relative error below 1.2e-9.
/// Source: P. J. Acklam's rational approximation, 2003.
double NormalQuantile(double p);

}  // namespace auspex::analytics
