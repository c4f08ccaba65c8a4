#include "operator.h"

#include <iterator>

namespace auspex::query {
namespace {

class Collector final : public MorselSink {
 public:
  Collector(size_t steps_count, Execution& execution) : batch_(steps_count), execution_(execution) {}
  Status Consume(size_t morsel, Batch part) override {
    return order_.Push(morsel, std::move(part), [this](Batch ready) { return Append(std::move(ready)); });
  }
  Batch Take() { return std::move(batch_); }

 private:
  Status Append(Batch part) {
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

  Batch batch_;
  Execution& execution_;
  InOrder<Batch> order_;
};

}  // namespace

Result<Batch> Collect(const Operator& streamed, const StepGrid& grid, Execution& execution) {
  Collector collector(grid.count, execution);
  AUSPEX_RETURN_IF_ERROR(streamed.Stream(grid, execution, collector));
  return collector.Take();
}

}  // namespace auspex::query
