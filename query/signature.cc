#include "signature.h"

#include "metric_identity.h"

namespace auspex::query {

Signature::Signature(const VectorMatching& matching) : on_(matching.on), names_(matching.labels) {
  if (!on_) {
    for (const std::string_view name : {kMetricName, kMetricType, kMetricUnit, kNameIsDropped}) names_.emplace_back(name);
  }
  views_.assign(names_.begin(), names_.end());
}

MatchGroups::MatchGroups(const Signature& signature, const Batch& left, const Batch& right) {
  std::unordered_map<Labels, size_t> index_of;
  const auto number = [&](const Batch& batch, std::vector<size_t>& group_of) {
    for (const Labels& labels : batch.labels) {
      group_of.push_back(index_of.try_emplace(signature.Of(labels), index_of.size()).first->second);
    }
  };
  number(left, left_group);
  number(right, right_group);
  left_rows.resize(index_of.size());
  right_rows.resize(index_of.size());
  for (size_t i = 0; i < left_group.size(); ++i) left_rows[left_group[i]].push_back(i);
  for (size_t i = 0; i < right_group.size(); ++i) right_rows[right_group[i]].push_back(i);
}

}  // namespace auspex::query
