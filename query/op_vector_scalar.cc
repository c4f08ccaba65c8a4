#include "histogram_binary.h"
#include "op_binary.h"
#include "op_scalar.h"
#include "row_wise.h"

namespace auspex::query {
namespace {

class VectorScalarOperator final : public RowWiseOperator {
 public:
  VectorScalarOperator(BinaryOp op, bool return_bool, OperatorPtr vector, std::vector<OperatorPtr> scalar, bool scalar_left,
                       std::string place)
      : RowWiseOperator(std::move(vector), std::move(scalar)),
        op_(op),
        return_bool_(return_bool),
        scalar_left_(scalar_left),
        place_(std::move(place)) {}

 private:
  void Change(Batch& batch, const StepGrid& grid, std::span<const double> scalars, Annotations& notes) const override {
    const bool filter = IsComparison(op_) && !return_bool_;
    if (batch.has_histograms() || IsTrim(op_)) ApplyToCells(batch, scalars, notes);
    for (size_t i = 0; i < batch.size(); ++i) {
      const std::span<double> row = batch.Row(i);
      for (size_t k = 0; k < grid.count; ++k) {
        if (IsAbsent(row[k]) || batch.HistogramAt(i, k) != nullptr) continue;
        const double result = scalar_left_ ? ApplyScalar(op_, scalars[k], row[k]) : ApplyScalar(op_, row[k], scalars[k]);
        if (!filter) {
          row[k] = result;
        } else if (result == 0) {
          row[k] = Absent();
        }
      }
    }
  }

  bool KeepsMetricName(const Execution& execution) const override {
    return query::KeepsMetricName(op_, return_bool_, execution.compat_2());
  }

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
  const bool scalar_left_;
  const std::string place_;
};

class NegationOperator final : public RowWiseOperator {
 public:
  using RowWiseOperator::RowWiseOperator;

 private:
  void Change(Batch& batch, const StepGrid& /*grid*/, std::span<const double> /*scalars*/,
              Annotations& /*notes*/) const override {
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
  }
};

}  // namespace

OperatorPtr MakeVectorScalar(BinaryOp op, bool return_bool, OperatorPtr vector, OperatorPtr scalar, bool scalar_left,
                             std::string place) {
  std::vector<OperatorPtr> scalars;
  scalars.push_back(std::move(scalar));
  return std::make_unique<VectorScalarOperator>(op, return_bool, std::move(vector), std::move(scalars), scalar_left,
                                                std::move(place));
}

OperatorPtr MakeNegation(OperatorPtr vector) { return std::make_unique<NegationOperator>(std::move(vector)); }

}  // namespace auspex::query
