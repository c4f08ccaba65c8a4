#include "forecaster_linear.h"

#include <algorithm>
#include <cmath>

#include "robust_statistics.h"

namespace auspex::analytics {
namespace {

class Line final : public FittedForecast {
 public:
  double At(double ahead, double sigmas) const override {
    const double u = ahead - middle_;
    return level_ + slope_ * u + sigmas * std::sqrt(variance_ * (1 + 1 / count_ + (spread_ > 0 ? u * u / spread_ : 0)));
  }
  double SecondsTo(double limit, LimitSide side, double horizon, double sigmas) const override {
    const bool upwards = side == LimitSide::kUp || (side == LimitSide::kAuto && median_ <= limit);
    const double towards = upwards ? sigmas : -sigmas;
    return FirstCrossing([&](double ahead) { return At(ahead, towards); }, last_, limit, upwards, horizon);
  }

  // Times are seconds after now.
  double middle_ = 0;
  double level_ = 0;  // at the middle
  double slope_ = 0;
  double spread_ = 0;
  double variance_ = 0;
  double count_ = 0;
  double last_ = 0;
  double median_ = 0;
};

}  // namespace

std::unique_ptr<const FittedForecast> FitLinear(const ForecastWindow& window) {
  auto line = std::make_unique<Line>();
  std::vector<double> times;
  std::vector<double> values;
  for (size_t i = 0; i < window.values.size(); ++i) {
    if (!std::isfinite(window.values[i])) continue;
    times.push_back(static_cast<double>(window.t_ms[i] - window.now_ms) / 1000);
    values.push_back(window.values[i]);
  }
  if (values.size() < Forecast::kMinSamples) return nullptr;
  line->count_ = static_cast<double>(values.size());
  line->last_ = values.back();
  double level = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    line->middle_ += times[i] / line->count_;
    level += (values[i] - values[0]) / line->count_;
  }
  line->level_ = values[0] + level;
  double cross = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double u = times[i] - line->middle_;
    cross += u * (values[i] - line->level_);
    line->spread_ += u * u;
  }
  line->slope_ = line->spread_ > 0 ? cross / line->spread_ : 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double error = values[i] - line->level_ - line->slope_ * (times[i] - line->middle_);
    line->variance_ += error * error / (line->count_ - 2);
  }
  line->median_ = Median(std::move(values));
  return line;
}

}  // namespace auspex::analytics
