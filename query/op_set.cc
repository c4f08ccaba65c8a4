#include "merge.h"
#include "op_binary.h"
#include "signature.h"

namespace auspex::query {
namespace {

class SetOperator final : public Operator {
 public:
  SetOperator(BinaryOp op, const VectorMatching& matching, OperatorPtr left, OperatorPtr right)
      : op_(op), signature_(matching), left_(std::move(left)), right_(std::move(right)) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    AUSPEX_ASSIGN_OR_RETURN(Batch left, left_->Run(grid, execution));
    AUSPEX_ASSIGN_OR_RETURN(Batch right, right_->Run(grid, execution));
    const MatchGroups groups(signature_, left, right);
    if (op_ == BinaryOp::kOr) {
      Mask(right, groups.right_group, Presence(left, groups.left_rows), false);
      RowMerger merger(grid.count);
      for (size_t i = 0; i < left.size(); ++i) AUSPEX_RETURN_IF_ERROR(merger.Add(std::move(left.labels[i]), left.View(i)));
      for (size_t i = 0; i < right.size(); ++i) AUSPEX_RETURN_IF_ERROR(merger.Add(std::move(right.labels[i]), right.View(i)));
      return std::move(merger).Finish();
    }
    Mask(left, groups.left_group, Presence(right, groups.right_rows), op_ == BinaryOp::kAnd);
    return WithoutEmptyRows(std::move(left));
  }

 private:
  // [group][step]: whether any row of the group has a sample.
  static std::vector<bool> Presence(const Batch& batch, const std::vector<std::vector<size_t>>& rows) {
    std::vector<bool> present(rows.size() * batch.steps_count, false);
    for (size_t group = 0; group < rows.size(); ++group) {
      for (const size_t i : rows[group]) {
        const std::span<const double> row = batch.Row(i);
        for (size_t k = 0; k < row.size(); ++k) {
          if (!IsAbsent(row[k])) present[group * batch.steps_count + k] = true;
        }
      }
    }
    return present;
  }

  // Keeps the samples whose group is present, or is not present, on the other side.
  static void Mask(Batch& batch, const std::vector<size_t>& group_of, const std::vector<bool>& present, bool keep_if) {
    for (size_t i = 0; i < batch.size(); ++i) {
      const std::span<double> row = batch.Row(i);
      for (size_t k = 0; k < row.size(); ++k) {
        if (present[group_of[i] * batch.steps_count + k] != keep_if) batch.SetNumber(i, k, Absent());
      }
    }
  }

  const BinaryOp op_;
  const Signature signature_;
  const OperatorPtr left_;
  const OperatorPtr right_;
};

}  // namespace

OperatorPtr MakeSetOperator(BinaryOp op, VectorMatching matching, OperatorPtr left, OperatorPtr right) {
  return std::make_unique<SetOperator>(op, matching, std::move(left), std::move(right));
}

}  // namespace auspex::query
