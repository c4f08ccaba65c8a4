#include "operator.h"

#include <iterator>

namespace auspex::query {

Status Collector::Append(Batch part) {
  if (batch_.size() == 0) {
    batch_ = std::move(part);
    return OkStatus();
  }
  batch_.values.insert(batch_.values.end(), part.values.begin(), part.values.end());
  batch_.AppendHistograms(part.histograms);
  std::move(part.labels.begin(), part.labels.end(), std::back_inserter(batch_.labels));
  // What the part has reserved is now the whole's.
  part.reservation = Reservation();
  return execution_.Charge(batch_);
}

Result<Batch> Collect(const Operator& streamed, const StepGrid& grid, Execution& execution) {
  Collector collector(grid.count, execution);
  AUSPEX_RETURN_IF_ERROR(streamed.Stream(grid, execution, collector));
  return collector.Take();
}

}  // namespace auspex::query
