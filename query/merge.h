#pragma once

#include <span>
#include <unordered_map>

#include "auspex/storage/base/result.h"
#include "batch.h"

namespace auspex::query {

/// The error for two series that became one.
inline Status SameLabelset() { return FailedPrecondition("vector cannot contain metrics with the same labelset"); }

/// Collects rows whose labels were changed: rows that now have the same labels become one row, which is an error where
/// both have a sample at the same step. Empty rows are left out.
class RowMerger {
 public:
  explicit RowMerger(size_t steps_count) : batch_(steps_count) {}
  Status Add(Labels labels, const RowView& row);
  Batch Finish() && { return std::move(batch_); }

 private:
  Batch batch_;
  std::unordered_map<Labels, size_t> row_of_;
};

/// The rows of a batch, those with the same labels merged.
Result<Batch> MergedRows(Batch batch);

/// Leaves out the rows that have no sample at any step.
Batch WithoutEmptyRows(Batch batch);

}  // namespace auspex::query
