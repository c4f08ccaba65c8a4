#include "row_wise.h"

#include "merge.h"
#include "metric_identity.h"

namespace auspex::query {

class RowWiseOperator::Sink final : public MorselSink {
 public:
  Sink(const RowWiseOperator& op, const StepGrid& grid, std::span<const double> scalars, Execution& execution, MorselSink& next)
      : op_(op), grid_(grid), scalars_(scalars), execution_(execution), next_(next) {}

  Status Consume(size_t morsel, Batch batch) override {
    Annotations notes;
    AUSPEX_ASSIGN_OR_RETURN(Batch changed, op_.Changed(std::move(batch), grid_, scalars_, notes, execution_));
    // At the turn of the morsel, so that their order does not depend on the threads.
    AUSPEX_RETURN_IF_ERROR(notes_.Push(morsel, std::move(notes), [this](const Annotations& ready) {
      execution_.Note(ready);
      return OkStatus();
    }));
    return next_.Consume(morsel, std::move(changed));
  }
  bool WantsOrder(size_t series_count) override { return next_.WantsOrder(series_count); }
  size_t MorselSeries() const override { return next_.MorselSeries(); }
  Labels Shown(const Labels& labels) const override {
    return next_.Shown(op_.KeepsMetricName(execution_) ? labels : DropIdentity(labels, execution_));
  }

 private:
  const RowWiseOperator& op_;
  const StepGrid& grid_;
  const std::span<const double> scalars_;
  Execution& execution_;
  MorselSink& next_;
  InOrder<Annotations> notes_;
};

Result<Batch> RowWiseOperator::Run(const StepGrid& grid, Execution& execution) const {
  AUSPEX_RETURN_IF_ERROR(execution.Stop());
  AUSPEX_ASSIGN_OR_RETURN(Batch batch, vector_->Run(grid, execution));
  AUSPEX_ASSIGN_OR_RETURN(const std::vector<double> scalars, EvaluateScalars(grid, execution));
  Annotations notes;
  AUSPEX_ASSIGN_OR_RETURN(Batch changed, Changed(std::move(batch), grid, scalars, notes, execution));
  execution.Note(notes);
  return changed;
}

Status RowWiseOperator::Stream(const StepGrid& grid, Execution& execution, MorselSink& sink) const {
  // Prometheus 2 drops names at once: series of different metrics must be seen together to find that they became equal. In
  // Prometheus 3 they keep their names up to the end of the query where there can be several (metric_identity.h).
  if (execution.compat_2()) return Operator::Stream(grid, execution, sink);
  AUSPEX_RETURN_IF_ERROR(execution.Stop());
  AUSPEX_ASSIGN_OR_RETURN(const std::vector<double> scalars, EvaluateScalars(grid, execution));
  Sink changing(*this, grid, scalars, execution, sink);
  return vector_->Stream(grid, execution, changing);
}

Result<std::vector<double>> RowWiseOperator::EvaluateScalars(const StepGrid& grid, Execution& execution) const {
  std::vector<double> out(scalars_.size() * grid.count);
  for (size_t i = 0; i < scalars_.size(); ++i) {
    AUSPEX_ASSIGN_OR_RETURN(const Batch scalar, scalars_[i]->Run(grid, execution));
    for (size_t k = 0; k < grid.count; ++k) out[k * scalars_.size() + i] = scalar.values[k];
  }
  return out;
}

Result<Batch> RowWiseOperator::Changed(Batch batch, const StepGrid& grid, std::span<const double> scalars, Annotations& notes,
                                       const Execution& execution) const {
  Change(batch, grid, scalars, notes);
  if (KeepsMetricName(execution)) return WithoutEmptyRows(std::move(batch));
  AUSPEX_ASSIGN_OR_RETURN(Batch named, DropIdentities(std::move(batch), execution));
  return WithoutEmptyRows(std::move(named));
}

}  // namespace auspex::query
