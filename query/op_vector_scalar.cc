#include "histogram_binary.h"
#include "merge.h"
#include "metric_identity.h"
#include "op_binary.h"
#include "op_scalar.h"

namespace auspex::query {
namespace {

class VectorScalarOperator final : public Operator {
 public:
  VectorScalarOperator(BinaryOp op, bool return_bool, OperatorPtr vector, OperatorPtr scalar, bool scalar_left,
                       std::string place)
      : op_(op),
        return_bool_(return_bool),
        vector_(std::move(vector)),
        scalar_(std::move(scalar)),
        scalar_left_(scalar_left),
        place_(std::move(place)) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, vector_->Run(grid, execution));
    AUSPEX_ASSIGN_OR_RETURN(const Batch scalar, scalar_->Run(grid, execution));
    const bool filter = IsComparison(op_) && !return_bool_;
    Annotations notes;
    if (batch.has_histograms() || IsTrim(op_)) ApplyToCells(batch, scalar.values, notes);
    execution.Note(notes);
    for (size_t i = 0; i < batch.size(); ++i) {
      const std::span<double> row = batch.Row(i);
      for (size_t k = 0; k < grid.count; ++k) {
        if (IsAbsent(row[k]) || batch.HistogramAt(i, k) != nullptr) continue;
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
    AUSPEX_ASSIGN_OR_RETURN(Batch named, DropIdentities(std::move(batch), execution));
    return named.has_histograms() ? WithoutEmptyRows(std::move(named)) : std::move(named);
  }

 private:
  // The histograms, and for operators that only these have the numbers too.
  void ApplyToCells(Batch& batch, std::span<const double> scalars, Annotations& notes) const {
    for (size_t i = 0; i < batch.size(); ++i) {
      for (size_t k = 0; k < batch.steps_count; ++k) {
        const BinaryOperand cell{batch.Row(i)[k], batch.HistogramAt(i, k)};
        if (IsAbsent(cell.number)) continue;
        const BinaryOperand scalar{scalars[k], nullptr};
        const BinaryOperand& left = scalar_left_ ? scalar : cell;
        const BinaryOperand& right = scalar_left_ ? cell : scalar;
        if (cell.histogram != nullptr) {
          batch.SetHistogram(i, k, ApplyToHistograms(op_, return_bool_, left, right, place_, notes).histogram);
        } else if (IsTrim(op_)) {
          NoteIncompatibleTypes(op_, left, right, place_, notes);
          batch.SetNumber(i, k, Absent());
        }
      }
    }
  }

  const BinaryOp op_;
  const bool return_bool_;
  const OperatorPtr vector_;
  const OperatorPtr scalar_;
  const bool scalar_left_;
  const std::string place_;
};

class NegationOperator final : public Operator {
 public:
  explicit NegationOperator(OperatorPtr vector) : vector_(std::move(vector)) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, vector_->Run(grid, execution));
    for (size_t i = 0; i < batch.size(); ++i) {
      const std::span<double> row = batch.Row(i);
      for (size_t k = 0; k < row.size(); ++k) {
        if (const Histogram* histogram = batch.HistogramAt(i, k); histogram != nullptr) {
          Histogram negative = *histogram;
          Multiply(negative, -1);
          batch.SetHistogram(i, k, std::make_shared<const Histogram>(std::move(negative)));
        } else if (!IsAbsent(row[k])) {
          row[k] = -row[k];
        }
      }
    }
    return DropIdentities(std::move(batch), execution);
  }

 private:
  const OperatorPtr vector_;
};

}  // namespace

OperatorPtr MakeVectorScalar(BinaryOp op, bool return_bool, OperatorPtr vector, OperatorPtr scalar, bool scalar_left,
                             std::string place) {
  return std::make_unique<VectorScalarOperator>(op, return_bool, std::move(vector), std::move(scalar), scalar_left,
                                                std::move(place));
}

OperatorPtr MakeNegation(OperatorPtr vector) { return std::make_unique<NegationOperator>(std::move(vector)); }

}  // namespace auspex::query
