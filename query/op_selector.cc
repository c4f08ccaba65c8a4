#include "op_selector.h"

#include <algorithm>

#include "label_order.h"
#include "reset_hint.h"
#include "series_choice.h"

namespace auspex::query {
namespace {

class SelectorOperator final : public Operator {
 public:
  SelectorOperator(std::vector<Matcher> matchers, TimeShift shift, bool timestamps, bool reset_hints, Alternatives alternatives)
      : matchers_(std::move(matchers)),
        alternatives_(std::move(alternatives)),
        shift_(shift),
        timestamps_(timestamps),
        reset_hints_(reset_hints) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override { return Collect(*this, grid, execution); }

  Status Stream(const StepGrid& grid, Execution& execution, MorselSink& sink) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    const std::vector<std::string_view>* const labels_used = sink.labels_used();
    // Over a range, what takes the series one after the other need not have them all in memory.
    const bool by_labels = labels_used == nullptr && grid.count > 1;
    AUSPEX_ASSIGN_OR_RETURN(std::unique_ptr<Selection> selection, Select(grid, by_labels, execution));
    if (by_labels || labels_used != nullptr) return Read(*selection, grid, labels_used, execution, sink);
    if (!LabelOrder::Fits(selection->size(), grid.count)) {
      AUSPEX_ASSIGN_OR_RETURN(selection, Select(grid, /*by_labels=*/true, execution));
      return Read(*selection, grid, nullptr, execution, sink);
    }
    LabelOrder order(grid.count, execution, sink);
    AUSPEX_RETURN_IF_ERROR(Read(*selection, grid, nullptr, execution, order));
    return order.Finish();
  }

 private:
  // Rows shorter than this are charged once per morsel.
  static constexpr size_t kChargeSteps = 64;
  struct Worker {
    std::unique_ptr<SeriesReader> reader;
    SampleColumns columns;
    Reservation held;
  };

  static int64_t OldestMs(const Execution& execution) {
    return execution.lookback_ms() - (execution.compat_2() ? 0 : 1);  // age of a sample that still counts
  }

  Result<std::unique_ptr<Selection>> Select(const StepGrid& grid, bool by_labels, const Execution& execution) const {
    const StepGrid times = shift_.Apply(grid);
    SelectRequest request;
    request.tenant = execution.tenant();
    request.matchers = matchers_;
    request.begin_ms = times.start_ms - OldestMs(execution);
    request.end_ms = times.end_ms() + 1;
    request.by_labels = by_labels;
    return SelectSeries(execution.store(), request, alternatives_);
  }

  // labels_used: as MorselSink has it.
  Status Read(const Selection& selection, const StepGrid& grid, const std::vector<std::string_view>* labels_used,
              Execution& execution, MorselSink& sink) const {
    const StepGrid times = shift_.Apply(grid);
    const int64_t oldest_ms = OldestMs(execution);
    execution.CountRead(selection.size(), 0);
    const bool counts_steps = execution.CountsSteps(grid);
    const std::vector<size_t> order =
        labels_used == nullptr ? OrderFor(selection, sink, [](Labels labels) { return labels; }) : std::vector<size_t>();
    std::vector<Worker> workers(execution.workers_count());
    const Status status = execution.RunMorsels(
        selection.size(),
        [&](size_t morsel, size_t begin, size_t end, size_t w) -> Status {
          Worker& worker = workers[w];
          if (worker.reader == nullptr) worker.reader = selection.NewReader();
          Batch batch(grid.count);
          std::vector<uint64_t> step_counts(counts_steps ? grid.count : 0);
          uint64_t samples_count = 0;
          for (size_t place = begin; place < end; ++place) {
            const size_t i = order.empty() ? place : order[place];
            AUSPEX_RETURN_IF_ERROR(execution.Stop());
            AUSPEX_RETURN_IF_ERROR(worker.reader->Read(i, worker.columns));
            samples_count += worker.columns.t_ms.size();
            AUSPEX_RETURN_IF_ERROR(execution.Charge(worker.held, worker.columns.t_ms.capacity()));
            if (worker.columns.t_ms.empty()) continue;
            const std::span<double> row = batch.Add(Labels());
            if (reset_hints_) AddResetHints(worker.columns);
            FillRow(worker.columns, times, oldest_ms, row);
            if (!worker.columns.histograms.empty() && !timestamps_) FillHistograms(worker.columns, times, oldest_ms, batch);
            if (IsEmptyRow(row)) {
              batch.DropLast();
              continue;
            }
            for (size_t k = 0; k < step_counts.size(); ++k) step_counts[k] += IsAbsent(row[k]) ? 0 : 1;
            batch.labels.back() = labels_used == nullptr ? selection.labels(i) : selection.LabelsKept(i, *labels_used);
            if (grid.count >= kChargeSteps) AUSPEX_RETURN_IF_ERROR(execution.Charge(batch));
          }
          AUSPEX_RETURN_IF_ERROR(execution.Charge(batch));
          execution.CountRead(0, samples_count);
          if (counts_steps) execution.AddStepCounts(grid, step_counts);
          return sink.Consume(morsel, std::move(batch));
        },
        sink.MorselSeries());
    for (const Worker& worker : workers) {
      if (worker.reader != nullptr) execution.CountBlocks(worker.reader->cost());
    }
    return status;
  }

  void FillRow(const SampleColumns& columns, const StepGrid& times, int64_t oldest_ms, std::span<double> row) const {
    const size_t samples_count = columns.t_ms.size();
    size_t next = 0;  // the first sample after the step
    for (size_t k = 0; k < times.count; ++k) {
      const int64_t t_ms = times.At(k);
      while (next < samples_count && columns.t_ms[next] <= t_ms) ++next;
      if (next == 0 || columns.t_ms[next - 1] < t_ms - oldest_ms || IsAbsent(columns.values[next - 1])) continue;
      row[k] = timestamps_ ? static_cast<double>(columns.t_ms[next - 1]) / 1000 : columns.values[next - 1];
    }
    // `@`: one time for all steps.
    if (times.count == 1) std::fill(row.begin(), row.end(), row[0]);
  }

  // As FillRow, for the last row of the batch.
  static void FillHistograms(const SampleColumns& columns, const StepGrid& times, int64_t oldest_ms, Batch& batch) {
    size_t next = 0;
    for (size_t k = 0; k < times.count; ++k) {
      const int64_t t_ms = times.At(k);
      while (next < columns.t_ms.size() && columns.t_ms[next] <= t_ms) ++next;
      if (next == 0 || columns.t_ms[next - 1] < t_ms - oldest_ms || columns.histograms[next - 1] == nullptr) continue;
      const size_t end = times.count == 1 ? batch.steps_count : k + 1;
      for (size_t step = k; step < end; ++step) batch.SetHistogram(batch.size() - 1, step, columns.histograms[next - 1]);
    }
  }

  const std::vector<Matcher> matchers_;
  const Alternatives alternatives_;
  const TimeShift shift_;
  const bool timestamps_;
  const bool reset_hints_;
};

}  // namespace

OperatorPtr MakeSelector(std::vector<Matcher> matchers, TimeShift shift, bool timestamps, bool reset_hints,
                         Alternatives alternatives) {
  return std::make_unique<SelectorOperator>(std::move(matchers), shift, timestamps, reset_hints, std::move(alternatives));
}

}  // namespace auspex::query
