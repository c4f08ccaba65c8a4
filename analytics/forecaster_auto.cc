#include "forecaster_auto.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <optional>

#include "forecast_panel.h"

namespace auspex::analytics {
namespace {

class StructuralForecast final : public FittedForecast {
 public:
  explicit StructuralForecast(Forecast forecast) : forecast_(std::move(forecast)) {}
  double At(double ahead, double sigmas) const override { return forecast_.At(ahead, sigmas); }
  double SecondsTo(double limit, LimitSide side, double horizon, double sigmas) const override {
    return forecast_.SecondsTo(limit, side, horizon, sigmas);
  }

 private:
  Forecast forecast_;
};

// Fitted for one moment.
class PanelAnswer final : public FittedForecast {
 public:
  PanelAnswer(ForecastPanel panel, double ahead, PanelForecast answer)
      : panel_(std::move(panel)), ahead_(ahead), answer_(std::move(answer)) {}

  double At(double ahead, double sigmas) const override {
    if (ahead == ahead_) return Of(answer_, sigmas);
    const std::optional<PanelForecast> other = panel_.At(1000 * ahead);
    return other ? Of(*other, sigmas) : std::numeric_limits<double>::quiet_NaN();
  }
  double SecondsTo(double limit, LimitSide side, double horizon, double sigmas) const override {
    const bool upwards = side == LimitSide::kUp || (side == LimitSide::kAuto && panel_.Middle() <= limit);
    return FirstCrossing([&](double ahead) { return At(ahead, upwards ? sigmas : -sigmas); }, panel_.newest(), limit, upwards,
                         horizon);
  }

 private:
  static double Of(const PanelForecast& answer, double sigmas) {
    if (sigmas == 0) return answer.value;
    const double error = answer.ErrorAt(std::erf(std::abs(sigmas) / std::numbers::sqrt2));
    return sigmas > 0 ? answer.value + error : answer.value - error;
  }

  const ForecastPanel panel_;
  const double ahead_;
  const PanelForecast answer_;
};

}  // namespace

std::unique_ptr<const FittedForecast> FitAuto(const ForecastWindow& window) {
  if (window.ahead_seconds > 0) {
    const bool day = window.season == Season::kAuto || window.season == Season::kDay || window.season == Season::kWeek;
    const bool week = window.season == Season::kAuto || window.season == Season::kWeek;
    auto panel = ForecastPanel::Make(window.t_ms, window.values, window.now_ms, 1000 * window.ahead_seconds, day, week);
    if (!panel) return nullptr;
    if (auto answer = panel->At(1000 * window.ahead_seconds)) {
      return std::make_unique<PanelAnswer>(*std::move(panel), window.ahead_seconds, *std::move(answer));
    }
  }
  std::optional<Forecast> forecast = Forecast::Fit(window.t_ms, window.values, window.now_ms, window.season);
  if (!forecast) return nullptr;
  return std::make_unique<StructuralForecast>(*std::move(forecast));
}

}  // namespace auspex::analytics
