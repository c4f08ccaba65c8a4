#pragma once

#include <span>
#include <vector>

#include "operator.h"

namespace auspex::query {

/// An operator that makes something of each series by itself: what comes to it morsel by morsel leaves it so.
class RowWiseOperator : public Operator {
 public:
  /// scalars: their values at each step go to Change.
  explicit RowWiseOperator(OperatorPtr vector, std::vector<OperatorPtr> scalars = {})
      : vector_(std::move(vector)), scalars_(std::move(scalars)) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const final;
  Status Stream(const StepGrid& grid, Execution& execution, MorselSink& sink) const final;

 private:
  class Sink;

  /// Changes the values of some series. scalars: [step][scalar].
  virtual void Change(Batch& batch, const StepGrid& grid, std::span<const double> scalars, Annotations& notes) const = 0;
  virtual bool KeepsMetricName(const Execution& /*execution*/) const { return false; }

  Result<std::vector<double>> EvaluateScalars(const StepGrid& grid, Execution& execution) const;
  Result<Batch> Changed(Batch batch, const StepGrid& grid, std::span<const double> scalars, Annotations& notes,
                        const Execution& execution) const;

  const OperatorPtr vector_;
  const std::vector<OperatorPtr> scalars_;
};

}  // namespace auspex::query
