#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <xxhash.h>

#include "grouping.h"
#include "note.h"
#include "op_aggregate.h"
#include "value_order.h"

namespace auspex::query {
namespace {

// A cache line of each row at a time.
constexpr size_t kTileSteps = 8;

// A binary heap that moves its elements as Go's container/heap does: which of several equal values topk keeps, and in
// which order, depends on it.
class Heap {
 public:
  explicit Heap(HeapOrder order) : order_(order) {}
  void Push(RankedRow row) {
    rows_.push_back(row);
    for (size_t j = rows_.size() - 1; j > 0;) {
      const size_t parent = (j - 1) / 2;
      if (!order_(rows_[j], rows_[parent])) break;
      std::swap(rows_[parent], rows_[j]);
      j = parent;
    }
  }
  void ReplaceTop(RankedRow row) {
    rows_[0] = row;
    for (size_t i = 0;;) {
      size_t child = 2 * i + 1;
      if (child >= rows_.size()) break;
      if (child + 1 < rows_.size() && order_(rows_[child + 1], rows_[child])) ++child;
      if (!order_(rows_[child], rows_[i])) break;
      std::swap(rows_[i], rows_[child]);
      i = child;
    }
  }
  const RankedRow& top() const { return rows_[0]; }
  size_t size() const { return rows_.size(); }
  void clear() { rows_.clear(); }
  std::vector<RankedRow>& rows() { return rows_; }

 private:
  HeapOrder order_;
  std::vector<RankedRow> rows_;
};

// Where a series stands between 0 and 1 for limit_ratio: by the hash of its labels, so that the same ones are taken at
// every step and in every query.
double RatioPosition(const Labels& labels) {
  const uint64_t hash = XXH64(labels.bytes().data(), labels.bytes().size(), 0);
  return static_cast<double>(hash) / static_cast<double>(std::numeric_limits<uint64_t>::max());
}

// The rows of a batch that were taken at some step.
struct Picked {
  explicit Picked(const Batch& batch) : in(batch), out(batch.steps_count), row_of(batch.size(), kNone) {}
  void Take(size_t row, size_t k, double value) {
    if (row_of[row] == kNone) {
      row_of[row] = out.size();
      rows.push_back(row);
      out.Add(in.labels[row]);
    }
    out.values[row_of[row] * out.steps_count + k] = value;
    if (!in.has_histograms()) return;
    const HistogramPtr& histogram = in.histograms[row * in.steps_count + k];
    if (histogram != nullptr) out.SetHistogram(row_of[row], k, histogram);
  }
  // As they were taken first, or in the order of the batch they come from.
  Batch InOrder(bool of_rows) && {
    if (!of_rows || std::is_sorted(rows.begin(), rows.end())) return std::move(out);
    std::vector<size_t> order = rows;
    std::sort(order.begin(), order.end());
    Batch sorted(out.steps_count);
    sorted.values.reserve(out.values.size());
    for (const size_t row : order) {
      sorted.Append(std::move(out.labels[row_of[row]]), std::as_const(out).View(row_of[row]));
    }
    sorted.reservation = std::move(out.reservation);
    return sorted;
  }

  static constexpr size_t kNone = std::numeric_limits<size_t>::max();
  const Batch& in;
  Batch out;
  std::vector<size_t> row_of;  // of `in` -> of `out`
  std::vector<size_t> rows;    // of `in`, as they were taken first
};

class PickOperator final : public Operator {
 public:
  explicit PickOperator(AggregateSpec spec)
      : op_(spec.op),
        grouping_(std::move(spec.grouping), spec.without),
        expr_(std::move(spec.expr)),
        parameter_(std::move(spec.parameter)),
        place_(std::move(spec.parameter_place)),
        own_place_(std::move(spec.place)) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    AUSPEX_ASSIGN_OR_RETURN(const Batch parameter, parameter_->Run(grid, execution));
    AUSPEX_ASSIGN_OR_RETURN(Batch in, expr_->Run(grid, execution));
    AUSPEX_ASSIGN_OR_RETURN(const bool any, CheckParameter(parameter.values, execution));
    if (!any || in.size() == 0) return Batch(grid.count);
    if (in.has_histograms() && (op_ == AggregateOp::kTopk || op_ == AggregateOp::kBottomk)) {
      Annotations notes;
      notes.Info(fmt::format("PromQL info: ignored histogram in {} aggregation{}", AggregateOpName(op_), own_place_));
      execution.Note(notes);
      in.DropHistograms();
    }
    GroupIndex index(grouping_);
    std::vector<size_t> group_of(in.size());
    for (size_t i = 0; i < in.size(); ++i) group_of[i] = index.Of(in.labels[i]);
    std::vector<Heap> heaps(index.size(), Heap({op_ != AggregateOp::kBottomk}));
    Picked picked(in);
    std::vector<double> columns;  // [step of the tile][row]: a row's values of one step lie far apart in the batch
    for (size_t begin = 0; begin < grid.count; begin += kTileSteps) {
      const size_t count = std::min(kTileSteps, grid.count - begin);
      columns.resize(count * in.size());
      for (size_t i = 0; i < in.size(); ++i) {
        for (size_t k = 0; k < count; ++k) columns[k * in.size() + i] = in.values[i * grid.count + begin + k];
      }
      for (size_t k = begin; k < begin + count; ++k) {
        const auto column = std::span<const double>(columns).subspan((k - begin) * in.size(), in.size());
        if (op_ == AggregateOp::kLimitRatio) {
          TakeRatio(in, column, k, parameter.values[k], picked);
        } else {
          TakeBest(column, k, parameter.values[k], group_of, heaps, picked);
        }
      }
      AUSPEX_RETURN_IF_ERROR(execution.Charge(picked.out));
    }
    return std::move(picked).InOrder(/*of_rows=*/grid.count > 1);
  }

 private:
  // False when nothing is asked for at any step.
  Result<bool> CheckParameter(std::span<const double> values, Execution& execution) const {
    double least = std::numeric_limits<double>::infinity();
    double most = -std::numeric_limits<double>::infinity();
    bool nan = false;
    for (const double value : values) {
      nan = nan || std::isnan(value);
      least = std::min(least, value);
      most = std::max(most, value);
    }
    if (op_ == AggregateOp::kLimitRatio) {
      if (nan) return FailedPrecondition("Ratio value is NaN");
      if (most > 1) execution.Warn(RatioText(most, 1) + place_);
      if (least < -1) execution.Warn(RatioText(least, -1) + place_);
      return most != 0 || least != 0;
    }
    if (nan) return FailedPrecondition("Parameter value is NaN");
    if (most < 1) return false;
    constexpr double kTwoTo63 = 9223372036854775808.0;
    if (least <= -kTwoTo63) return FailedPrecondition("Scalar value {} underflows int64", PrintValue(least));
    if (most >= kTwoTo63) return FailedPrecondition("Scalar value {} overflows int64", PrintValue(most));
    return true;
  }

  static std::string RatioText(double found, double capped) {
    return fmt::format("PromQL warning: ratio value should be between -1 and 1, got {}, capping to {}", PrintValue(found),
                       PrintValue(capped));
  }

  void TakeBest(std::span<const double> column, size_t k, double parameter, const std::vector<size_t>& group_of,
                std::vector<Heap>& heaps, Picked& picked) const {
    if (parameter < 1) return;
    const auto count = static_cast<size_t>(std::min(parameter, static_cast<double>(column.size())));
    for (Heap& heap : heaps) heap.clear();
    for (size_t i = 0; i < column.size(); ++i) {
      const double value = column[i];
      if (IsAbsent(value)) continue;
      Heap& heap = heaps[group_of[i]];
      if (heap.size() < count) {
        heap.Push({value, i});
        continue;
      }
      if (op_ == AggregateOp::kLimitk) continue;
      const double worst = heap.top().value;
      const bool better = op_ == AggregateOp::kTopk ? worst < value : worst > value;
      if (better || (std::isnan(worst) && !std::isnan(value))) heap.ReplaceTop({value, i});
    }
    for (Heap& heap : heaps) {
      if (op_ != AggregateOp::kLimitk) SortReversed(heap.rows(), {op_ == AggregateOp::kTopk});
      for (const RankedRow& ranked : heap.rows()) picked.Take(ranked.row, k, ranked.value);
    }
  }

  static void TakeRatio(const Batch& in, std::span<const double> column, size_t k, double ratio, Picked& picked) {
    const double capped = std::max(-1.0, std::min(1.0, ratio));
    if (capped == 0) return;
    for (size_t i = 0; i < column.size(); ++i) {
      if (IsAbsent(column[i])) continue;
      const double position = RatioPosition(in.labels[i]);
      if (capped > 0 ? position < capped : position >= 1 + capped) picked.Take(i, k, column[i]);
    }
  }

  const AggregateOp op_;
  const Grouping grouping_;
  const OperatorPtr expr_;
  const OperatorPtr parameter_;
  const std::string place_;
  const std::string own_place_;
};

}  // namespace

OperatorPtr MakePick(AggregateSpec spec) { return std::make_unique<PickOperator>(std::move(spec)); }

}  // namespace auspex::query
