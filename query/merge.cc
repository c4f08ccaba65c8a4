#include "merge.h"

#include <algorithm>

namespace auspex::query {

Status RowMerger::Add(Labels labels, const RowView& row) {
  if (IsEmptyRow(row.values)) return OkStatus();
  const auto [at, added] = row_of_.try_emplace(labels, batch_.size());
  if (added) {
    batch_.Append(std::move(labels), row);
    return OkStatus();
  }
  const std::span<double> into = batch_.Row(at->second);
  for (size_t k = 0; k < row.values.size(); ++k) {
    if (IsAbsent(row.values[k])) continue;
    if (!IsAbsent(into[k])) return SameLabelset();
    into[k] = row.values[k];
    if (row.HistogramAt(k) != nullptr) batch_.SetHistogram(at->second, k, row.HistogramAt(k));
  }
  return OkStatus();
}

Result<Batch> MergedRows(Batch batch) {
  RowMerger merger(batch.steps_count);
  for (size_t i = 0; i < batch.size(); ++i) AUSPEX_RETURN_IF_ERROR(merger.Add(std::move(batch.labels[i]), batch.View(i)));
  return std::move(merger).Finish();
}

Batch WithoutEmptyRows(Batch batch) {
  size_t kept = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    const std::span<const double> row = batch.Row(i);
    if (IsEmptyRow(row)) continue;
    if (kept != i) {
      batch.labels[kept] = std::move(batch.labels[i]);
      std::copy(row.begin(), row.end(), batch.Row(kept).begin());
      if (batch.has_histograms()) {
        const auto from = batch.histograms.begin() + static_cast<ptrdiff_t>(i * batch.steps_count);
        std::move(from, from + static_cast<ptrdiff_t>(batch.steps_count),
                  batch.histograms.begin() + static_cast<ptrdiff_t>(kept * batch.steps_count));
      }
    }
    ++kept;
  }
  batch.labels.resize(kept);
  batch.values.resize(kept * batch.steps_count);
  if (batch.has_histograms()) batch.histograms.resize(batch.values.size());
  return batch;
}

}  // namespace auspex::query
