#include "op_call.h"

#include "merge.h"
#include "metric_identity.h"

namespace auspex::query {
namespace {

class ValueCallOperator final : public Operator {
 public:
  ValueCallOperator(ValueFunction function, OperatorPtr vector, std::vector<OperatorPtr> scalars, bool keeps_metric_name)
      : function_(function), vector_(std::move(vector)), scalars_(std::move(scalars)), keeps_metric_name_(keeps_metric_name) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, vector_->Run(grid, execution));
    batch.DropHistograms();
    std::vector<double> arguments(scalars_.size() * grid.count);  // [step][argument]
    for (size_t a = 0; a < scalars_.size(); ++a) {
      AUSPEX_ASSIGN_OR_RETURN(const Batch scalar, scalars_[a]->Run(grid, execution));
      for (size_t k = 0; k < grid.count; ++k) arguments[k * scalars_.size() + a] = scalar.values[k];
    }
    for (size_t i = 0; i < batch.size(); ++i) {
      const std::span<double> row = batch.Row(i);
      for (size_t k = 0; k < grid.count; ++k) {
        if (!IsAbsent(row[k])) row[k] = function_(row[k], arguments.data() + k * scalars_.size());
      }
    }
    if (keeps_metric_name_) return WithoutEmptyRows(std::move(batch));
    AUSPEX_ASSIGN_OR_RETURN(Batch named, DropIdentities(std::move(batch), execution));
    return WithoutEmptyRows(std::move(named));
  }

 private:
  const ValueFunction function_;
  const OperatorPtr vector_;
  const std::vector<OperatorPtr> scalars_;
  const bool keeps_metric_name_;
};

class TimestampOperator final : public Operator {
 public:
  explicit TimestampOperator(OperatorPtr vector) : vector_(std::move(vector)) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, vector_->Run(grid, execution));
    for (size_t i = 0; i < batch.size(); ++i) {
      const std::span<double> row = batch.Row(i);
      for (size_t k = 0; k < grid.count; ++k) {
        if (!IsAbsent(row[k])) batch.SetNumber(i, k, static_cast<double>(grid.At(k)) / 1000);
      }
    }
    return DropIdentities(std::move(batch), execution);
  }

 private:
  const OperatorPtr vector_;
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
