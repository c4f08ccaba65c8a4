#include "answer_stream.h"

#include <algorithm>

#include "result_cache.h"

namespace auspex::query {
namespace {

// An answer of up to this many values is kept, 32 MiB: it can be cached, and an error in its midst can still be told.
constexpr uint64_t kMostKept = uint64_t{4} << 20;
// And no more than this share of what a query may hold.
constexpr uint64_t kLeastShares = 4;
// A few morsels are under way at the same time.
constexpr uint64_t kMorselShares = 16;

}  // namespace

ResultSeries SeriesOf(Labels labels, const RowView& row, const StepGrid& grid) {
  ResultSeries series;
  series.labels = std::move(labels);
  const std::span<const double> values = row.values;
  const auto count =
      static_cast<size_t>(std::count_if(values.begin(), values.end(), [](double value) { return !IsAbsent(value); }));
  series.t_ms.reserve(count);
  series.values.reserve(count);
  for (size_t k = 0; k < values.size(); ++k) {
    if (!IsAbsent(values[k])) series.Push(grid.At(k), values[k], row.HistogramAt(k));
  }
  return series;
}

bool AnswerStream::WantsOrder(size_t series_count) {
  const uint64_t most = std::min(kMostKept, execution_.samples_limit() / kLeastShares);
  streams_ = out_ != nullptr && uint64_t{series_count} * grid_.count > most;
  return streams_;
}

size_t AnswerStream::MorselSeries() const {
  if (!streams_) return Execution::kMostMorselSeries;
  return std::clamp<size_t>(execution_.samples_limit() / kMorselShares / grid_.count, 1, Execution::kMostMorselSeries);
}

Status AnswerStream::Consume(size_t morsel, Batch batch) {
  if (!streams_) return kept_.Consume(morsel, std::move(batch));
  return order_.Push(morsel, std::move(batch), [this](Batch ready) -> Status {
    for (size_t i = 0; i < ready.size(); ++i) {
      AUSPEX_RETURN_IF_ERROR((*out_)(SeriesOf(std::move(ready.labels[i]), std::as_const(ready).View(i), grid_)));
    }
    return OkStatus();
  });
}

Batch AnswerStream::Take() { return SortedRows(kept_.Take()); }

}  // namespace auspex::query
