#include "op_aggregate.h"

#include <cmath>
#include <limits>

#include "grouping.h"
#include "kahan.h"

namespace auspex::query {
namespace {

// What has been seen of one group at one step. One type per aggregation, so that a group takes no more memory than needed.
struct SumState {
  KahanSum sum;
  bool seen = false;
  void Add(double value, bool /*compat_2*/) {
    if (seen) {
      sum.Add(value);
    } else {
      sum.sum = value;
      seen = true;
    }
  }
  void Merge(const SumState& later) {
    if (!later.seen) return;
    if (!seen) {
      *this = later;
      return;
    }
    sum.Add(later.sum.sum);
    if (!std::isinf(sum.sum)) sum.lost += later.sum.lost;
  }
  double Value() const { return seen ? sum.Total() : Absent(); }
};

struct MeanState {
  KahanMean mean;
  void Add(double value, bool /*compat_2*/) { mean.Add(value); }
  void Merge(const MeanState& later) { mean.Merge(later.mean); }
  double Value() const { return mean.count > 0 ? mean.Total() : Absent(); }
};

struct CountState {
  uint64_t count = 0;
  void Add(double /*value*/, bool /*compat_2*/) { ++count; }
  void Merge(const CountState& later) { count += later.count; }
  double Value() const { return count > 0 ? static_cast<double>(count) : Absent(); }
};

struct GroupState {
  bool seen = false;
  void Add(double /*value*/, bool /*compat_2*/) { seen = true; }
  void Merge(const GroupState& later) { seen = seen || later.seen; }
  double Value() const { return seen ? 1 : Absent(); }
};

template <bool largest>
struct ExtremeState {
  double extreme = Absent();
  void Add(double value, bool /*compat_2*/) {
    if (IsAbsent(extreme) || std::isnan(extreme) || (largest ? extreme < value : extreme > value)) extreme = value;
  }
  void Merge(const ExtremeState& later) {
    if (!IsAbsent(later.extreme)) Add(later.extreme, false);
  }
  double Value() const { return extreme; }
};

// Welford's algorithm; two states are joined as by Chan, Golub and LeVeque 1979.
template <bool root>
struct VarianceState {
  double count = 0;
  double mean = 0;
  double squares = 0;
  void Add(double value, bool compat_2) {
    count += 1;
    if (count == 1) {
      mean = value;
      squares = !compat_2 && !std::isfinite(value) ? std::numeric_limits<double>::quiet_NaN() : 0;
      return;
    }
    const double delta = value - mean;
    mean += delta / count;
    squares += delta * (value - mean);
  }
  void Merge(const VarianceState& later) {
    if (later.count == 0) return;
    if (count == 0) {
      *this = later;
      return;
    }
    const double total = count + later.count;
    const double delta = later.mean - mean;
    mean += delta * later.count / total;
    squares += later.squares + delta * delta * count * later.count / total;
    count = total;
  }
  double Value() const {
    if (count == 0) return Absent();
    return root ? std::sqrt(squares / count) : squares / count;
  }
};

// The groups of one morsel, or of all of them.
template <typename State>
struct Groups {
  Groups(const Grouping& grouping, size_t steps) : index(grouping), steps_count(steps) {}
  State* Row(size_t group) {
    if (states.size() < index.size() * steps_count) states.resize(index.size() * steps_count);
    return states.data() + group * steps_count;
  }
  GroupIndex index;
  size_t steps_count;
  std::vector<State> states;  // [group][step]
  Reservation reservation;
};

template <typename State>
class ReduceOperator final : public Operator {
 public:
  explicit ReduceOperator(AggregateSpec spec)
      : grouping_(std::move(spec.grouping), spec.without), expr_(std::move(spec.expr)) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    Accumulator accumulator(*this, grid.count, execution);
    AUSPEX_RETURN_IF_ERROR(expr_->Stream(grid, execution, accumulator));
    return accumulator.Finish();
  }

 private:
  // Morsels are reduced where they come up and merged in order.
  class Accumulator final : public MorselSink {
   public:
    Accumulator(const ReduceOperator& op, size_t steps_count, Execution& execution)
        : op_(op), execution_(execution), total_(op.grouping_, steps_count) {}

    Status Consume(size_t morsel, Batch batch) override {
      Groups<State> part(op_.grouping_, batch.steps_count);
      for (size_t i = 0; i < batch.size(); ++i) {
        State* states = part.Row(part.index.Of(batch.labels[i]));
        const std::span<const double> row = batch.Row(i);
        for (size_t k = 0; k < row.size(); ++k) {
          if (!IsAbsent(row[k])) states[k].Add(row[k], execution_.compat_2());
        }
      }
      AUSPEX_RETURN_IF_ERROR(execution_.Charge(part.reservation, part.states.size()));
      return order_.Push(morsel, std::move(part), [this](Groups<State> ready) { return Merge(std::move(ready)); });
    }

    Batch Finish() {
      Batch batch(total_.steps_count);
      for (size_t group = 0; group < total_.index.size(); ++group) {
        const std::span<double> out = batch.Add(total_.index.labels()[group]);
        const State* states = total_.Row(group);
        for (size_t k = 0; k < out.size(); ++k) out[k] = states[k].Value();
        if (IsEmptyRow(out)) batch.DropLast();
      }
      return batch;
    }

   private:
    Status Merge(Groups<State> part) {
      for (size_t group = 0; group < part.index.size(); ++group) {
        State* into = total_.Row(total_.index.Number(part.index.labels()[group]));
        const State* from = part.Row(group);
        for (size_t k = 0; k < total_.steps_count; ++k) into[k].Merge(from[k]);
      }
      return execution_.Charge(total_.reservation, total_.states.size());
    }

    const ReduceOperator& op_;
    Execution& execution_;
    Groups<State> total_;
    InOrder<Groups<State>> order_;
  };

  const Grouping grouping_;
  const OperatorPtr expr_;
};

template <typename State>
OperatorPtr Make(AggregateSpec spec) {
  return std::make_unique<ReduceOperator<State>>(std::move(spec));
}

}  // namespace

OperatorPtr MakeReduce(AggregateSpec spec) {
  switch (spec.op) {
    case AggregateOp::kSum:
      return Make<SumState>(std::move(spec));
    case AggregateOp::kAvg:
      return Make<MeanState>(std::move(spec));
    case AggregateOp::kCount:
      return Make<CountState>(std::move(spec));
    case AggregateOp::kMin:
      return Make<ExtremeState<false>>(std::move(spec));
    case AggregateOp::kMax:
      return Make<ExtremeState<true>>(std::move(spec));
    case AggregateOp::kGroup:
      return Make<GroupState>(std::move(spec));
    case AggregateOp::kStddev:
      return Make<VarianceState<true>>(std::move(spec));
    case AggregateOp::kStdvar:
      return Make<VarianceState<false>>(std::move(spec));
    default:
      return nullptr;
  }
}

OperatorPtr MakeAggregate(AggregateSpec spec) {
  switch (spec.op) {
    case AggregateOp::kTopk:
    case AggregateOp::kBottomk:
    case AggregateOp::kLimitk:
    case AggregateOp::kLimitRatio:
      return MakePick(std::move(spec));
    case AggregateOp::kQuantile:
      return MakeQuantile(std::move(spec));
    case AggregateOp::kCountValues:
      return MakeCountValues(std::move(spec));
    default:
      return MakeReduce(std::move(spec));
  }
}

}  // namespace auspex::query
