#include "range_source.h"

#include <algorithm>

#include "column_scan.h"
#include "reset_hint.h"
#include "series_choice.h"

namespace auspex::query {
namespace {

// Staleness markers end a series for instant selectors only: in windows they do not exist.
void DropStaleMarkers(SampleColumns& columns) {
  size_t kept = 0;
  while ((kept = SkipNumbers(columns.values, kept)) < columns.values.size()) {
    const size_t end = std::min(kept + kScanned, columns.values.size());
    while (kept < end && !IsAbsent(columns.values[kept])) ++kept;
    if (kept < end) break;
  }
  for (size_t i = kept; i < columns.values.size(); ++i) {
    if (IsAbsent(columns.values[i])) continue;
    columns.t_ms[kept] = columns.t_ms[i];
    columns.values[kept] = columns.values[i];
    if (!columns.histograms.empty()) columns.histograms[kept] = std::move(columns.histograms[i]);
    ++kept;
  }
  columns.t_ms.resize(kept);
  columns.values.resize(kept);
  if (!columns.histograms.empty()) columns.histograms.resize(kept);
}

void DropBefore(int64_t t_ms, SampleColumns& columns) {
  const auto count = std::lower_bound(columns.t_ms.begin(), columns.t_ms.end(), t_ms) - columns.t_ms.begin();
  columns.t_ms.erase(columns.t_ms.begin(), columns.t_ms.begin() + count);
  columns.values.erase(columns.values.begin(), columns.values.begin() + count);
  if (!columns.histograms.empty()) columns.histograms.erase(columns.histograms.begin(), columns.histograms.begin() + count);
}

// Runs have none.
void DropStaleMarkers(SummarizedColumns& columns) {
  std::vector<int64_t>& t_ms = columns.samples.t_ms;
  std::vector<double>& values = columns.samples.values;
  std::vector<HistogramPtr>& histograms = columns.samples.histograms;
  if (SkipNumbers(values, 0) == values.size()) return;
  size_t kept = 0;
  for (SummarizedColumns::Piece& piece : columns.pieces) {
    if (piece.summarized) continue;
    const size_t begin = kept;
    for (size_t i = piece.begin; i < piece.end; ++i) {
      if (IsAbsent(values[i])) continue;
      t_ms[kept] = t_ms[i];
      if (!histograms.empty()) histograms[kept] = std::move(histograms[i]);
      values[kept++] = values[i];
    }
    piece.begin = begin;
    piece.end = kept;
  }
  t_ms.resize(kept);
  values.resize(kept);
  if (!histograms.empty()) histograms.resize(kept);
}

class StoredSelection final : public Selection {
 public:
  /// `hints_from_ms`: give reset hints, and leave out the samples before.
  StoredSelection(std::unique_ptr<Selection> selection, std::optional<int64_t> hints_from_ms)
      : selection_(std::move(selection)), hints_from_ms_(hints_from_ms) {}
  size_t size() const override { return selection_->size(); }
  Labels labels(size_t index) const override { return selection_->labels(index); }
  Labels LabelsKept(size_t index, std::span<const std::string_view> names) const override {
    return selection_->LabelsKept(index, names);
  }
  std::unique_ptr<SeriesReader> NewReader() const override {
    return std::make_unique<Reader>(selection_->NewReader(), hints_from_ms_);
  }

 private:
  class Reader final : public SeriesReader {
   public:
    Reader(std::unique_ptr<SeriesReader> reader, std::optional<int64_t> hints_from_ms)
        : reader_(std::move(reader)), hints_from_ms_(hints_from_ms) {}
    Status Read(size_t index, SampleColumns& out) override {
      AUSPEX_RETURN_IF_ERROR(reader_->Read(index, out));
      DropStaleMarkers(out);
      if (!hints_from_ms_) return OkStatus();
      AddResetHints(out);
      DropBefore(*hints_from_ms_, out);
      return OkStatus();
    }
    Status ReadSummarized(size_t index, const SummaryUse& use, SummarizedColumns& out) override {
      AUSPEX_RETURN_IF_ERROR(reader_->ReadSummarized(index, use, out));
      DropStaleMarkers(out);
      return OkStatus();
    }
    ReadCost cost() const override { return reader_->cost(); }

   private:
    std::unique_ptr<SeriesReader> reader_;
    const std::optional<int64_t> hints_from_ms_;
  };
  std::unique_ptr<Selection> selection_;
  const std::optional<int64_t> hints_from_ms_;
};

class StoredSource final : public RangeSource {
 public:
  StoredSource(std::vector<Matcher> matchers, bool reset_hints, std::vector<std::vector<Matcher>> alternatives)
      : matchers_(std::move(matchers)),
        alternatives_(std::move(alternatives)),
        one_metric_(FixesMetricName(matchers_)),
        reset_hints_(reset_hints) {}
  Result<std::unique_ptr<Selection>> Open(int64_t begin_ms, int64_t end_ms, Execution& execution) const override {
    SelectRequest request;
    request.tenant = execution.tenant();
    request.matchers = matchers_;
    // Whether the first histogram is a reset, the one before it tells.
    request.begin_ms = reset_hints_ ? begin_ms - execution.lookback_ms() : begin_ms;
    request.end_ms = end_ms + 1;
    AUSPEX_ASSIGN_OR_RETURN(std::unique_ptr<Selection> selection, SelectSeries(execution.store(), request, alternatives_));
    const auto hints_from_ms = reset_hints_ ? std::optional(begin_ms) : std::nullopt;
    return std::unique_ptr<Selection>(std::make_unique<StoredSelection>(std::move(selection), hints_from_ms));
  }
  bool Summarizes() const override { return !reset_hints_; }
  bool OneMetric() const override { return one_metric_; }
  bool Stored() const override { return true; }

 private:
  const std::vector<Matcher> matchers_;
  const std::vector<std::vector<Matcher>> alternatives_;
  const bool one_metric_;
  const bool reset_hints_;
};

// The answer of an inner expression, read as if it were stored.
class BatchSelection final : public Selection {
 public:
  BatchSelection(Batch batch, const StepGrid& grid) : batch_(std::move(batch)), grid_(grid) {}
  size_t size() const override { return batch_.size(); }
  Labels labels(size_t index) const override { return batch_.labels[index]; }
  std::unique_ptr<SeriesReader> NewReader() const override { return std::make_unique<Reader>(*this); }

 private:
  class Reader final : public SeriesReader {
   public:
    explicit Reader(const BatchSelection& selection) : selection_(selection) {}
    Status Read(size_t index, SampleColumns& out) override {
      out.Clear();
      const RowView row = selection_.batch_.View(index);
      for (size_t k = 0; k < row.values.size(); ++k) {
        if (!IsAbsent(row.values[k])) out.Push(selection_.grid_.At(k), row.values[k], WithoutNeighbours(row.HistogramAt(k)));
      }
      return OkStatus();
    }

   private:
    // What a hint says of the sample before does not hold of the step before.
    static HistogramPtr WithoutNeighbours(const HistogramPtr& histogram) {
      if (histogram == nullptr || histogram->hint == CounterReset::kGauge || histogram->hint == CounterReset::kUnknown) {
        return histogram;
      }
      auto unknown = std::make_shared<Histogram>(*histogram);
      unknown->hint = CounterReset::kUnknown;
      return unknown;
    }

    const BatchSelection& selection_;
  };
  const Batch batch_;
  const StepGrid grid_;
};

class SubquerySource final : public RangeSource {
 public:
  SubquerySource(OperatorPtr expr, int64_t step_ms, bool aligned)
      : expr_(std::move(expr)), step_ms_(step_ms), aligned_(aligned) {}
  Result<std::unique_ptr<Selection>> Open(int64_t begin_ms, int64_t end_ms, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    StepGrid grid;
    grid.step_ms = step_ms_;
    if (aligned_) {
      grid.start_ms = end_ms - step_ms_ * ((end_ms - begin_ms) / step_ms_);
    } else {
      // Steps lie at multiples of the resolution, whatever the time of the evaluation. Division rounds towards zero.
      grid.start_ms = step_ms_ * (begin_ms / step_ms_);
      if (grid.start_ms < begin_ms) grid.start_ms += step_ms_;
    }
    grid.count = end_ms < grid.start_ms ? 0 : static_cast<size_t>((end_ms - grid.start_ms) / step_ms_) + 1;
    if (grid.count == 0) return std::unique_ptr<Selection>(std::make_unique<BatchSelection>(Batch(0), grid));
    // One row must fit before it is made.
    Reservation one_row;
    AUSPEX_RETURN_IF_ERROR(execution.Charge(one_row, grid.count));
    one_row = Reservation();
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, expr_->Run(grid, execution));
    AUSPEX_RETURN_IF_ERROR(execution.Charge(batch));
    return std::unique_ptr<Selection>(std::make_unique<BatchSelection>(std::move(batch), grid));
  }
  bool OneMetric() const override { return false; }

 private:
  const OperatorPtr expr_;
  const int64_t step_ms_;
  const bool aligned_;
};

}  // namespace

std::unique_ptr<const RangeSource> MakeStoredSource(std::vector<Matcher> matchers, bool reset_hints,
                                                    std::vector<std::vector<Matcher>> alternatives) {
  return std::make_unique<StoredSource>(std::move(matchers), reset_hints, std::move(alternatives));
}

std::unique_ptr<const RangeSource> MakeSubquerySource(OperatorPtr expr, int64_t step_ms, bool aligned) {
  return std::make_unique<SubquerySource>(std::move(expr), step_ms, aligned);
}

bool FixesMetricName(const std::vector<Matcher>& matchers) {
  return std::any_of(matchers.begin(), matchers.end(), [](const Matcher& matcher) {
    return matcher.name() == kMetricName && matcher.op() == Matcher::Op::kEqual && !matcher.value().empty();
  });
}

}  // namespace auspex::query
