#include "op_range.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <unordered_set>

#include "kernel_histogram.h"
#include "kernel_summary.h"
#include "merge.h"
#include "metric_identity.h"
#include "older_selection.h"

namespace auspex::query {
namespace {

constexpr const char* kSummariesUnused =
    "older samples have expired, and only summaries are left of them: they answer functions such as avg_over_time and rate "
    "over windows of whole hours (or five minutes) that end at full ones";

bool IsCounterName(std::string_view metric) {
  for (const std::string_view suffix : {"_total", "_sum", "_count", "_bucket"}) {
    if (metric.size() >= suffix.size() && metric.substr(metric.size() - suffix.size()) == suffix) return true;
  }
  return false;
}

class RangeOperator final : public Operator {
 public:
  explicit RangeOperator(RangeSpec spec)
      : spec_(std::move(spec)),
        counter_(spec_.function == "rate" || spec_.function == "increase"),
        summary_(spec_.kernel != nullptr && spec_.extension == RangeExtension::kNone ? FindSummaryKernel(spec_.function)
                                                                                     : nullptr),
        looking_back_(dynamic_cast<const LookingBackFunction*>(spec_.registered.get())) {
    if (spec_.registered != nullptr) outputs_ = spec_.registered->Outputs();
  }

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override { return Collect(*this, grid, execution); }

  Status Stream(const StepGrid& grid, Execution& execution, MorselSink& sink) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    AUSPEX_ASSIGN_OR_RETURN(const std::vector<std::vector<double>> scalars, EvaluateScalars(grid, execution));
    const StepGrid times = spec_.shift.Apply(grid);
    const int64_t history_ms =
        spec_.registered != nullptr ? spec_.registered->HistoryMs() : HistoryMs(spec_.extension, execution.lookback_ms());
    AUSPEX_ASSIGN_OR_RETURN(const std::unique_ptr<Selection> selection,
                            spec_.source->Open(WindowBegin(times, spec_.range_ms, history_ms, execution),
                                               times.end_ms() + FutureMs(spec_.extension, execution.lookback_ms()), execution));
    execution.CountRead(selection->size(), 0);
    std::optional<OlderSelection> older;
    if (const int64_t older_ms = looking_back_ != nullptr && spec_.source->Stored() ? looking_back_->OlderMs() : 0;
        older_ms > 0) {
      older.emplace(*spec_.source, times.start_ms - spec_.range_ms - history_ms - older_ms, times.end_ms(), execution);
    }
    // Several rows of a series do not stay together when they are put in order.
    const std::vector<size_t> order =
        outputs_.empty() ? OrderFor(*selection, sink,
                                    [&](Labels labels) {
                                      return spec_.keeps_metric_name ? std::move(labels) : DropIdentity(labels, execution);
                                    })
                         : std::vector<size_t>();
    NameCheck names(*this);
    const bool counts_steps = execution.CountsSteps(grid);
    const std::vector<int64_t> edges = SummaryEdges(times, execution);
    std::vector<Worker> workers(execution.workers_count());
    const Status status = execution.RunMorsels(
        selection->size(),
        [&](size_t morsel, size_t begin, size_t end, size_t w) -> Status {
          Worker& worker = workers[w];
          if (worker.reader == nullptr) worker.reader = selection->NewReader();
          if (older && !worker.older) worker.older.emplace(*older);
          Batch batch(grid.count);
          std::vector<uint64_t> step_counts(counts_steps ? grid.count : 0);
          if (outputs_.empty()) batch.values.reserve((end - begin) * grid.count);
          Annotations notes;
          for (size_t place = begin; place < end; ++place) {
            const size_t i = order.empty() ? place : order[place];
            AUSPEX_RETURN_IF_ERROR(execution.Stop());
            AUSPEX_RETURN_IF_ERROR(worker.Read(i, edges, summary_, execution));
            if (worker.columns.pieces.empty()) continue;
            if (counts_steps) AddWindowCounts(worker.columns, times, execution, step_counts);
            const Labels labels = selection->labels(i);
            if (worker.older) worker.older->SetSeries(labels);
            const size_t rows_before = batch.size();
            Labels named = spec_.keeps_metric_name ? labels : DropIdentity(labels, execution);
            worker.histograms.clear();
            bool numbers = true;
            if (outputs_.empty()) {
              const std::span<double> row = batch.Add(std::move(named));
              AUSPEX_RETURN_IF_ERROR(
                  EvaluateSeries(labels, worker, grid, times, scalars, execution, row, worker.histograms, notes));
              numbers = HasNumber(row, worker.histograms);
              if (IsEmptyRow(row)) batch.DropLast();
            } else {
              worker.rows.assign(outputs_.size() * grid.count, Absent());
              AUSPEX_RETURN_IF_ERROR(
                  EvaluateSeries(labels, worker, grid, times, scalars, execution, worker.rows, worker.histograms, notes));
              worker.histograms.clear();  // of several numbers
              for (size_t o = 0; o < outputs_.size(); ++o) {
                const auto row = std::span<const double>(worker.rows).subspan(o * grid.count, grid.count);
                if (IsEmptyRow(row)) continue;
                const std::span<double> out = batch.Add(named.With(outputs_[o].first, outputs_[o].second));
                std::copy(row.begin(), row.end(), out.begin());
              }
            }
            if (batch.size() == rows_before) continue;
            if (counter_ && numbers) NoteCounter(labels, notes);
            for (size_t k = 0; k < worker.histograms.size(); ++k) {
              if (worker.histograms[k] != nullptr) batch.SetHistogram(batch.size() - 1, k, std::move(worker.histograms[k]));
            }
            AUSPEX_RETURN_IF_ERROR(execution.Charge(batch));
          }
          if (counts_steps) execution.AddStepCounts(grid, step_counts);
          // Both at the turn of the morsel, so that notes and errors do not depend on the threads.
          AUSPEX_RETURN_IF_ERROR(names.Check(morsel, batch.labels, notes, execution));
          return sink.Consume(morsel, std::move(batch));
        },
        sink.MorselSeries());
    uint64_t summaries_unused = 0;
    for (const Worker& worker : workers) {
      if (worker.reader == nullptr) continue;
      execution.CountBlocks(worker.reader->cost());
      summaries_unused += worker.reader->cost().summaries_unused;
    }
    if (summaries_unused > 0) execution.Warn(kSummariesUnused);
    return status;
  }

 private:
  struct Worker {
    std::unique_ptr<SeriesReader> reader;
    SummarizedColumns columns;  // one piece of samples when no edges are given
    Reservation held;
    std::vector<double> rows;              // [output][step]
    std::vector<HistogramPtr> histograms;  // of the row, or empty
    std::optional<OlderSelection::Reader> older;

    // No pieces when there is nothing.
    Status Read(size_t index, const std::vector<int64_t>& edges, const SummaryKernel* summary, Execution& execution) {
      if (edges.empty()) {
        columns.Clear();
        AUSPEX_RETURN_IF_ERROR(reader->Read(index, columns.samples));
        if (!columns.samples.t_ms.empty()) columns.pieces.push_back({false, 0, columns.samples.t_ms.size()});
      } else {
        AUSPEX_RETURN_IF_ERROR(reader->ReadSummarized(index, {edges, summary->sums, summary->resets}, columns));
        execution.CountRuns(columns.runs.size());
        if (columns.runs.empty() && columns.samples.t_ms.empty()) columns.pieces.clear();
      }
      execution.CountRead(0, columns.samples.t_ms.size());
      return execution.Charge(held, columns.samples.t_ms.capacity());
    }
  };

  // Where windows begin and end, when the function can do with summaries; else nothing. Whether there is room for any between
  // the edges the store knows best: of expired samples there may be nothing else.
  std::vector<int64_t> SummaryEdges(const StepGrid& times, const Execution& execution) const {
    if (summary_ == nullptr || !spec_.source->Summarizes()) return {};
    std::vector<int64_t> edges;
    for (size_t k = 0; k < times.count; ++k) {
      edges.push_back(times.At(k) - spec_.range_ms + (execution.compat_2() ? 0 : 1));
      edges.push_back(times.At(k) + 1);
    }
    std::sort(edges.begin(), edges.end());
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    return edges;
  }

  // How many samples each window has. No window divides a run.
  void AddWindowCounts(const SummarizedColumns& columns, const StepGrid& times, const Execution& execution,
                       std::vector<uint64_t>& counts) const {
    std::vector<int64_t> t_ms;
    std::vector<uint64_t> before = {0};  // samples before t_ms[i]
    for (const SummarizedColumns::Piece& piece : columns.pieces) {
      for (size_t i = piece.begin; i < piece.end; ++i) {
        t_ms.push_back(piece.summarized ? columns.runs[i].t_first_ms : columns.samples.t_ms[i]);
        before.push_back(before.back() + (piece.summarized ? columns.runs[i].count : 1));
      }
    }
    size_t begin = 0;
    size_t end = 0;
    for (size_t k = 0; k < counts.size(); ++k) {
      const int64_t end_ms = times.At(times.count == 1 ? 0 : k);
      const int64_t begin_ms = end_ms - spec_.range_ms + (execution.compat_2() ? 0 : 1);
      while (begin < t_ms.size() && t_ms[begin] < begin_ms) ++begin;
      while (end < t_ms.size() && t_ms[end] <= end_ms) ++end;
      counts[k] += end > begin ? before[end] - before[begin] : 0;
    }
  }

  static bool HasNumber(std::span<const double> row, const std::vector<HistogramPtr>& histograms) {
    for (size_t k = 0; k < row.size(); ++k) {
      if (!IsAbsent(row[k]) && (histograms.empty() || histograms[k] == nullptr)) return true;
    }
    return false;
  }

  // Sees the output labels of all morsels in order: series of different metrics may become equal.
  class NameCheck {
   public:
    explicit NameCheck(const RangeOperator& op)
        : needed_(!op.spec_.keeps_metric_name && !op.spec_.source->OneMetric() && op.spec_.function != "absent_over_time"),
          place_(op.spec_.place) {}
    Status Check(size_t morsel, const std::vector<Labels>& labels, Annotations notes, Execution& execution) {
      for (std::string& text : notes.warnings) text += place_;
      for (std::string& text : notes.infos) text += place_;
      Seen seen{needed_ && !execution.delayed_names() ? labels : std::vector<Labels>(), std::move(notes)};
      return order_.Push(morsel, std::move(seen), [&](Seen ready) {
        execution.Note(ready.notes);
        for (Labels& one : ready.labels) {
          if (!all_.insert(std::move(one)).second) return SameLabelset();
        }
        return OkStatus();
      });
    }

   private:
    struct Seen {
      std::vector<Labels> labels;
      Annotations notes;
    };
    const bool needed_;
    const std::string& place_;
    std::unordered_set<Labels> all_;
    InOrder<Seen> order_;
  };

  // One value where it is the same at every step.
  Result<std::vector<std::vector<double>>> EvaluateScalars(const StepGrid& grid, Execution& execution) const {
    std::vector<std::vector<double>> out(spec_.scalars.size());
    for (size_t i = 0; i < out.size(); ++i) {
      if (spec_.scalars[i] == nullptr) continue;
      if (const double* constant = spec_.scalars[i]->Constant(); constant != nullptr) {
        out[i] = {*constant};
        continue;
      }
      AUSPEX_ASSIGN_OR_RETURN(Batch batch, spec_.scalars[i]->Run(grid, execution));
      out[i] = std::move(batch.values);
    }
    return out;
  }

  Status Evaluate(const RangeInput& input, Worker& worker, std::span<double> out, std::vector<HistogramPtr>& histograms,
                  Annotations& notes) const {
    const SummarizedColumns& columns = worker.columns;
    if (!columns.runs.empty()) {
      summary_->evaluate(input, columns, out);
      return OkStatus();
    }
    if (input.histograms.empty()) return EvaluateNumbers(input, worker, out, notes);
    const NumberKernel numbers = [this, &worker](const RangeInput& some, std::span<double> answers, Annotations& their_notes) {
      return EvaluateNumbers(some, worker, answers, their_notes);
    };
    if (spec_.kernel == nullptr || spec_.extension != RangeExtension::kNone)
      return EvaluateNumbersOnly(input, numbers, out, notes);
    return EvaluateHistogramRange(spec_.function, input, numbers, out, histograms, notes);
  }

  Status EvaluateNumbers(const RangeInput& input, Worker& worker, std::span<double> out, Annotations& notes) const {
    if (spec_.kernel != nullptr) return spec_.kernel(input, out, notes);
    if (looking_back_ == nullptr) return spec_.registered->Evaluate(input, out, notes);
    return looking_back_->EvaluateWith(input, worker.older ? &*worker.older : nullptr, out, notes);
  }

  Status EvaluateSeries(const Labels& labels, Worker& worker, const StepGrid& grid, const StepGrid& times,
                        const std::vector<std::vector<double>>& scalars, const Execution& execution, std::span<double> row,
                        std::vector<HistogramPtr>& histograms, Annotations& notes) const {
    const SummarizedColumns& columns = worker.columns;
    RangeInput input;
    input.t_ms = columns.samples.t_ms;
    input.values = columns.samples.values;
    input.histograms = columns.samples.histograms;
    input.range_ms = spec_.range_ms;
    input.lookback_ms = execution.lookback_ms();
    input.closed_left = execution.compat_2();
    input.labels = &labels;
    input.scalars.resize(scalars.size());
    input.steps = times;
    if (times.count == grid.count) {
      input.evaluation = grid;
      for (size_t i = 0; i < scalars.size(); ++i) input.scalars[i] = scalars[i];
      return Evaluate(input, worker, row, histograms, notes);
    }
    // `@`: one window for all steps, whose answers may still differ by their scalars and evaluation times.
    std::vector<double> one(std::max<size_t>(outputs_.size(), 1));
    for (size_t k = 0; k < grid.count; ++k) {
      input.evaluation = {grid.At(k), grid.step_ms, 1};
      for (size_t i = 0; i < scalars.size(); ++i) {
        input.scalars[i] =
            scalars[i].size() <= 1 ? std::span<const double>(scalars[i]) : std::span<const double>(scalars[i]).subspan(k, 1);
      }
      std::fill(one.begin(), one.end(), Absent());
      std::vector<HistogramPtr> histogram;
      AUSPEX_RETURN_IF_ERROR(Evaluate(input, worker, one, histogram, notes));
      for (size_t o = 0; o < one.size(); ++o) row[o * grid.count + k] = one[o];
      if (histogram.empty()) continue;
      histograms.resize(grid.count);
      histograms[k] = std::move(histogram.front());
    }
    return OkStatus();
  }

  static void NoteCounter(const Labels& labels, Annotations& notes) {
    const std::string_view metric = labels.MetricName();
    if (metric.empty() || IsCounterName(metric)) return;
    notes.Info(fmt::format(
        "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"{}\"", metric));
  }

  const RangeSpec spec_;
  const bool counter_;
  const SummaryKernel* const summary_;             // null when the function needs every sample
  const LookingBackFunction* const looking_back_;  // spec_.registered, where it is one
  std::vector<std::pair<std::string, std::string>> outputs_;
};

// A subquery whose steps end at each evaluation time: times that lie a multiple of its step apart share them.
class AlignedRangeOperator final : public Operator {
 public:
  AlignedRangeOperator(OperatorPtr range, int64_t step_ms) : range_(std::move(range)), step_ms_(step_ms) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    const auto sharing = static_cast<size_t>(step_ms_ / std::gcd(step_ms_, grid.step_ms));
    if (grid.count == 1 || sharing == 1) return range_->Run(grid, execution);
    RowMerger merger(grid.count);
    std::vector<double> row;
    for (size_t first = 0; first < std::min(sharing, grid.count); ++first) {
      const StepGrid some{grid.At(first), grid.step_ms * static_cast<int64_t>(sharing),
                          (grid.count - first + sharing - 1) / sharing};
      AUSPEX_ASSIGN_OR_RETURN(const Batch batch, range_->Run(some, execution));
      for (size_t i = 0; i < batch.size(); ++i) {
        row.assign(grid.count, Absent());
        std::vector<HistogramPtr> histograms(batch.has_histograms() ? grid.count : 0);
        for (size_t k = 0; k < some.count; ++k) {
          row[first + k * sharing] = batch.Row(i)[k];
          if (batch.has_histograms()) histograms[first + k * sharing] = batch.View(i).HistogramAt(k);
        }
        AUSPEX_RETURN_IF_ERROR(merger.Add(batch.labels[i], RowView(row, histograms)));
      }
    }
    Batch all = std::move(merger).Finish();
    AUSPEX_RETURN_IF_ERROR(execution.Charge(all));
    return all;
  }

 private:
  const OperatorPtr range_;
  const int64_t step_ms_;
};

class AbsentOverTimeOperator final : public Operator {
 public:
  AbsentOverTimeOperator(OperatorPtr present, Labels labels) : present_(std::move(present)), labels_(std::move(labels)) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    Marker marker(grid.count);
    AUSPEX_RETURN_IF_ERROR(present_->Stream(grid, execution, marker));
    Batch batch(grid.count);
    const std::span<double> row = batch.Add(labels_);
    for (size_t k = 0; k < grid.count; ++k) {
      if (!marker.present[k]) row[k] = 1;
    }
    if (IsEmptyRow(row)) batch.DropLast();
    return batch;
  }

 private:
  struct Marker final : MorselSink {
    explicit Marker(size_t steps_count) : present(steps_count, false) {}
    Status Consume(size_t /*morsel*/, Batch batch) override {
      const std::lock_guard lock(mu);
      for (size_t i = 0; i < batch.values.size(); ++i) {
        if (!IsAbsent(batch.values[i])) present[i % batch.steps_count] = true;
      }
      return OkStatus();
    }
    std::mutex mu;
    std::vector<bool> present;  // guarded by mu
  };
  const OperatorPtr present_;
  const Labels labels_;
};

}  // namespace

int64_t WindowBegin(const StepGrid& times, int64_t range_ms, int64_t history_ms, const Execution& execution) {
  // With history, the function is promised the samples on the edge as well.
  const int64_t open = execution.compat_2() || history_ms > 0 ? 0 : 1;
  return times.start_ms - range_ms - history_ms + open;
}

OperatorPtr MakeRange(RangeSpec spec) {
  const int64_t aligned_step_ms = spec.aligned_step_ms;
  auto range = std::make_unique<RangeOperator>(std::move(spec));
  if (aligned_step_ms == 0) return range;
  return std::make_unique<AlignedRangeOperator>(std::move(range), aligned_step_ms);
}

OperatorPtr MakeAbsentOverTime(OperatorPtr present, Labels labels) {
  return std::make_unique<AbsentOverTimeOperator>(std::move(present), std::move(labels));
}

Status ReadMatrix(const RangeSource& source, int64_t range_ms, RangeExtension extension, const TimeShift& shift,
                  int64_t time_ms, Execution& execution, const std::function<Status(ResultSeries)>& take) {
  const StepGrid times = shift.Apply({time_ms, 1, 1});
  const int64_t lookback_ms = execution.lookback_ms();
  AUSPEX_ASSIGN_OR_RETURN(const std::unique_ptr<Selection> selection,
                          source.Open(WindowBegin(times, range_ms, HistoryMs(extension, lookback_ms), execution),
                                      times.end_ms() + FutureMs(extension, lookback_ms), execution));
  const std::unique_ptr<SeriesReader> reader = selection->NewReader();
  const std::vector<size_t> order = OrderOf(*selection, [](Labels labels) { return labels; });
  Reservation held;
  SampleColumns columns;
  for (size_t place = 0; place < selection->size(); ++place) {
    const size_t i = order.empty() ? place : order[place];
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    AUSPEX_RETURN_IF_ERROR(reader->Read(i, columns));
    execution.CountRead(1, columns.t_ms.size());
    ExtendToWindow(extension, times.start_ms - range_ms, times.start_ms, lookback_ms, columns);
    if (columns.t_ms.empty()) continue;
    AUSPEX_RETURN_IF_ERROR(execution.Charge(held, columns.t_ms.size()));
    AUSPEX_RETURN_IF_ERROR(
        take({selection->labels(i), std::move(columns.t_ms), std::move(columns.values), std::move(columns.histograms)}));
    columns.Clear();
  }
  execution.CountBlocks(reader->cost());
  return OkStatus();
}

}  // namespace auspex::query
