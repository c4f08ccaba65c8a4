#include <algorithm>
#include <cmath>
#include <map>

#include "grouping.h"
#include "merge.h"
#include "note.h"
#include "op_aggregate.h"
#include "quantile.h"

namespace auspex::query {
namespace {

class QuantileOperator final : public Operator {
 public:
  explicit QuantileOperator(AggregateSpec spec)
      : grouping_(std::move(spec.grouping), spec.without),
        expr_(std::move(spec.expr)),
        q_(std::move(spec.parameter)),
        place_(std::move(spec.parameter_place)),
        expr_place_(std::move(spec.expr_place)) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    AUSPEX_ASSIGN_OR_RETURN(const Batch q, q_->Run(grid, execution));
    AUSPEX_ASSIGN_OR_RETURN(Batch in, expr_->Run(grid, execution));
    WarnOfBad(q.values, execution);
    if (in.has_histograms()) {
      Annotations notes;
      notes.Info("PromQL info: ignored histogram in quantile aggregation" + expr_place_);
      execution.Note(notes);
      in.DropHistograms();
      in = WithoutEmptyRows(std::move(in));
    }
    GroupIndex index(grouping_);
    std::vector<std::vector<size_t>> rows;  // of each group
    for (size_t i = 0; i < in.size(); ++i) {
      const size_t group = index.Of(in.labels[i]);
      rows.resize(index.size());
      rows[group].push_back(i);
    }
    Batch batch(grid.count);
    std::vector<double> values;
    for (size_t group = 0; group < index.size(); ++group) {
      const std::span<double> out = batch.Add(index.labels()[group]);
      for (size_t k = 0; k < grid.count; ++k) {
        values.clear();
        for (const size_t i : rows[group]) {
          if (const double value = in.Row(i)[k]; !IsAbsent(value)) values.push_back(value);
        }
        if (!values.empty()) out[k] = Quantile(q.values[k], values);
      }
    }
    return batch;
  }

 private:
  void WarnOfBad(std::span<const double> qs, Execution& execution) const {
    double least = 0;
    double most = 1;
    bool nan = false;
    for (const double q : qs) {
      nan = nan || std::isnan(q);
      least = std::min(least, q);
      most = std::max(most, q);
    }
    if (nan) execution.Warn(InvalidQuantileText(std::nan("")) + place_);
    if (most > 1) execution.Warn(InvalidQuantileText(most) + place_);
    if (least < 0) execution.Warn(InvalidQuantileText(least) + place_);
  }

  const Grouping grouping_;
  const OperatorPtr expr_;
  const OperatorPtr q_;
  const std::string place_;
  const std::string expr_place_;
};

class CountValuesOperator final : public Operator {
 public:
  explicit CountValuesOperator(AggregateSpec spec)
      : label_(spec.value_label), grouping_(WithValueLabel(spec), spec.without), expr_(std::move(spec.expr)) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    if (label_.empty() || !IsUtf8(label_)) return FailedPrecondition("invalid label name \"{}\" in count_values", label_);
    AUSPEX_ASSIGN_OR_RETURN(const Batch in, expr_->Run(grid, execution));
    GroupIndex index(grouping_);
    Batch batch(grid.count);
    for (size_t i = 0; i < in.size(); ++i) {
      const std::span<const double> row = in.Row(i);
      std::map<std::string, size_t> group_of;  // text of a value -> group, for this series
      for (size_t k = 0; k < grid.count; ++k) {
        if (IsAbsent(row[k])) continue;
        const auto [at, added] = group_of.try_emplace(TextOf(in, i, k), 0);
        if (added) {
          at->second = index.Of(in.labels[i].With(label_, at->first));
          if (index.size() > batch.size()) batch.Add(index.labels().back());
          AUSPEX_RETURN_IF_ERROR(execution.Charge(batch));
        }
        double& count = batch.Row(at->second)[k];
        count = IsAbsent(count) ? 1 : count + 1;
      }
    }
    return batch;
  }

 private:
  static std::string TextOf(const Batch& in, size_t i, size_t k) {
    const Histogram* histogram = in.HistogramAt(i, k);
    return histogram != nullptr ? HistogramText(*histogram) : PrintPlainNumber(in.Row(i)[k]);
  }

  static std::vector<std::string> WithValueLabel(AggregateSpec& spec) {
    if (!spec.without) spec.grouping.push_back(spec.value_label);
    return std::move(spec.grouping);
  }

  const std::string label_;
  const Grouping grouping_;
  const OperatorPtr expr_;
};

}  // namespace

OperatorPtr MakeQuantile(AggregateSpec spec) { return std::make_unique<QuantileOperator>(std::move(spec)); }
OperatorPtr MakeCountValues(AggregateSpec spec) { return std::make_unique<CountValuesOperator>(std::move(spec)); }

}  // namespace auspex::query
