#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace auspex::analytics {

/// What a panel says about one moment.
struct PanelForecast {
  double value = 0;
  std::vector<double> errors;  ///< sizes of its errors at the origins of the past, ascending; unit of the values

  /// How far from the value the truth lies at most with this probability (above 0, below 1): a quantile of the errors, beyond
  /// the largest as in a normal distribution.
  double ErrorAt(double probability) const;
};

/// Simple forecasts side by side, each trusted as far as it was right in the window's own past.
///
///   members   the newest sample; the median of the newest h / 4, h, 4 h, and of the whole window; the same time of the day
///             before, its median over all days (as it is, plus the newest distance from it, plus half of that), smoothed over
///             an hour plus that distance, the day before plus the median change since the day before that; the same time of
///             the week, as it is and with the newest distance; the lines by least squares of the whole window and of its
///             newest third
///   weight    (least loss / loss)^4, loss: mean size of the error at 48 origins in the last two thirds of the window, h
///             ahead of each, from what lay before it
///   forecast  the weighted median of the members
///
/// More than a third of the window ahead, what can be looked back on is a third ahead: errors grow with the root of the lead,
/// and the same time of the day before has as much weight as all others together, unless a line was by far the best.
///
/// Source: forecast combination by past errors, J. Bates, C. Granger 1969 (Operational Research Quarterly 20); origins that
/// roll, L. Tashman 2000 (International Journal of Forecasting 16); medians of members, V. Jose, R. Winkler 2008 (the same,
/// 24). The constants are measured.
class ForecastPanel {
 public:
  /// t_ms: strictly increasing, at most now_ms. Values that are not finite are left out. day, week: whether they may be used.
  /// finest_ms: how far ahead will be asked at least; decides how fine a long window is looked at.
  /// None for fewer than kMinSamples. Cost: O(n).
  static std::optional<ForecastPanel> Make(std::span<const int64_t> t_ms, std::span<const double> values, int64_t now_ms,
                                           double finest_ms, bool day, bool week);

  /// `ahead_ms` > 0 after now. None for more than the window's length, and for fewer than three origins with a sample.
  /// Cost: O(members x origins x 64), 0.2 to 0.7 ms.
  std::optional<PanelForecast> At(double ahead_ms) const;

  double newest() const { return newest_; }
  /// The median of the window.
  double Middle() const { return RecentMedian(cells_.size() - 1, cells_.size()); }

  static constexpr size_t kMinSamples = 10;
  enum Member : size_t {
    kNewest,
    kRecentQuarter,
    kRecent,
    kRecentFourfold,
    kWhole,
    kLine,
    kRecentLine,
    kDayBefore,
    kDay,
    kDayDistance,
    kDayHalfDistance,
    kDaySmooth,
    kDayChange,
    kWeek,
    kWeekDistance,
    kMembers
  };
  using Members = std::array<double, kMembers>;  // NaN: has nothing to say

 private:
  static Members WeightsOf(const Members& losses);
  /// What each member says at cell `origin` of the cell `ahead` later.
  Members Ask(size_t origin, size_t ahead, double newest) const;
  double RecentMedian(size_t origin, size_t count) const;
  double SamePhase(size_t origin, double target, double period, size_t cycles, size_t smooth) const;
  double DistanceFrom(size_t origin, double period, size_t count) const;
  double Line(size_t origin, size_t count, size_t ahead) const;

  double width_ms_ = 0;
  bool day_ = false;
  bool week_ = false;
  double newest_ = 0;
  std::vector<double> cells_;   // means of equal stretches of time, the last ends now; NaN: none
  std::vector<size_t> filled_;  // the newest cell with a sample at or before each
  // Of cells before each: how many, and sums of x, u, u^2, u x about the first.
  std::vector<std::array<double, 5>> sums_;
};

}  // namespace auspex::analytics
