#include "auspex/analytics/forecaster_registry.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "forecaster_linear.h"

namespace auspex::analytics {
namespace {

class AutoForecast final : public FittedForecast {
 public:
  explicit AutoForecast(Forecast forecast) : forecast_(std::move(forecast)) {}
  double At(double ahead, double sigmas) const override { return forecast_.At(ahead, sigmas); }
  double SecondsTo(double limit, LimitSide side, double horizon, double sigmas) const override {
    return forecast_.SecondsTo(limit, side, horizon, sigmas);
  }

 private:
  Forecast forecast_;
};

std::unique_ptr<const FittedForecast> FitAuto(const ForecastWindow& window) {
  std::optional<Forecast> forecast = Forecast::Fit(window.t_ms, window.values, window.now_ms, window.season);
  if (!forecast) return nullptr;
  return std::make_unique<AutoForecast>(*std::move(forecast));
}

}  // namespace

ForecasterRegistry ForecasterRegistry::BuiltIn() {
  ForecasterRegistry registry;
  registry.rows_.push_back({"auto", "trend of five shapes, with a day and a week where they explain the window", FitAuto});
  registry.rows_.push_back({"linear", "a straight line by least squares, with its prediction interval", FitLinear});
  return registry;
}

Status ForecasterRegistry::Add(ForecasterRow row) {
  if (row.name.empty()) return InvalidArgument("forecaster: found an empty name");
  if (!row.fit) return InvalidArgument("forecaster {}: found no fit", row.name);
  if (Find(row.name) != nullptr) return AlreadyExists("forecaster {}: the name is taken", row.name);
  rows_.push_back(std::move(row));
  return OkStatus();
}

const ForecasterRow* ForecasterRegistry::Find(std::string_view name) const {
  for (const ForecasterRow& row : rows_) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

double FirstCrossing(const std::function<double(double ahead)>& value, double now, double limit, bool upwards, double horizon) {
  if (!std::isfinite(limit)) return std::numeric_limits<double>::infinity();
  const auto beyond = [&](double x) { return upwards ? x >= limit : x <= limit; };
  if (beyond(now)) return 0;
  const double step = std::clamp(horizon / 720, 1.0, 3600.0);
  for (double before = 0; before < horizon; before += step) {
    double low = before;
    double high = std::min(before + step, horizon);
    if (!beyond(value(high))) continue;
    while (high - low > 1e-3) {
      const double middle = low + (high - low) / 2;
      if (middle <= low || middle >= high) break;
      (beyond(value(middle)) ? high : low) = middle;
    }
    return high;
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace auspex::analytics
