#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "function_rows.h"
#include "outlier_group.h"

namespace auspex::analytics {
namespace {

using query::Annotations;
using query::JointArgument;
using query::JointCall;
using query::JointInput;
using query::JointOutput;
using query::JointSeries;

enum class Method : uint8_t { kMad, kIqr, kLargest, kClusters };

using Rows = std::vector<std::span<const double>>;

/// One call of an outlier aggregation.
///
/// Of an instant vector whole rows are looked at, as in MetricsQL: a series is answered at all of its steps or at none. Of a
/// range vector the samples of the window are, at every step anew; the answer is the newest of them.
class OutlierFunction final : public query::JointFunction {
 public:
  OutlierFunction(Method method, std::string name, size_t parameters)
      : method_(method), name_(std::move(name)), vector_(parameters) {}

  Status Evaluate(const JointInput& input, JointOutput& output, Annotations& annotations) const override {
    const JointArgument& vector = input.arguments[vector_];
    std::vector<std::vector<size_t>> members(input.groups.size());
    for (size_t i = 0; i < vector.series.size(); ++i) members[vector.series[i].group].push_back(i);
    for (const std::vector<size_t>& group : members) {
      if (group.empty()) continue;
      AUSPEX_RETURN_IF_ERROR(input.stop());
      AUSPEX_RETURN_IF_ERROR(vector.range_ms > 0 ? OfWindows(input, group, output, annotations)
                                                 : OfRows(input, group, output, annotations));
    }
    return OkStatus();
  }

 private:
  Status OfRows(const JointInput& input, const std::vector<size_t>& group, JointOutput& output,
                Annotations& annotations) const {
    const JointArgument& vector = input.arguments[vector_];
    Rows rows;
    for (const size_t i : group) rows.push_back(vector.series[i].values);
    std::vector<double> parameter(input.evaluation.count, 0);
    if (vector_ > 0) {
      for (size_t k = 0; k < parameter.size(); ++k) parameter[k] = input.arguments[0].ScalarAt(k);
    }
    if (method_ == Method::kLargest) return Largest(input, group, rows, parameter, output);
    const std::vector<bool> outside = Outside(rows, parameter, annotations);
    for (size_t i = 0; i < group.size(); ++i) {
      if (!outside[i]) continue;
      const std::span<double> out = output.Add(*vector.series[group[i]].labels);
      std::copy(rows[i].begin(), rows[i].end(), out.begin());
    }
    return OkStatus();
  }

  // At every step the first k(step) rows by their distance over the whole range.
  static Status Largest(const JointInput& input, const std::vector<size_t>& group, const Rows& rows,
                        const std::vector<double>& count, JointOutput& output) {
    const std::vector<double> distances = SquaredDistances(rows);
    for (size_t rank = 0; const size_t i : ByDistance(distances)) {
      const std::span<double> out = output.Add(*input.arguments[1].series[group[i]].labels);
      for (size_t k = 0; k < out.size(); ++k) {
        if (static_cast<double>(rank) < std::floor(count[k])) out[k] = rows[i][k];
      }
      ++rank;
    }
    return OkStatus();
  }

  static std::vector<size_t> ByDistance(const std::vector<double>& distances) {
    std::vector<size_t> order(distances.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return distances[a] > distances[b]; });
    return order;
  }

  std::vector<bool> Outside(const Rows& rows, std::span<const double> parameter, Annotations& annotations) const {
    if (method_ == Method::kIqr) return OutsideFences(rows);
    for (const double value : parameter) {
      if (value >= 0) continue;
      annotations.Warn(name_ + ": tolerance must not be negative");
      return std::vector<bool>(rows.size(), false);
    }
    return method_ == Method::kMad ? OutsideMad(rows, parameter) : OutsideClusters(rows, parameter.back());
  }

  // Series of different clocks are compared in cells: as many as the median series has samples, at most kMostCells.
  Status OfWindows(const JointInput& input, const std::vector<size_t>& group, JointOutput& output,
                   Annotations& annotations) const {
    const JointArgument& vector = input.arguments[vector_];
    const size_t steps_count = input.evaluation.count;
    std::map<size_t, std::vector<double>> answers;  // by place in the group
    for (size_t k = 0; k < steps_count; ++k) {
      AUSPEX_RETURN_IF_ERROR(input.stop());
      const int64_t end_ms = vector.WindowEndMs(k);
      const Cells cells = CellsOf(vector, group, end_ms, input.closed_left);
      if (cells.rows.empty()) continue;
      Rows rows(cells.rows.begin(), cells.rows.end());
      const double parameter = vector_ > 0 ? input.arguments[0].ScalarAt(k) : 0;
      std::vector<bool> outside(rows.size(), false);
      if (method_ == Method::kLargest) {
        size_t rank = 0;
        for (const size_t i : ByDistance(SquaredDistances(rows)))
          outside[i] = static_cast<double>(rank++) < std::floor(parameter);
      } else {
        outside = Outside(rows, {&parameter, 1}, annotations);
      }
      for (size_t i = 0; i < rows.size(); ++i) {
        if (!outside[i]) continue;
        auto& answer = answers[cells.members[i]];
        answer.resize(steps_count, query::Absent());
        answer[k] = cells.newest[i];
      }
    }
    for (const auto& [i, answer] : answers) {
      const std::span<double> out = output.Add(*vector.series[group[i]].labels);
      std::copy(answer.begin(), answer.end(), out.begin());
    }
    return OkStatus();
  }

  struct Cells {
    std::vector<size_t> members;            // which of the group have samples in the window
    std::vector<double> newest;             // of each
    std::vector<std::vector<double>> rows;  // means by cell, NaN where there is none
  };

  static Cells CellsOf(const JointArgument& vector, const std::vector<size_t>& group, int64_t end_ms, bool closed_left) {
    constexpr size_t kMostCells = 256;
    const int64_t begin_ms = end_ms - vector.range_ms + (closed_left ? 0 : 1);
    Cells cells;
    std::vector<std::pair<size_t, size_t>> spans;
    std::vector<size_t> counts;
    for (size_t i = 0; i < group.size(); ++i) {
      const JointSeries& series = vector.series[group[i]];
      const auto first = std::lower_bound(series.t_ms.begin(), series.t_ms.end(), begin_ms);
      const auto last = std::upper_bound(first, series.t_ms.end(), end_ms);
      if (first == last) continue;
      cells.members.push_back(i);
      spans.emplace_back(first - series.t_ms.begin(), last - series.t_ms.begin());
      counts.push_back(static_cast<size_t>(last - first));
      cells.newest.push_back(series.values[spans.back().second - 1]);
    }
    if (cells.members.empty()) return cells;
    std::nth_element(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(counts.size() / 2), counts.end());
    const size_t cells_count = std::clamp<size_t>(counts[counts.size() / 2], 1, kMostCells);
    for (size_t i = 0; i < cells.members.size(); ++i) {
      const JointSeries& series = vector.series[group[cells.members[i]]];
      std::vector<double> sums(cells_count, 0);
      std::vector<double> seen(cells_count, 0);
      for (size_t s = spans[i].first; s < spans[i].second; ++s) {
        if (!std::isfinite(series.values[s])) continue;
        // Counted from the end, so that the newest cell is a whole one.
        const double age = static_cast<double>(end_ms - series.t_ms[s]) / static_cast<double>(vector.range_ms);
        const size_t cell = std::min(static_cast<size_t>(age * static_cast<double>(cells_count)), cells_count - 1);
        sums[cell] += series.values[s];
        seen[cell] += 1;
      }
      for (size_t c = 0; c < cells_count; ++c) sums[c] /= seen[c];  // NaN where nothing was seen
      cells.rows.push_back(std::move(sums));
    }
    return cells;
  }

  const Method method_;
  const std::string name_;
  const size_t vector_;  // position of the vector: after the parameter, where there is one
};

query::Function Row(std::string name, Method method, std::string parameter, std::string description, std::string example) {
  query::Function row;
  row.name = name;
  if (!parameter.empty()) row.arguments.push_back({parameter, query::ArgumentType::kScalar});
  row.arguments.push_back({"v", query::ArgumentType::kSeries});
  row.description = std::move(description);
  row.example = std::move(example);
  row.keeps_metric_name = true;
  row.aggregates = true;
  const size_t parameters = row.arguments.size() - 1;
  row.make_joint = [method, name,
                    parameters](const JointCall& /*call*/) -> Result<std::unique_ptr<const query::JointFunction>> {
    return std::unique_ptr<const query::JointFunction>(std::make_unique<OutlierFunction>(method, name, parameters));
  };
  return row;
}

}  // namespace

std::vector<query::Function> OutlierFunctions() {
  return {
      Row("outliers_mad", Method::kMad, "tolerance",
          "The series with a sample farther from their group's median than tolerance times its median absolute deviation.",
          "outliers_mad(3, node_load1) by (role)"),
      Row("outliers_iqr", Method::kIqr, "",
          "The series with a sample more than 1.5 interquartile ranges outside of their group's quartiles.",
          "outliers_iqr(node_load1) by (role)"),
      Row("outliersk", Method::kLargest, "k", "The k series farthest from their group's median.",
          "outliersk(1, node_load1) by (role)"),
      Row("outliers_dbscan", Method::kClusters, "tolerance",
          "The series that belong to no large cluster of their group; the radius is tolerance times the usual distance.",
          "outliers_dbscan(3, node_load1[15m]) by (role)"),
  };
}

}  // namespace auspex::analytics
