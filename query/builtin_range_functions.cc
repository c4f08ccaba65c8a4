// The functions of PromQL that take a range vector, as rows of the registry. Their kernels are found by name.

#include "builtin_functions.h"

namespace auspex::query {
namespace {

using Type = ArgumentType;

Function OverRange(std::string name, std::string description, std::string example) {
  Function row;
  row.name = std::move(name);
  row.arguments = {{"v", Type::kMatrix}};
  row.description = std::move(description);
  row.example = std::move(example);
  return row;
}

/// `x_over_time`: the example is a call on `up`.
Function OverTime(std::string name, std::string description) {
  std::string example = name + "(up[5m])";
  return OverRange(std::move(name), std::move(description), std::move(example));
}

Function Keeping(Function row) {
  row.keeps_metric_name = true;
  return row;
}

Function Experimental(Function row) {
  row.experimental = true;
  return row;
}

Function Smoothing(std::string name) {
  std::string example = name + "(up[5m], 0.5, 0.1)";
  Function row =
      OverRange(std::move(name), "Level at the end of the range by Holt's double exponential smoothing, in the unit of v.",
                std::move(example));
  row.arguments.push_back({"smoothing_factor", Type::kScalar});
  row.arguments.push_back({"trend_factor", Type::kScalar});
  return row;
}

void AddCounters(std::vector<Function>& rows) {
  rows.push_back(OverRange("rate", "Increase per second of a counter, averaged over the range, resets counted.",
                           "rate(requests_total[5m])"));
  rows.push_back(
      OverRange("irate", "Increase per second between the last two samples of a counter.", "irate(requests_total[5m])"));
  rows.push_back(OverRange("increase", "Increase of a counter over the range, in its unit, resets counted.",
                           "increase(requests_total[5m])"));
  rows.push_back(OverRange("resets", "How often a counter went down within the range.", "resets(requests_total[5m])"));
  rows.push_back(OverRange("changes", "How often the value changed within the range.", "changes(up[5m])"));
  rows.push_back(OverRange("delta", "Difference between the ends of the range of a gauge, in its unit.", "delta(up[5m])"));
  rows.push_back(OverRange("idelta", "Difference between the last two samples, in the unit of v.", "idelta(up[5m])"));
  rows.push_back(OverRange("deriv", "Slope of a gauge by least squares, per second.", "deriv(up[5m])"));
  Function predict = OverRange("predict_linear", "Value in t seconds by least squares over the range, in the unit of v.",
                               "predict_linear(up[5m], 1h)");
  predict.arguments.push_back({"t", Type::kDuration});
  rows.push_back(std::move(predict));
  rows.push_back(Experimental(Smoothing("double_exponential_smoothing")));
  rows.push_back(Smoothing("holt_winters"));  // its name up to Prometheus 2
}

void AddOverTime(std::vector<Function>& rows) {
  rows.push_back(OverTime("avg_over_time", "Mean of the range, in the unit of v."));
  rows.push_back(OverTime("min_over_time", "Smallest value of the range, in the unit of v."));
  rows.push_back(OverTime("max_over_time", "Largest value of the range, in the unit of v."));
  rows.push_back(OverTime("sum_over_time", "Sum of the range, in the unit of v."));
  rows.push_back(OverTime("count_over_time", "Count of the range's samples."));
  rows.push_back(OverTime("stddev_over_time", "Standard deviation of the range (of a population), in the unit of v."));
  rows.push_back(OverTime("stdvar_over_time", "Variance of the range (of a population), in the unit of v squared."));
  rows.push_back(OverTime("present_over_time", "1 where the range has a sample."));
  rows.push_back(
      OverTime("absent_over_time", "1 where no series has a sample in the range, with the labels of its `=` matchers."));
  rows.push_back(Keeping(OverTime("last_over_time", "Newest value of the range, in the unit of v.")));
  rows.push_back(Experimental(Keeping(OverTime("first_over_time", "Oldest value of the range, in the unit of v."))));
  rows.push_back(Experimental(OverTime("mad_over_time", "Median absolute deviation of the range, in the unit of v.")));
  rows.push_back(Experimental(OverTime("ts_of_first_over_time", "When the oldest sample was taken, in seconds since 1970.")));
  rows.push_back(Experimental(OverTime("ts_of_last_over_time", "When the newest sample was taken, in seconds since 1970.")));
  rows.push_back(
      Experimental(OverTime("ts_of_min_over_time", "When the smallest value was last taken, in seconds since 1970.")));
  rows.push_back(
      Experimental(OverTime("ts_of_max_over_time", "When the largest value was last taken, in seconds since 1970.")));
  Function quantile = OverRange("quantile_over_time", "The phi-quantile (0 <= phi <= 1) of the range, in the unit of v.",
                                "quantile_over_time(0.9, up[5m])");
  quantile.arguments.insert(quantile.arguments.begin(), {"phi", Type::kScalar});
  rows.push_back(std::move(quantile));
}

}  // namespace

std::vector<Function> RangeFunctionRows() {
  std::vector<Function> rows;
  AddCounters(rows);
  AddOverTime(rows);
  return rows;
}

}  // namespace auspex::query
