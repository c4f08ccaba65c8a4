// `default`, and filters by a list of values.

#include <algorithm>

#include "extra_functions.h"
#include "merge.h"
#include "metric_identity.h"
#include "signature.h"

namespace auspex::query {
namespace {

class DefaultOperator final : public Operator {
 public:
  DefaultOperator(VectorMatching matching, OperatorPtr left, OperatorPtr right, bool scalar)
      : signature_(matching), left_(std::move(left)), right_(std::move(right)), scalar_(scalar) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    AUSPEX_ASSIGN_OR_RETURN(Batch left, left_->Run(grid, execution));
    AUSPEX_ASSIGN_OR_RETURN(Batch right, right_->Run(grid, execution));
    if (left.size() == 0) return right;
    if (scalar_) {
      for (size_t i = 0; i < left.size(); ++i) FillGaps(left, i, right, 0);
      return left;
    }
    const MatchGroups groups(signature_, left, right);
    for (size_t i = 0; i < left.size(); ++i) {
      for (const size_t j : groups.right_rows[groups.left_group[i]]) FillGaps(left, i, right, j);
    }
    RowMerger merger(grid.count);
    for (size_t i = 0; i < left.size(); ++i) AUSPEX_RETURN_IF_ERROR(merger.Add(std::move(left.labels[i]), left.View(i)));
    for (size_t j = 0; j < right.size(); ++j) {
      if (!groups.left_rows[groups.right_group[j]].empty()) continue;
      AUSPEX_RETURN_IF_ERROR(merger.Add(std::move(right.labels[j]), right.View(j)));
    }
    return std::move(merger).Finish();
  }

 private:
  static void FillGaps(Batch& left, size_t i, const Batch& right, size_t j) {
    const RowView from = right.View(j);
    for (size_t k = 0; k < from.values.size(); ++k) {
      if (!IsAbsent(left.Row(i)[k])) continue;
      if (from.HistogramAt(k) != nullptr) {
        left.SetHistogram(i, k, from.HistogramAt(k));
      } else {
        left.Row(i)[k] = from.values[k];
      }
    }
  }

  const Signature signature_;
  const OperatorPtr left_;
  const OperatorPtr right_;
  const bool scalar_;
};

class ListFilterOperator final : public Operator {
 public:
  ListFilterOperator(OperatorPtr vector, std::vector<double> values, bool equal, bool return_bool)
      : vector_(std::move(vector)), values_(std::move(values)), equal_(equal), return_bool_(return_bool) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, vector_->Run(grid, execution));
    batch.DropHistograms();
    for (double& value : batch.values) {
      if (IsAbsent(value)) continue;
      const bool listed = std::find(values_.begin(), values_.end(), value) != values_.end();
      if (return_bool_) {
        value = listed == equal_ ? 1 : 0;
      } else if (listed != equal_) {
        value = Absent();
      }
    }
    if (return_bool_) return DropIdentities(std::move(batch), execution);
    return WithoutEmptyRows(std::move(batch));
  }

 private:
  const OperatorPtr vector_;
  const std::vector<double> values_;
  const bool equal_;
  const bool return_bool_;
};

}  // namespace

OperatorPtr MakeDefault(VectorMatching matching, OperatorPtr left, OperatorPtr right, bool scalar) {
  return std::make_unique<DefaultOperator>(std::move(matching), std::move(left), std::move(right), scalar);
}

OperatorPtr MakeListFilter(OperatorPtr vector, std::vector<double> values, bool equal, bool return_bool) {
  return std::make_unique<ListFilterOperator>(std::move(vector), std::move(values), equal, return_bool);
}

}  // namespace auspex::query
