#pragma once

#include "auspex/query/engine.h"
#include "operator.h"

namespace auspex::query {

/// A row as it is answered: its samples.
ResultSeries SeriesOf(Labels labels, const RowView& row, const StepGrid& grid);

/// Takes the series of a range query's answer. Few are kept; where a leaf announces many, they are handed on as they come, in
/// order of labels, and none is kept. Borrows everything it is given.
class AnswerStream final : public MorselSink {
 public:
  /// out: null when all are to be kept.
  AnswerStream(const StepGrid& grid, Execution& execution, const SeriesSink* out)
      : grid_(grid), out_(out), execution_(execution), kept_(grid.count, execution) {}

  Status Consume(size_t morsel, Batch batch) override;
  bool WantsOrder(size_t series_count) override;
  size_t MorselSeries() const override;

  /// Whether the series were handed on.
  bool streams() const { return streams_; }
  /// The series that were kept, by labels.
  Batch Take();

 private:
  const StepGrid grid_;
  const SeriesSink* const out_;
  Execution& execution_;
  Collector kept_;
  InOrder<Batch> order_;
  bool streams_ = false;
};

}  // namespace auspex::query
