// Functions of a series' values over all steps of the query: what a graph shows of it.

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "extra_functions.h"
#include "merge.h"
#include "quantile.h"

namespace auspex::query {
namespace {

/// Changes a row in place; absent steps are Absent(). `argument`: of the first step, NaN without one.
using RowFunction = void (*)(std::span<double> row, double argument);

std::vector<double> Present(std::span<const double> row) {
  std::vector<double> values;
  for (const double value : row) {
    if (!IsAbsent(value)) values.push_back(value);
  }
  return values;
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double Variance(const std::vector<double>& values) {
  const double mean = Mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return squares / static_cast<double>(values.size());
}

double QuantileOf(double q, std::vector<double> values) { return Quantile(q, values); }

double MedianDistance(std::vector<double> values, double median) {
  for (double& value : values) value = std::abs(value - median);
  return QuantileOf(0.5, std::move(values));
}

// One number for the whole row.
double FirstOf(const std::vector<double>& values, double /*argument*/) { return values.front(); }
double LastOf(const std::vector<double>& values, double /*argument*/) { return values.back(); }
double SumOf(const std::vector<double>& values, double /*argument*/) {
  return Mean(values) * static_cast<double>(values.size());
}
double MeanOf(const std::vector<double>& values, double /*argument*/) { return Mean(values); }
double LeastOf(const std::vector<double>& values, double /*argument*/) {
  return *std::min_element(values.begin(), values.end());
}
double MostOf(const std::vector<double>& values, double /*argument*/) {
  return *std::max_element(values.begin(), values.end());
}
double MedianOf(const std::vector<double>& values, double /*argument*/) { return QuantileOf(0.5, values); }
double QuantileAt(const std::vector<double>& values, double argument) { return QuantileOf(argument, values); }
double DeviationOf(const std::vector<double>& values, double /*argument*/) { return std::sqrt(Variance(values)); }
double VarianceOf(const std::vector<double>& values, double /*argument*/) { return Variance(values); }
double MadOf(const std::vector<double>& values, double /*argument*/) { return MedianDistance(values, QuantileOf(0.5, values)); }

template <double (*reduce)(const std::vector<double>&, double)>
void Fill(std::span<double> row, double argument) {
  const std::vector<double> values = Present(row);
  if (!values.empty()) std::fill(row.begin(), row.end(), reduce(values, argument));
}

template <typename Change>
void ForEachPresent(std::span<double> row, Change change) {
  for (double& value : row) {
    if (!IsAbsent(value)) value = change(value);
  }
}

void ZScore(std::span<double> row, double /*argument*/) {
  const std::vector<double> values = Present(row);
  if (values.empty()) return;
  const double mean = Mean(values);
  const double deviation = std::sqrt(Variance(values));
  ForEachPresent(row, [&](double value) { return (value - mean) / deviation; });
}

void Normalize(std::span<double> row, double /*argument*/) {
  const std::vector<double> values = Present(row);
  if (values.empty()) return;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const double span = *most - *least;
  ForEachPresent(row, [&, low = *least](double value) { return span > 0 ? (value - low) / span : 0; });
}

// The line of least squares, at every step.
void LinearRegression(std::span<double> row, double /*argument*/) {
  double n = 0, x = 0, y = 0, xy = 0, xx = 0;
  for (size_t k = 0; k < row.size(); ++k) {
    if (IsAbsent(row[k])) continue;
    const auto at = static_cast<double>(k);
    n += 1;
    x += at;
    y += row[k];
    xy += at * row[k];
    xx += at * at;
  }
  if (n == 0) return;
  const double variance = xx - x * x / n;
  const double slope = variance > 0 ? (xy - x * y / n) / variance : 0;
  for (size_t k = 0; k < row.size(); ++k) row[k] = y / n + slope * (static_cast<double>(k) - x / n);
}

void KeepWhere(std::span<double> row, double center, double reach) {
  ForEachPresent(row, [&](double value) { return std::abs(value - center) > reach ? Absent() : value; });
}

void TrimOutliers(std::span<double> row, double argument) {
  const std::vector<double> values = Present(row);
  if (values.empty()) return;
  const double median = QuantileOf(0.5, values);
  KeepWhere(row, median, argument * MedianDistance(values, median));
}

void TrimZScore(std::span<double> row, double argument) {
  const std::vector<double> values = Present(row);
  if (!values.empty()) KeepWhere(row, Mean(values), argument * std::sqrt(Variance(values)));
}

// Drops the share `argument` of the values: half of it at either end.
void TrimSpikes(std::span<double> row, double argument) {
  const std::vector<double> values = Present(row);
  if (values.empty()) return;
  const double low = QuantileOf(argument / 2, values);
  const double high = QuantileOf(1 - argument / 2, values);
  ForEachPresent(row, [&](double value) { return value < low || value > high ? Absent() : value; });
}

template <double (*combine)(double so_far, double value, double count)>
void Running(std::span<double> row, double /*argument*/) {
  double so_far = 0;
  double count = 0;
  for (double& value : row) {
    if (!IsAbsent(value)) {
      count += 1;
      so_far = count == 1 ? value : combine(so_far, value, count);
    }
    if (count > 0) value = so_far;
  }
}
double Added(double so_far, double value, double /*count*/) { return so_far + value; }
double Averaged(double so_far, double value, double count) { return so_far + (value - so_far) / count; }
double Smaller(double so_far, double value, double /*count*/) { return std::min(so_far, value); }
double Larger(double so_far, double value, double /*count*/) { return std::max(so_far, value); }

void SmoothExponential(std::span<double> row, double argument) {
  const double factor = std::clamp(argument, 0.0, 1.0);
  double level = Absent();
  for (double& value : row) {
    if (IsAbsent(value)) continue;
    level = IsAbsent(level) ? value : value * factor + level * (1 - factor);
    value = level;
  }
}

void KeepLastValue(std::span<double> row, double /*argument*/) {
  for (size_t k = 1; k < row.size(); ++k) {
    if (IsAbsent(row[k])) row[k] = row[k - 1];
  }
}

void KeepNextValue(std::span<double> row, double /*argument*/) {
  for (size_t k = row.size(); k-- > 1;) {
    if (IsAbsent(row[k - 1])) row[k - 1] = row[k];
  }
}

// Gaps between two values by the line between them.
void InterpolateGaps(std::span<double> row, double /*argument*/) {
  for (size_t k = 1; k < row.size(); ++k) {
    if (!IsAbsent(row[k]) || IsAbsent(row[k - 1])) continue;
    size_t next = k;
    while (next < row.size() && IsAbsent(row[next])) ++next;
    if (next == row.size()) return;
    const double from = row[k - 1];
    const double step = (row[next] - from) / static_cast<double>(next - k + 1);
    for (size_t i = k; i < next; ++i) row[i] = from + step * static_cast<double>(i - k + 1);
  }
}

void RemoveResets(std::span<double> row, double /*argument*/) {
  double lost = 0;
  double before = Absent();
  for (double& value : row) {
    if (IsAbsent(value)) continue;
    // A drop by less than an eighth is no start from zero but a partial reset, as VictoriaMetrics has it.
    if (!IsAbsent(before) && value < before) lost += (before - value) * 8 < before ? before - value : before;
    before = value;
    value += lost;
  }
}

constexpr std::pair<std::string_view, RowFunction> kFunctions[] = {
    {"range_first", Fill<FirstOf>},
    {"range_last", Fill<LastOf>},
    {"range_sum", Fill<SumOf>},
    {"range_avg", Fill<MeanOf>},
    {"range_min", Fill<LeastOf>},
    {"range_max", Fill<MostOf>},
    {"range_median", Fill<MedianOf>},
    {"range_quantile", Fill<QuantileAt>},
    {"range_stddev", Fill<DeviationOf>},
    {"range_stdvar", Fill<VarianceOf>},
    {"range_mad", Fill<MadOf>},
    {"range_zscore", ZScore},
    {"range_normalize", Normalize},
    {"range_linear_regression", LinearRegression},
    {"range_trim_outliers", TrimOutliers},
    {"range_trim_spikes", TrimSpikes},
    {"range_trim_zscore", TrimZScore},
    {"running_sum", Running<Added>},
    {"running_avg", Running<Averaged>},
    {"running_min", Running<Smaller>},
    {"running_max", Running<Larger>},
    {"smooth_exponential", SmoothExponential},
    {"keep_last_value", KeepLastValue},
    {"keep_next_value", KeepNextValue},
    {"interpolate", InterpolateGaps},
    {"remove_resets", RemoveResets},
};

class RowOperator final : public Operator {
 public:
  RowOperator(RowFunction function, OperatorPtr vector, OperatorPtr argument)
      : function_(function), vector_(std::move(vector)), argument_(std::move(argument)) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, vector_->Run(grid, execution));
    batch.DropHistograms();
    double argument = std::nan("");
    if (argument_ != nullptr) {
      AUSPEX_ASSIGN_OR_RETURN(const Batch scalar, argument_->Run(grid, execution));
      argument = scalar.values.empty() ? argument : scalar.values.front();
    }
    for (size_t i = 0; i < batch.size(); ++i) function_(batch.Row(i), argument);
    return WithoutEmptyRows(std::move(batch));
  }

 private:
  const RowFunction function_;
  const OperatorPtr vector_;
  const OperatorPtr argument_;
};

}  // namespace

bool IsRowFunction(std::string_view name) {
  return std::any_of(std::begin(kFunctions), std::end(kFunctions), [&](const auto& known) { return known.first == name; });
}

Result<OperatorPtr> MakeRowCall(InstantCall& call) {
  for (const auto& [name, function] : kFunctions) {
    if (name != call.function) continue;
    // Some have their number first, one has it last: the vector is the one that is not a scalar.
    const bool number_first =
        name == "range_quantile" || name == "range_trim_outliers" || name == "range_trim_spikes" || name == "range_trim_zscore";
    OperatorPtr vector = std::move(call.ops[number_first ? 1 : 0]);
    OperatorPtr argument = call.ops.size() > 1 ? std::move(call.ops[number_first ? 0 : 1]) : nullptr;
    return OperatorPtr(std::make_unique<RowOperator>(function, std::move(vector), std::move(argument)));
  }
  return OperatorPtr();
}

}  // namespace auspex::query
