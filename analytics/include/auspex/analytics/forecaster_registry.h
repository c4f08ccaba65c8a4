#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/analytics/forecaster.h"
#include "auspex/storage/base/result.h"

namespace auspex::analytics {

/// A window of samples, as a forecaster understood it. Immutable, thread-safe.
class FittedForecast {
 public:
  virtual ~FittedForecast() = default;
  /// The value `ahead` seconds after the window's end, and `sigmas` standard deviations above it.
  virtual double At(double ahead, double sigmas) const = 0;
  /// Seconds until At(ahead, sigmas) reaches `limit`; 0 when the newest sample is there already; +Inf when not within `horizon`
  /// seconds. kAuto: from the side on which the median of the window lies. sigmas > 0: the value that is that many deviations
  /// nearer to the limit, which is earlier; < 0: later.
  virtual double SecondsTo(double limit, LimitSide side, double horizon, double sigmas) const = 0;
};

/// What a forecaster sees.
struct ForecastWindow {
  std::span<const int64_t> t_ms;   ///< strictly increasing, in (now - range, now]
  std::span<const double> values;  ///< as many; may hold NaN and infinities
  int64_t now_ms = 0;
  Season season = Season::kAuto;  ///< which season may be used
  /// The moment that will be asked for, in seconds after now; NaN: when a limit is reached.
  double ahead_seconds = std::numeric_limits<double>::quiet_NaN();
};

/// One algorithm: what `algo=NAME` of the forecast functions chooses. Its answer is a function of the window alone, so that an
/// instant and a range query give the same bits.
struct ForecasterRow {
  std::string name;
  std::string description;
  /// Null for too little history.
  std::function<std::unique_ptr<const FittedForecast>(const ForecastWindow&)> fit;
};

/// The algorithms by name. One thread at a time while rows are added, thread-safe afterwards.
class ForecasterRegistry {
 public:
  /// auto, linear.
  static ForecasterRegistry BuiltIn();

  /// Errors: AlreadyExists; InvalidArgument for an empty name or no fit.
  Status Add(ForecasterRow row);
  /// Null when there is none.
  const ForecasterRow* Find(std::string_view name) const;
  /// In order of registration.
  const std::vector<ForecasterRow>& rows() const { return rows_; }

 private:
  std::vector<ForecasterRow> rows_;
};

/// The first crossing of `limit` by value(ahead), looked for in steps of horizon / 720 (at most an hour) and halved to a
/// millisecond: SecondsTo for forecasters that know nothing better. `now`: the newest sample.
/// upwards: whether the limit is approached from below.
double FirstCrossing(const std::function<double(double ahead)>& value, double now, double limit, bool upwards, double horizon);

}  // namespace auspex::analytics
