#include "merge.h"

#include <algorithm>

namespace auspex::query {

Status RowMerger::Add(Labels labels, std::span<const double> row) {
  if (IsEmptyRow(row)) return OkStatus();
  const auto [at, added] = row_of_.try_emplace(labels, batch_.size());
  if (added) {
    batch_.labels.push_back(std::move(labels));
    batch_.values.insert(batch_.values.end(), row.begin(), row.end());
    return OkStatus();
  }
  const std::span<double> into = batch_.Row(at->second);
  for (size_t k = 0; k < row.size(); ++k) {
    if (IsAbsent(row[k])) continue;
    if (!IsAbsent(into[k])) return SameLabelset();
    into[k] = row[k];
  }
  return OkStatus();
}

Result<Batch> MergedRows(Batch batch) {
  RowMerger merger(batch.steps_count);
  for (size_t i = 0; i < batch.size(); ++i) AUSPEX_RETURN_IF_ERROR(merger.Add(std::move(batch.labels[i]), batch.Row(i)));
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
    }
    ++kept;
  }
  batch.labels.resize(kept);
  batch.values.resize(kept * batch.steps_count);
  return batch;
}

}  // namespace auspex::query
