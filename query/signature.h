#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "auspex/query/ast.h"
#include "batch.h"

namespace auspex::query {

/// The labels by which the series of two vectors find each other: `on (...)`, or all but the metric name and `ignoring (...)`.
class Signature {
 public:
  explicit Signature(const VectorMatching& matching);
  Labels Of(const Labels& series) const { return on_ ? series.Keep(views_) : series.Without(views_); }

  Signature(const Signature&) = delete;
  Signature& operator=(const Signature&) = delete;

 private:
  const bool on_;
  std::vector<std::string> names_;
  std::vector<std::string_view> views_;
};

/// The rows of two batches by signature.
struct MatchGroups {
  MatchGroups(const Signature& signature, const Batch& left, const Batch& right);
  std::vector<size_t> left_group;  ///< of each row
  std::vector<size_t> right_group;
  std::vector<std::vector<size_t>> left_rows;  ///< of each group, in order
  std::vector<std::vector<size_t>> right_rows;
  size_t size() const { return left_rows.size(); }
};

}  // namespace auspex::query
