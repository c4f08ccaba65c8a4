#include "op_value_rows.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>

#include "merge.h"
#include "metric_identity.h"
#include "note.h"

namespace auspex::query {
namespace {

constexpr std::string_view kVmrangeLabel = "vmrange";
constexpr std::string_view kLeLabel = "le";

// Source: https://github.com/VictoriaMetrics/metrics, histogram.go: bounds as its users know them.
constexpr int kLeastPower = -9;
constexpr int kMostPower = 18;
constexpr int kPerPower = 18;
constexpr size_t kBuckets = (kMostPower - kLeastPower) * kPerPower;

struct VmrangeNames {
  std::string below;
  std::string above;
  std::array<std::string, kBuckets> names;
  VmrangeNames() {
    const double factor = std::pow(10, 1.0 / kPerPower);
    double bound = std::pow(10, kLeastPower);
    std::string begin = fmt::format("{:.3e}", bound);
    below = "0..." + begin;
    for (std::string& name : names) {
      bound *= factor;
      const std::string end = fmt::format("{:.3e}", bound);
      name = begin + "..." + end;
      begin = end;
    }
    above = begin + "...+Inf";
  }
};

const std::string* VmrangeOf(double value) {
  static const VmrangeNames kNames;
  if (std::isnan(value) || value < 0) return nullptr;
  const double place = (std::log10(value) - kLeastPower) * kPerPower;
  if (place < 0) return &kNames.below;
  if (place >= static_cast<double>(kBuckets)) return &kNames.above;
  auto index = static_cast<size_t>(place);
  // An upper bound belongs to its bucket.
  if (index > 0 && place == static_cast<double>(index)) --index;
  return &kNames.names[index];
}

class ValueRowsOperator final : public Operator {
 public:
  ValueRowsOperator(std::unique_ptr<const RangeSource> source, int64_t range_ms, TimeShift shift, std::string label,
                    ValueRows by)
      : source_(std::move(source)), range_ms_(range_ms), shift_(shift), label_(std::move(label)), by_(by) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    if (label_.empty() || !IsUtf8(label_)) return FailedPrecondition("invalid label name \"{}\"", label_);
    const StepGrid times = shift_.Apply(grid);
    AUSPEX_ASSIGN_OR_RETURN(const std::unique_ptr<Selection> selection,
                            source_->Open(WindowBegin(times, range_ms_, 0, execution), times.end_ms(), execution));
    execution.CountRead(selection->size(), 0);
    const std::unique_ptr<SeriesReader> reader = selection->NewReader();
    SampleColumns columns;
    RowMerger merger(grid.count);
    Reservation held;
    uint64_t held_count = 0;
    for (size_t i = 0; i < selection->size(); ++i) {
      AUSPEX_RETURN_IF_ERROR(execution.Stop());
      AUSPEX_RETURN_IF_ERROR(reader->Read(i, columns));
      execution.CountRead(0, columns.t_ms.size());
      columns.DropHistograms();
      std::map<std::string, std::vector<double>> rows;
      std::vector<std::vector<double>*> row_of(columns.values.size(), nullptr);  // of each sample
      for (size_t s = 0; s < row_of.size(); ++s) {
        const std::string* const range = by_ == ValueRows::kVmrange ? VmrangeOf(columns.values[s]) : nullptr;
        if (by_ == ValueRows::kVmrange && range == nullptr) continue;
        const auto [at, added] = rows.try_emplace(range != nullptr ? *range : PrintPlainNumber(columns.values[s]));
        if (added) {
          AUSPEX_RETURN_IF_ERROR(execution.Charge(held, held_count += grid.count));
          at->second.assign(grid.count, Absent());
        }
        row_of[s] = &at->second;
      }
      Count(columns, times, row_of, execution);
      const Labels labels = DropIdentity(selection->labels(i), execution);
      for (auto& [text, row] : rows) {
        if (times.count == 1) std::fill(row.begin(), row.end(), row[0]);  // `@`: one time for all steps
        AUSPEX_RETURN_IF_ERROR(merger.Add(labels.With(label_, text), RowView(row)));
      }
    }
    execution.CountBlocks(reader->cost());
    return std::move(merger).Finish();
  }

 private:
  void Count(const SampleColumns& columns, const StepGrid& times, const std::vector<std::vector<double>*>& row_of,
             const Execution& execution) const {
    RangeInput input;
    input.t_ms = columns.t_ms;
    input.steps = times;
    input.range_ms = range_ms_;
    input.closed_left = execution.compat_2();
    ForEachWindow(input, [&](const Window& window) {
      for (size_t s = window.begin; s < window.end; ++s) {
        if (row_of[s] == nullptr) continue;
        double& count = (*row_of[s])[window.step];
        count = IsAbsent(count) ? 1 : count + 1;
      }
    });
  }

  const std::unique_ptr<const RangeSource> source_;
  const int64_t range_ms_;
  const TimeShift shift_;
  const std::string label_;
  const ValueRows by_;
};

// A bucket of a group: its bounds as they are written, and its row.
struct Vmrange {
  std::string_view begin;
  std::string_view end;
  double upper = 0;
  size_t row = 0;
};

double BoundOf(std::string_view text) {
  if (text == "+Inf") return HUGE_VAL;
  double value = std::nan("");
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

class PrometheusBucketsOperator final : public Operator {
 public:
  explicit PrometheusBucketsOperator(OperatorPtr vector) : vector_(std::move(vector)) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(const Batch in, vector_->Run(grid, execution));
    constexpr std::array kBucketLabels = {kLeLabel, kVmrangeLabel};
    std::map<Labels, std::vector<Vmrange>> groups;
    RowMerger merger(grid.count);
    for (size_t i = 0; i < in.size(); ++i) {
      const std::string_view text = in.labels[i].Get(kVmrangeLabel);
      const size_t dots = text.find("...");
      if (dots == std::string_view::npos) {
        AUSPEX_RETURN_IF_ERROR(merger.Add(in.labels[i], in.View(i)));
        continue;
      }
      const std::string_view end = text.substr(dots + 3);
      groups[in.labels[i].Without(kBucketLabels)].push_back({text.substr(0, dots), end, BoundOf(end), i});
    }
    for (auto& [labels, buckets] : groups) AUSPEX_RETURN_IF_ERROR(AddGroup(in, labels, buckets, merger));
    return std::move(merger).Finish();
  }

 private:
  // Buckets in order of their upper bounds, an empty one before each gap and one up to infinity, counts summed up.
  static Status AddGroup(const Batch& in, const Labels& labels, std::vector<Vmrange>& buckets, RowMerger& merger) {
    std::stable_sort(buckets.begin(), buckets.end(), [](const Vmrange& a, const Vmrange& b) { return a.upper < b.upper; });
    std::vector<double> sum(in.steps_count, Absent());
    for (size_t k = 0; k < sum.size(); ++k) {
      const auto present = [&](const Vmrange& bucket) { return !IsAbsent(in.Row(bucket.row)[k]); };
      if (std::any_of(buckets.begin(), buckets.end(), present)) sum[k] = 0;
    }
    std::string_view last = "0";
    for (const Vmrange& bucket : buckets) {
      if (bucket.begin != last) AUSPEX_RETURN_IF_ERROR(merger.Add(labels.With(kLeLabel, bucket.begin), RowView(sum)));
      const std::span<const double> row = in.Row(bucket.row);
      for (size_t k = 0; k < sum.size(); ++k) {
        if (!IsAbsent(row[k]) && row[k] > 0) sum[k] += row[k];
      }
      AUSPEX_RETURN_IF_ERROR(merger.Add(labels.With(kLeLabel, bucket.end), RowView(sum)));
      last = bucket.end;
    }
    return last == "+Inf" ? OkStatus() : merger.Add(labels.With(kLeLabel, "+Inf"), RowView(sum));
  }

  const OperatorPtr vector_;
};

}  // namespace

OperatorPtr MakeValueRows(std::unique_ptr<const RangeSource> source, int64_t range_ms, TimeShift shift, std::string label,
                          ValueRows by) {
  return std::make_unique<ValueRowsOperator>(std::move(source), range_ms, shift, std::move(label), by);
}

OperatorPtr MakePrometheusBuckets(OperatorPtr vector) { return std::make_unique<PrometheusBucketsOperator>(std::move(vector)); }

}  // namespace auspex::query
