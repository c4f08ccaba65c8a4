#include "op_sort.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "merge.h"
#include "value_order.h"

namespace auspex::query {
namespace {

Batch Reordered(Batch batch, const std::vector<size_t>& order) {
  Batch out(batch.steps_count);
  out.values.reserve(batch.values.size());
  for (const size_t i : order) {
    out.Append(std::move(batch.labels[i]), std::as_const(batch).View(i));
  }
  return out;
}

class SortOperator final : public Operator {
 public:
  SortOperator(OperatorPtr vector, bool descending) : vector_(std::move(vector)), descending_(descending) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, vector_->Run(grid, execution));
    batch.DropHistograms();  // they have no order
    batch = WithoutEmptyRows(std::move(batch));
    if (grid.count != 1) return batch;
    std::vector<RankedRow> rows;
    for (size_t i = 0; i < batch.size(); ++i) rows.push_back({batch.values[i], i});
    SortReversed(rows, {descending_});
    std::vector<size_t> order;
    for (const RankedRow& ranked : rows) order.push_back(ranked.row);
    return Reordered(std::move(batch), order);
  }

 private:
  const OperatorPtr vector_;
  const bool descending_;
};

class SortByLabelOperator final : public Operator {
 public:
  SortByLabelOperator(OperatorPtr vector, std::vector<std::string> names, bool descending)
      : vector_(std::move(vector)), names_(std::move(names)), descending_(descending) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, vector_->Run(grid, execution));
    if (grid.count != 1) return batch;
    std::vector<size_t> order(batch.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return descending_ ? Before(batch.labels[b], batch.labels[a]) : Before(batch.labels[a], batch.labels[b]);
    });
    return Reordered(std::move(batch), order);
  }

 private:
  bool Before(const Labels& a, const Labels& b) const {
    for (const std::string& name : names_) {
      const std::string_view x = a.Get(name);
      const std::string_view y = b.Get(name);
      if (x != y) return NaturalLess(x, y);
    }
    return a < b;
  }

  const OperatorPtr vector_;
  const std::vector<std::string> names_;
  const bool descending_;
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Cuts the leading run of digits, or of anything else, off `text`.
std::string_view TakeRun(std::string_view& text) {
  size_t end = 0;
  while (end < text.size() && IsDigit(text[end]) == IsDigit(text[0])) ++end;
  const std::string_view run = text.substr(0, end);
  text.remove_prefix(end);
  return run;
}

std::string_view WithoutZeros(std::string_view digits) {
  const size_t first = digits.find_first_not_of('0');
  return first == std::string_view::npos ? std::string_view() : digits.substr(first);
}

}  // namespace

bool NaturalLess(std::string_view a, std::string_view b) {
  const std::string_view whole_a = a;
  const std::string_view whole_b = b;
  while (!a.empty() && !b.empty()) {
    const std::string_view x = TakeRun(a);
    const std::string_view y = TakeRun(b);
    if (IsDigit(x[0]) && IsDigit(y[0])) {
      const std::string_view m = WithoutZeros(x);
      const std::string_view n = WithoutZeros(y);
      if (m.size() != n.size()) return m.size() < n.size();
      if (m != n) return m < n;
      if (x.size() != y.size()) return x.size() < y.size();
    } else if (x != y) {
      return x < y;
    }
  }
  if (a.empty() != b.empty()) return a.empty();
  return whole_a < whole_b;
}

OperatorPtr MakeSort(OperatorPtr vector, bool descending) {
  return std::make_unique<SortOperator>(std::move(vector), descending);
}
OperatorPtr MakeSortByLabel(OperatorPtr vector, std::vector<std::string> names, bool descending) {
  return std::make_unique<SortByLabelOperator>(std::move(vector), std::move(names), descending);
}

}  // namespace auspex::query
