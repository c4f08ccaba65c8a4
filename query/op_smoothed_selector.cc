#include <algorithm>

#include "op_selector.h"
#include "range_extension.h"

namespace auspex::query {
namespace {

class SmoothedSelectorOperator final : public Operator {
 public:
  SmoothedSelectorOperator(std::vector<Matcher> matchers, TimeShift shift, Alternatives alternatives)
      : source_(MakeStoredSource(std::move(matchers), false, std::move(alternatives))), shift_(shift) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    const StepGrid times = shift_.Apply(grid);
    const int64_t lookback_ms = execution.lookback_ms();
    AUSPEX_ASSIGN_OR_RETURN(const std::unique_ptr<Selection> selection,
                            source_->Open(times.start_ms - lookback_ms + 1, times.end_ms() + lookback_ms, execution));
    execution.CountRead(selection->size(), 0);
    const std::unique_ptr<SeriesReader> reader = selection->NewReader();
    Batch batch(grid.count);
    SampleColumns columns;
    for (size_t i = 0; i < selection->size(); ++i) {
      AUSPEX_RETURN_IF_ERROR(execution.Stop());
      AUSPEX_RETURN_IF_ERROR(reader->Read(i, columns));
      execution.CountRead(0, columns.t_ms.size());
      columns.DropHistograms();  // numbers alone can be interpolated
      const std::span<double> row = batch.Add(selection->labels(i));
      size_t next = 0;  // the first sample at or behind the step
      for (size_t k = 0; k < times.count; ++k) {
        while (next < columns.t_ms.size() && columns.t_ms[next] < times.At(k)) ++next;
        row[k] = ValueAt(columns, next, times.At(k), lookback_ms);
      }
      // `@`: one time for all steps.
      if (times.count == 1) std::fill(row.begin(), row.end(), row[0]);
      if (IsEmptyRow(row)) batch.DropLast();
      AUSPEX_RETURN_IF_ERROR(execution.Charge(batch));
    }
    return batch;
  }

 private:
  static double ValueAt(const SampleColumns& columns, size_t next, int64_t t_ms, int64_t lookback_ms) {
    const bool after = next < columns.t_ms.size() && columns.t_ms[next] <= t_ms + lookback_ms;
    if (after && columns.t_ms[next] == t_ms) return columns.values[next];
    if (next == 0 || columns.t_ms[next - 1] <= t_ms - lookback_ms) return Absent();
    if (!after) return columns.values[next - 1];
    return Interpolate(columns.t_ms[next - 1], columns.values[next - 1], columns.t_ms[next], columns.values[next], t_ms);
  }

  const std::unique_ptr<const RangeSource> source_;
  const TimeShift shift_;
};

}  // namespace

OperatorPtr MakeSmoothedSelector(std::vector<Matcher> matchers, TimeShift shift, Alternatives alternatives) {
  return std::make_unique<SmoothedSelectorOperator>(std::move(matchers), shift, std::move(alternatives));
}

}  // namespace auspex::query
