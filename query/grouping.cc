#include "grouping.h"

namespace auspex::query {

Grouping::Grouping(std::vector<std::string> names, bool without) : names_(std::move(names)), without_(without) {
  if (without_) names_.emplace_back(kMetricName);
  views_.assign(names_.begin(), names_.end());
}

Labels Grouping::Of(const Labels& series) const {
  if (without_) return series.Without(views_);
  return views_.empty() ? Labels() : series.Keep(views_);
}

}  // namespace auspex::query
