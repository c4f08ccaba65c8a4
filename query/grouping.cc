#include "grouping.h"

#include <algorithm>

#include "metric_identity.h"

namespace auspex::query {

Grouping::Grouping(std::vector<std::string> names, bool without) : names_(std::move(names)), without_(without) {
  // By the metric name: whether it is to be dropped at the end goes with it.
  const bool by_metric = !without_ && std::find(names_.begin(), names_.end(), kMetricName) != names_.end();
  if (without_) names_.emplace_back(kMetricName);
  if (without_ || by_metric) names_.emplace_back(kNameIsDropped);
  views_.assign(names_.begin(), names_.end());
}

Labels Grouping::Of(const Labels& series) const {
  if (without_) return series.Without(views_);
  return views_.empty() ? Labels() : series.Keep(views_);
}

bool Grouping::Same(const Labels& a, const Labels& b) const {
  if (without_) return false;
  return std::all_of(views_.begin(), views_.end(), [&](std::string_view name) { return a.Get(name) == b.Get(name); });
}

}  // namespace auspex::query
