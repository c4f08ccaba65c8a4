#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "auspex/storage/labels.h"

namespace auspex::query {

/// `by (...)` or `without (...)`: which labels tell groups apart. Immutable.
class Grouping {
 public:
  Grouping(std::vector<std::string> names, bool without);
  /// The labels of the group that a series belongs to.
  Labels Of(const Labels& series) const;
  /// The labels that Of looks at; null: all of them.
  const std::vector<std::string_view>* labels_used() const { return without_ ? nullptr : &views_; }
  /// Whether two series belong to the same group. May say false where they do; cheap for neighbours in a selection.
  bool Same(const Labels& a, const Labels& b) const;

 private:
  std::vector<std::string> names_;
  std::vector<std::string_view> views_;
  bool without_;

 public:
  Grouping(const Grouping&) = delete;
  Grouping& operator=(const Grouping&) = delete;
};

/// Numbers groups in order of first appearance.
class GroupIndex {
 public:
  explicit GroupIndex(const Grouping& grouping) : grouping_(grouping) {}
  size_t Of(const Labels& series) { return Number(grouping_.Of(series)); }
  size_t Number(Labels group) {
    const auto [at, added] = index_of_.try_emplace(std::move(group), labels_.size());
    if (added) labels_.push_back(at->first);
    return at->second;
  }
  size_t size() const { return labels_.size(); }
  const std::vector<Labels>& labels() const { return labels_; }

 private:
  const Grouping& grouping_;
  std::unordered_map<Labels, size_t> index_of_;
  std::vector<Labels> labels_;
};

}  // namespace auspex::query
