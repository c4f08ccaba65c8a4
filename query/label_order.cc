#include "label_order.h"

#include <algorithm>
#include <utility>

namespace auspex::query {

Status LabelOrder::Consume(size_t /*morsel*/, Batch batch) {
  const std::lock_guard lock(mu_);
  parts_.push_back(std::move(batch));
  return OkStatus();
}

Status LabelOrder::Finish() {
  struct Row {
    Batch* part;
    size_t row;
    const Labels& labels() const { return part->labels[row]; }
  };
  std::vector<Row> rows;
  for (Batch& part : parts_) {
    for (size_t row = 0; row < part.size(); ++row) rows.push_back({&part, row});
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.labels() < b.labels(); });
  Batch out(steps_count_);
  out.labels.reserve(rows.size());
  out.values.reserve(rows.size() * steps_count_);
  for (const Row& row : rows) {
    const RowView view = std::as_const(*row.part).View(row.row);
    out.Append(std::move(row.part->labels[row.row]), view);
  }
  parts_.clear();  // gives back what they had reserved
  AUSPEX_RETURN_IF_ERROR(execution_.Charge(out));
  return sink_.Consume(0, std::move(out));
}

}  // namespace auspex::query
