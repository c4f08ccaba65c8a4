#include "op_call.h"

#include "row_wise.h"

namespace auspex::query {
namespace {

class ValueCallOperator final : public RowWiseOperator {
 public:
  ValueCallOperator(ValueFunction function, OperatorPtr vector, std::vector<OperatorPtr> scalars, bool keeps_metric_name)
      : RowWiseOperator(std::move(vector), std::move(scalars)), function_(function), keeps_metric_name_(keeps_metric_name) {}

 private:
  void Change(Batch& batch, const StepGrid& grid, std::span<const double> scalars, Annotations& /*notes*/) const override {
    batch.DropHistograms();
    const size_t scalars_count = scalars.size() / grid.count;
    for (size_t i = 0; i < batch.size(); ++i) {
      const std::span<double> row = batch.Row(i);
      for (size_t k = 0; k < grid.count; ++k) {
        if (!IsAbsent(row[k])) row[k] = function_(row[k], scalars.data() + k * scalars_count);
      }
    }
  }
  bool KeepsMetricName(const Execution& /*execution*/) const override { return keeps_metric_name_; }

  const ValueFunction function_;
  const bool keeps_metric_name_;
};

class TimestampOperator final : public RowWiseOperator {
 public:
  using RowWiseOperator::RowWiseOperator;

 private:
  void Change(Batch& batch, const StepGrid& grid, std::span<const double> /*scalars*/, Annotations& /*notes*/) const override {
    for (size_t i = 0; i < batch.size(); ++i) {
      const std::span<double> row = batch.Row(i);
      for (size_t k = 0; k < grid.count; ++k) {
        if (!IsAbsent(row[k])) batch.SetNumber(i, k, static_cast<double>(grid.At(k)) / 1000);
      }
    }
  }
};

class AbsentOperator final : public Operator {
 public:
  AbsentOperator(OperatorPtr vector, Labels labels) : vector_(std::move(vector)), labels_(std::move(labels)) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(const Batch in, vector_->Run(grid, execution));
    Batch batch(grid.count);
    const std::span<double> out = batch.Add(labels_);
    for (size_t k = 0; k < grid.count; ++k) {
      bool present = false;
      for (size_t i = 0; i < in.size() && !present; ++i) present = !IsAbsent(in.Row(i)[k]);
      if (!present) out[k] = 1;
    }
    if (IsEmptyRow(out)) batch.DropLast();
    return batch;
  }

 private:
  const OperatorPtr vector_;
  const Labels labels_;
};

}  // namespace

OperatorPtr MakeValueCall(ValueFunction function, OperatorPtr vector, std::vector<OperatorPtr> scalars,
                          bool keeps_metric_name) {
  return std::make_unique<ValueCallOperator>(function, std::move(vector), std::move(scalars), keeps_metric_name);
}
OperatorPtr MakeTimestampCall(OperatorPtr vector) { return std::make_unique<TimestampOperator>(std::move(vector)); }
OperatorPtr MakeAbsent(OperatorPtr vector, Labels labels) {
  return std::make_unique<AbsentOperator>(std::move(vector), std::move(labels));
}

}  // namespace auspex::query
