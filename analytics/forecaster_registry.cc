#include "auspex/analytics/forecaster_registry.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "forecaster_auto.h"
#include "forecaster_linear.h"

namespace auspex::analytics {
ForecasterRegistry ForecasterRegistry::BuiltIn() {
  ForecasterRegistry registry;
  registry.rows_.push_back(
      {"auto", "values: fifteen simple forecasts, trusted as far as they were right; limits: trend and season", FitAuto});
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
