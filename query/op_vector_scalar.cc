#include "merge.h"
#include "metric_identity.h"
#include "op_binary.h"
#include "op_scalar.h"

namespace auspex::query {
namespace {

class VectorScalarOperator final : public Operator {
 public:
  VectorScalarOperator(BinaryOp op, bool return_bool, OperatorPtr vector, OperatorPtr scalar, bool scalar_left)
      : op_(op), return_bool_(return_bool), vector_(std::move(vector)), scalar_(std::move(scalar)), scalar_left_(scalar_left) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, vector_->Run(grid, execution));
    AUSPEX_ASSIGN_OR_RETURN(const Batch scalar, scalar_->Run(grid, execution));
    const bool filter = IsComparison(op_) && !return_bool_;
    for (size_t i = 0; i < batch.size(); ++i) {
      const std::span<double> row = batch.Row(i);
      for (size_t k = 0; k < grid.count; ++k) {
        if (IsAbsent(row[k])) continue;
        const double other = scalar.values[k];
        const double result = scalar_left_ ? ApplyScalar(op_, other, row[k]) : ApplyScalar(op_, row[k], other);
        if (!filter) {
          row[k] = result;
        } else if (result == 0) {
          row[k] = Absent();
        }
      }
    }
    if (KeepsMetricName(op_, return_bool_, execution.compat_2())) return WithoutEmptyRows(std::move(batch));
    return DropIdentities(std::move(batch), execution);
  }

 private:
  const BinaryOp op_;
  const bool return_bool_;
  const OperatorPtr vector_;
  const OperatorPtr scalar_;
  const bool scalar_left_;
};

class NegationOperator final : public Operator {
 public:
  explicit NegationOperator(OperatorPtr vector) : vector_(std::move(vector)) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, vector_->Run(grid, execution));
    for (double& value : batch.values) {
      if (!IsAbsent(value)) value = -value;
    }
    return DropIdentities(std::move(batch), execution);
  }

 private:
  const OperatorPtr vector_;
};

}  // namespace

OperatorPtr MakeVectorScalar(BinaryOp op, bool return_bool, OperatorPtr vector, OperatorPtr scalar, bool scalar_left) {
  return std::make_unique<VectorScalarOperator>(op, return_bool, std::move(vector), std::move(scalar), scalar_left);
}

OperatorPtr MakeNegation(OperatorPtr vector) { return std::make_unique<NegationOperator>(std::move(vector)); }

}  // namespace auspex::query
