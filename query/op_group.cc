// Aggregations beyond PromQL: functions that may have a grouping.

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>

#include "extra_functions.h"
#include "grouping.h"
#include "merge.h"
#include "metric_identity.h"
#include "note.h"
#include "quantile.h"

namespace auspex::query {
namespace {

using Reduce = double (*)(std::vector<double>& values);

double Mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}
double Deviation(const std::vector<double>& values) {
  const double mean = Mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size()));
}
double Median(std::vector<double>& values) { return Quantile(0.5, values); }
double Mad(std::vector<double>& values) {
  const double median = Quantile(0.5, values);
  for (double& value : values) value = std::abs(value - median);
  return Quantile(0.5, values);
}
double GeometricMean(std::vector<double>& values) {
  double logs = 0;
  for (const double value : values) logs += std::log(value);
  return std::exp(logs / static_cast<double>(values.size()));
}
double SumOfSquares(std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return sum;
}
double Distinct(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return static_cast<double>(std::unique(values.begin(), values.end()) - values.begin());
}
// Of several values that are there equally often, the smallest.
double Mode(std::vector<double>& values) {
  std::map<double, size_t> counts;
  for (const double value : values) ++counts[value];
  return std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}
double Least(std::vector<double>& values) { return *std::min_element(values.begin(), values.end()); }
double Most(std::vector<double>& values) { return *std::max_element(values.begin(), values.end()); }
double Average(std::vector<double>& values) { return Mean(values); }
double Last(std::vector<double>& values) { return values.back(); }

constexpr std::pair<std::string_view, Reduce> kReductions[] = {{"median", Median},         {"mad", Mad},
                                                               {"geomean", GeometricMean}, {"sum2", SumOfSquares},
                                                               {"distinct", Distinct},     {"mode", Mode}};
// The ends of topk_max and bottomk_max: by what of the whole graph series are ranked.
constexpr std::pair<std::string_view, Reduce> kRanks[] = {
    {"min", Least}, {"max", Most}, {"avg", Average}, {"median", Median}, {"last", Last}};

template <size_t count>
Reduce Find(const std::pair<std::string_view, Reduce> (&known)[count], std::string_view name) {
  for (const auto& [one, reduce] : known) {
    if (one == name) return reduce;
  }
  return nullptr;
}

std::vector<double> Present(std::span<const double> row) {
  std::vector<double> values;
  std::copy_if(row.begin(), row.end(), std::back_inserter(values), [](double value) { return !IsAbsent(value); });
  return values;
}

class GroupOperator : public Operator {
 public:
  GroupOperator(OperatorPtr vector, CallGrouping grouping)
      : vector_(std::move(vector)), grouping_(std::move(grouping.labels), grouping.without) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    AUSPEX_ASSIGN_OR_RETURN(Batch in, vector_->Run(grid, execution));
    in.DropHistograms();
    GroupIndex index(grouping_);
    std::vector<std::vector<size_t>> groups;  // rows of each
    for (size_t i = 0; i < in.size(); ++i) {
      const size_t group = index.Of(in.labels[i]);
      groups.resize(index.size());
      groups[group].push_back(i);
    }
    Batch out(grid.count);
    for (size_t group = 0; group < groups.size(); ++group) {
      AUSPEX_RETURN_IF_ERROR(Answer(in, groups[group], index.labels()[group], grid, execution, out));
      AUSPEX_RETURN_IF_ERROR(execution.Charge(out));
    }
    return out;
  }

 protected:
  /// Adds the rows that a group becomes.
  virtual Status Answer(const Batch& in, const std::vector<size_t>& rows, const Labels& labels, const StepGrid& grid,
                        Execution& execution, Batch& out) const = 0;
  static std::vector<double> ValuesAt(const Batch& in, const std::vector<size_t>& rows, size_t k) {
    std::vector<double> values;
    for (const size_t i : rows) {
      if (!IsAbsent(in.Row(i)[k])) values.push_back(in.Row(i)[k]);
    }
    return values;
  }
  static void Copy(const Batch& in, size_t i, Batch& out) {
    const std::span<double> into = out.Add(in.labels[i]);
    std::copy(in.Row(i).begin(), in.Row(i).end(), into.begin());
  }

 private:
  const OperatorPtr vector_;
  const Grouping grouping_;
};

class ReduceGroup final : public GroupOperator {
 public:
  ReduceGroup(OperatorPtr vector, CallGrouping grouping, Reduce reduce)
      : GroupOperator(std::move(vector), std::move(grouping)), reduce_(reduce) {}

 private:
  Status Answer(const Batch& in, const std::vector<size_t>& rows, const Labels& labels, const StepGrid& grid,
                Execution& /*execution*/, Batch& out) const override {
    const std::span<double> row = out.Add(labels);
    for (size_t k = 0; k < grid.count; ++k) {
      std::vector<double> values = ValuesAt(in, rows, k);
      if (!values.empty()) row[k] = reduce_(values);
    }
    return OkStatus();
  }
  const Reduce reduce_;
};

/// share: each value's part of its group's sum. zscore: how many deviations it is above its group's mean.
class CompareInGroup final : public GroupOperator {
 public:
  CompareInGroup(OperatorPtr vector, CallGrouping grouping, bool share)
      : GroupOperator(std::move(vector), std::move(grouping)), share_(share) {}

 private:
  Status Answer(const Batch& in, const std::vector<size_t>& rows, const Labels& /*labels*/, const StepGrid& grid,
                Execution& execution, Batch& out) const override {
    const size_t first = out.size();
    for (const size_t i : rows) {
      Copy(in, i, out);
      out.labels.back() = DropIdentity(out.labels.back(), execution);
    }
    for (size_t k = 0; k < grid.count; ++k) {
      const std::vector<double> values = ValuesAt(in, rows, k);
      if (values.empty()) continue;
      const double from = share_ ? 0 : Mean(values);
      const double unit = share_ ? std::accumulate(values.begin(), values.end(), 0.0) : Deviation(values);
      for (size_t i = first; i < out.size(); ++i) {
        double& value = out.Row(i)[k];
        if (!IsAbsent(value)) value = (value - from) / unit;
      }
    }
    return OkStatus();
  }
  const bool share_;
};

/// any: the first series of each group, histograms and all.
class AnyOfGroup final : public Operator {
 public:
  AnyOfGroup(OperatorPtr vector, CallGrouping grouping)
      : vector_(std::move(vector)), grouping_(std::move(grouping.labels), grouping.without) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(Batch in, vector_->Run(grid, execution));
    GroupIndex index(grouping_);
    Batch out(grid.count);
    for (size_t i = 0; i < in.size(); ++i) {
      if (index.Of(in.labels[i]) == out.size()) out.Append(std::move(in.labels[i]), std::as_const(in).View(i));
    }
    AUSPEX_RETURN_IF_ERROR(execution.Charge(out));
    return out;
  }

 private:
  const OperatorPtr vector_;
  const Grouping grouping_;
};

/// topk_max and its like: the k series that rank highest over the whole graph, and the sum of the others.
class PickOfGroup final : public GroupOperator {
 public:
  PickOfGroup(OperatorPtr vector, CallGrouping grouping, OperatorPtr count, Reduce rank, bool largest, std::string others)
      : GroupOperator(std::move(vector), std::move(grouping)),
        count_(std::move(count)),
        rank_(rank),
        largest_(largest),
        others_(std::move(others)) {}

 private:
  Status Answer(const Batch& in, const std::vector<size_t>& rows, const Labels& labels, const StepGrid& grid,
                Execution& execution, Batch& out) const override {
    AUSPEX_ASSIGN_OR_RETURN(const Batch count, count_->Run({grid.start_ms, grid.step_ms, 1}, execution));
    const double wanted = count.values.empty() || std::isnan(count.values[0]) ? 0 : count.values[0];
    const auto kept = static_cast<size_t>(std::clamp(wanted, 0.0, static_cast<double>(rows.size())));
    std::vector<std::pair<double, size_t>> ranked;
    for (const size_t i : rows) {
      std::vector<double> values = Present(in.Row(i));
      ranked.emplace_back(values.empty() ? 0 : rank_(values), i);
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [&](const auto& a, const auto& b) { return largest_ ? a.first > b.first : a.first < b.first; });
    for (size_t n = 0; n < kept; ++n) Copy(in, ranked[n].second, out);
    if (others_.empty() || kept == ranked.size()) return OkStatus();
    const size_t equals = others_.find('=');
    const std::string name = equals == std::string::npos ? "others" : others_.substr(0, equals);
    const std::span<double> sum =
        out.Add(labels.With(name, equals == std::string::npos ? others_ : others_.substr(equals + 1)));
    for (size_t n = kept; n < ranked.size(); ++n) {
      const std::span<const double> row = in.Row(ranked[n].second);
      for (size_t k = 0; k < grid.count; ++k) {
        if (!IsAbsent(row[k])) sum[k] = IsAbsent(sum[k]) ? row[k] : sum[k] + row[k];
      }
    }
    return OkStatus();
  }
  const OperatorPtr count_;
  const Reduce rank_;
  const bool largest_;
  const std::string others_;
};

class QuantilesOfGroup final : public GroupOperator {
 public:
  QuantilesOfGroup(OperatorPtr vector, CallGrouping grouping, std::string label, std::vector<OperatorPtr> phis)
      : GroupOperator(std::move(vector), std::move(grouping)), label_(std::move(label)), phis_(std::move(phis)) {}

 private:
  Status Answer(const Batch& in, const std::vector<size_t>& rows, const Labels& labels, const StepGrid& grid,
                Execution& execution, Batch& out) const override {
    for (const OperatorPtr& phi : phis_) {
      AUSPEX_ASSIGN_OR_RETURN(const Batch q, phi->Run({grid.start_ms, grid.step_ms, 1}, execution));
      const std::span<double> row = out.Add(labels.With(label_, PrintPlainNumber(q.values[0])));
      for (size_t k = 0; k < grid.count; ++k) {
        std::vector<double> values = ValuesAt(in, rows, k);
        if (!values.empty()) row[k] = Quantile(q.values[0], values);
      }
    }
    return OkStatus();
  }
  const std::string label_;
  const std::vector<OperatorPtr> phis_;
};

bool IsGroupCall(std::string_view name) {
  if (name == "share" || name == "zscore" || name == "any" || Find(kReductions, name) != nullptr) return true;
  for (const std::string_view prefix : {"topk_", "bottomk_"}) {
    if (name.starts_with(prefix)) return Find(kRanks, name.substr(prefix.size())) != nullptr;
  }
  return false;
}

}  // namespace

Result<OperatorPtr> MakeGroupCall(InstantCall& call) {
  const std::string_view name = call.function;
  if (name == "quantiles") {
    OperatorPtr vector = std::move(call.ops[0]);
    CallGrouping grouping = call.grouping.value_or(CallGrouping());
    std::vector<OperatorPtr> phis(std::make_move_iterator(call.ops.begin() + 2), std::make_move_iterator(call.ops.end()));
    return OperatorPtr(
        std::make_unique<QuantilesOfGroup>(std::move(vector), std::move(grouping), call.strings[1], std::move(phis)));
  }
  if (!IsGroupCall(name)) return OperatorPtr();
  CallGrouping grouping = call.grouping.value_or(CallGrouping());
  if (const Reduce reduce = Find(kReductions, name); reduce != nullptr) {
    return OperatorPtr(std::make_unique<ReduceGroup>(std::move(call.ops[0]), std::move(grouping), reduce));
  }
  if (name == "share" || name == "zscore") {
    return OperatorPtr(std::make_unique<CompareInGroup>(std::move(call.ops[0]), std::move(grouping), name == "share"));
  }
  if (name == "any") {
    return OperatorPtr(std::make_unique<AnyOfGroup>(std::move(call.ops[0]), std::move(grouping)));
  }
  const std::string others = call.strings.size() > 2 ? call.strings[2] : "";
  const Reduce rank = Find(kRanks, name.substr(name.find('_') + 1));
  return OperatorPtr(std::make_unique<PickOfGroup>(std::move(call.ops[1]), std::move(grouping), std::move(call.ops[0]), rank,
                                                   name.starts_with("topk"), others));
}

}  // namespace auspex::query
