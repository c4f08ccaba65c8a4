#include "op_aggregate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>

#include "grouping.h"
#include "histogram_binary.h"
#include "kahan.h"

namespace auspex::query {
namespace {

// kAnyOrder: the answer is the same bits in whatever order the series come.
// What has been seen of one group at one step. One type per aggregation, so that a group takes no more memory than needed.
struct SumState {
  static constexpr bool kAnyOrder = false;
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
  double Value() const { return seen ? sum.Total() : Absent(); }
};

struct MeanState {
  static constexpr bool kAnyOrder = false;
  KahanMean mean;
  void Add(double value, bool /*compat_2*/) { mean.Add(value); }
  double Value() const { return mean.count > 0 ? mean.Total() : Absent(); }
};

struct CountState {
  static constexpr bool kAnyOrder = true;
  uint64_t count = 0;
  void Add(double /*value*/, bool /*compat_2*/) { ++count; }
  double Value() const { return count > 0 ? static_cast<double>(count) : Absent(); }
};

struct GroupState {
  static constexpr bool kAnyOrder = true;
  bool seen = false;
  void Add(double /*value*/, bool /*compat_2*/) { seen = true; }
  double Value() const { return seen ? 1 : Absent(); }
};

template <bool largest>
struct ExtremeState {
  static constexpr bool kAnyOrder = false;  // of 0 and -0 the first stays
  double extreme = Absent();
  void Add(double value, bool /*compat_2*/) {
    if (IsAbsent(extreme) || std::isnan(extreme) || (largest ? extreme < value : extreme > value)) extreme = value;
  }
  double Value() const { return extreme; }
};

// Welford's algorithm.
template <bool root>
struct VarianceState {
  static constexpr bool kAnyOrder = false;
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
  double Value() const {
    if (count == 0) return Absent();
    return root ? std::sqrt(squares / count) : squares / count;
  }
};

// What an aggregation does with histograms.
enum class HistogramUse : uint8_t { kIgnore, kCount, kSum, kMean };
template <typename State>
constexpr HistogramUse kHistogramUse = HistogramUse::kIgnore;
template <>
constexpr HistogramUse kHistogramUse<SumState> = HistogramUse::kSum;
template <>
constexpr HistogramUse kHistogramUse<MeanState> = HistogramUse::kMean;
template <>
constexpr HistogramUse kHistogramUse<CountState> = HistogramUse::kCount;
template <>
constexpr HistogramUse kHistogramUse<GroupState> = HistogramUse::kCount;

// The histograms that sum or avg has seen of one group at one step.
struct HistogramState {
  std::optional<HistogramSum> sum;
  std::optional<HistogramMean> mean;
  HistogramNotes found;
  bool reset = false;
  bool not_reset = false;

  // Returns false when it does not go with those before.
  bool Add(HistogramUse use, const Histogram& histogram) {
    reset = reset || histogram.hint == CounterReset::kReset;
    not_reset = not_reset || histogram.hint == CounterReset::kNotReset;
    if (found.incompatible) return true;
    if (use == HistogramUse::kSum) return AddTo(sum, histogram);
    return AddTo(mean, histogram);
  }
  Histogram Total() const {
    Histogram total = sum ? sum->Total() : mean->Total();
    Compact(total);
    return total;
  }

 private:
  template <typename Sum>
  bool AddTo(std::optional<Sum>& into, const Histogram& histogram) {
    if (into) {
      found.Merge(into->Add(histogram));
    } else {
      into.emplace(histogram);
    }
    return !found.incompatible;
  }
};

std::string MixedSchemasText(std::string_view metric, const std::string& place) {
  return fmt::format(
      "PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas for metric name "
      "\"{}\"{}",
      metric, place);
}

template <typename State>
struct Groups {
  Groups(const Grouping& grouping, size_t steps) : index(grouping), steps_count(steps) {}
  State* Row(size_t group) {
    if (states.size() < index.size() * steps_count) states.resize(index.size() * steps_count);
    return states.data() + group * steps_count;
  }
  GroupIndex index;
  size_t steps_count;
  // Null where the group has no histogram at the step.
  std::unique_ptr<HistogramState>& HistogramAt(size_t group, size_t step) {
    if (histograms.size() < index.size() * steps_count) histograms.resize(index.size() * steps_count);
    return histograms[group * steps_count + step];
  }
  std::vector<State> states;                                // [group][step]
  std::vector<std::unique_ptr<HistogramState>> histograms;  // [group][step], or shorter: the rest has none
  Reservation reservation;
};

template <typename State>
class ReduceOperator final : public Operator {
 public:
  explicit ReduceOperator(AggregateSpec spec)
      : op_(spec.op),
        grouping_(std::move(spec.grouping), spec.without),
        expr_(std::move(spec.expr)),
        place_(std::move(spec.expr_place)) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    Accumulator accumulator(*this, grid.count, execution);
    AUSPEX_RETURN_IF_ERROR(expr_->Stream(grid, execution, accumulator));
    return accumulator.Finish();
  }

 private:
  // A morsel, and which of its own groups each of its rows belongs to.
  struct Grouped {
    Batch batch;
    std::vector<size_t> group_of;
    std::vector<Labels> groups;
  };

  // Labels are looked at where a morsel comes up; values are added strictly in the order of the series, so that an answer does
  // not depend on which other series happened to be selected beside those that have a sample.
  class Accumulator final : public MorselSink {
   public:
    Accumulator(const ReduceOperator& op, size_t steps_count, Execution& execution)
        : op_(op), execution_(execution), total_(op.grouping_, steps_count) {}

    Status Consume(size_t morsel, Batch batch) override {
      Grouped part;
      GroupIndex index(op_.grouping_);
      part.group_of.reserve(batch.size());
      for (size_t i = 0; i < batch.size(); ++i) {
        const bool same = i > 0 && op_.grouping_.Same(batch.labels[i - 1], batch.labels[i]);
        part.group_of.push_back(same ? part.group_of.back() : index.Of(batch.labels[i]));
      }
      part.groups = index.labels();
      part.batch = std::move(batch);
      return order_.Push(morsel, std::move(part), [this](Grouped ready) { return Add(std::move(ready)); });
    }

    const std::vector<std::string_view>* labels_used() const override {
      return State::kAnyOrder ? op_.grouping_.labels_used() : nullptr;
    }

    Batch Finish() {
      Batch batch(total_.steps_count);
      std::vector<size_t> order(total_.index.size());
      std::iota(order.begin(), order.end(), size_t{0});
      if (labels_used() != nullptr) {  // then the series may have come in any order, and the groups get one of their own
        std::sort(order.begin(), order.end(),
                  [this](size_t a, size_t b) { return total_.index.labels()[a] < total_.index.labels()[b]; });
      }
      for (const size_t group : order) {
        const std::span<double> out = batch.Add(total_.index.labels()[group]);
        const State* states = total_.Row(group);
        for (size_t k = 0; k < out.size(); ++k) out[k] = states[k].Value();
        if (!total_.histograms.empty()) FinishHistograms(group, batch);
        if (IsEmptyRow(out)) batch.DropLast();
      }
      return batch;
    }

   private:
    // Takes the histograms of a row out of the batch; those that count as a value are left.
    void TakeHistograms(Batch& batch, size_t i, size_t group, Annotations& notes) {
      constexpr HistogramUse kUse = kHistogramUse<State>;
      if (kUse == HistogramUse::kCount) return;
      for (size_t k = 0; k < batch.steps_count; ++k) {
        const Histogram* histogram = batch.HistogramAt(i, k);
        if (histogram == nullptr) continue;
        if (kUse == HistogramUse::kIgnore) {
          notes.Info(fmt::format("PromQL info: ignored histogram in {} aggregation{}", AggregateOpName(op_.op_), op_.place_));
        } else {
          std::unique_ptr<HistogramState>& state = total_.HistogramAt(group, k);
          if (state == nullptr) state = std::make_unique<HistogramState>();
          if (!state->Add(kUse, *histogram)) notes.Warn(MixedSchemasText(batch.labels[i].MetricName(), op_.place_));
        }
        batch.SetNumber(i, k, Absent());
      }
    }

    // Numbers and histograms in one group, or histograms that do not go together, make nothing.
    void FinishHistograms(size_t group, Batch& batch) {
      Annotations notes;
      const size_t row = batch.size() - 1;
      for (size_t k = 0; k < batch.steps_count; ++k) {
        const std::unique_ptr<HistogramState>& state = total_.HistogramAt(group, k);
        if (state == nullptr) continue;
        if (!IsAbsent(batch.Row(row)[k])) {
          notes.Warn("PromQL warning: encountered a mix of histograms and floats for aggregation" + op_.place_);
          batch.SetNumber(row, k, Absent());
        } else if (!state->found.incompatible) {
          batch.SetHistogram(row, k, std::make_shared<const Histogram>(state->Total()));
        }
        state->found.reset_collision = state->reset && state->not_reset;
        NoteHistograms(state->found, "aggregation", op_.place_, notes);
      }
      execution_.Note(notes);
    }

    Status Add(Grouped part) {
      Annotations notes;
      std::vector<size_t> number(part.groups.size());
      for (size_t group = 0; group < number.size(); ++group) number[group] = total_.index.Number(std::move(part.groups[group]));
      for (size_t i = 0; i < part.batch.size(); ++i) {
        State* states = total_.Row(number[part.group_of[i]]);
        if (part.batch.has_histograms()) TakeHistograms(part.batch, i, number[part.group_of[i]], notes);
        const std::span<const double> row = std::as_const(part.batch).Row(i);
        for (size_t k = 0; k < row.size(); ++k) {
          if (!IsAbsent(row[k])) states[k].Add(row[k], execution_.compat_2());
        }
      }
      execution_.Note(notes);
      return execution_.Charge(total_.reservation, total_.states.size());
    }

    const ReduceOperator& op_;
    Execution& execution_;
    Groups<State> total_;
    InOrder<Grouped> order_;
  };

  const AggregateOp op_;
  const Grouping grouping_;
  const OperatorPtr expr_;
  const std::string place_;
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
