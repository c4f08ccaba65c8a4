// The functions of PromQL that take no range vector, as rows of the registry. What they compute is found by name.

#include "builtin_functions.h"

namespace auspex::query {
namespace {

using Type = ArgumentType;

Argument Vector(std::string name = "v") { return {std::move(name), Type::kVector}; }
Argument Scalar(std::string name) { return {std::move(name), Type::kScalar}; }
Argument String(std::string name) { return {std::move(name), Type::kString}; }
Argument Optional(Argument argument) {
  argument.optional = true;
  return argument;
}

/// One instant vector in, one out.
Function Map(std::string name, std::string description, std::string example) {
  Function row;
  row.name = std::move(name);
  row.arguments = {Vector()};
  row.description = std::move(description);
  row.example = std::move(example);
  return row;
}

Function Row(std::string name, std::vector<Argument> arguments, std::string description, std::string example) {
  Function row = Map(std::move(name), std::move(description), std::move(example));
  row.arguments = std::move(arguments);
  return row;
}

Function Constant(std::string name, std::string description, std::string example) {
  Function row = Row(std::move(name), {}, std::move(description), std::move(example));
  row.returns = ValueType::kScalar;
  return row;
}

Function Keeping(Function row) {
  row.keeps_metric_name = true;
  return row;
}

Function Repeating(Function row) {
  row.variadic = true;
  return row;
}

/// In Prometheus behind --enable-feature=promql-experimental-functions.
Function Experimental(Function row) {
  row.experimental = true;
  return row;
}

void AddMathematics(std::vector<Function>& rows) {
  rows.push_back(Map("abs", "Absolute value, in the unit of v.", "abs(up - 2)"));
  rows.push_back(Map("ceil", "Rounded up to the nearest integer, in the unit of v.", "ceil(up * 1.5)"));
  rows.push_back(Map("floor", "Rounded down to the nearest integer, in the unit of v.", "floor(up * 1.5)"));
  rows.push_back(Row("round", {Vector(), Optional(Scalar("to_nearest"))},
                     "Rounded to the nearest multiple of to_nearest (1 when left out), halves up, in the unit of v.",
                     "round(up * 1.57, 0.1)"));
  rows.push_back(Map("exp", "e to the power of v, without unit.", "exp(up)"));
  rows.push_back(Map("sqrt", "Square root of v.", "sqrt(up)"));
  rows.push_back(Map("ln", "Natural logarithm of v, without unit.", "ln(up)"));
  rows.push_back(Map("log2", "Logarithm of v to base 2, without unit.", "log2(up)"));
  rows.push_back(Map("log10", "Logarithm of v to base 10, without unit.", "log10(up)"));
  rows.push_back(Map("sgn", "1, 0 or -1: the sign of v.", "sgn(up)"));
  rows.push_back(Row("clamp", {Vector(), Scalar("min"), Scalar("max")}, "v limited to [min, max], in the unit of v.",
                     "clamp(up, 0, 0.5)"));
  rows.push_back(Row("clamp_min", {Vector(), Scalar("min")}, "v, but at least min, in the unit of v.", "clamp_min(up, 2)"));
  rows.push_back(Row("clamp_max", {Vector(), Scalar("max")}, "v, but at most max, in the unit of v.", "clamp_max(up, 0.5)"));
}

void AddTrigonometry(std::vector<Function>& rows) {
  rows.push_back(Map("acos", "Arc cosine of v, in radians.", "acos(up)"));
  rows.push_back(Map("acosh", "Inverse hyperbolic cosine of v, without unit.", "acosh(up)"));
  rows.push_back(Map("asin", "Arc sine of v, in radians.", "asin(up)"));
  rows.push_back(Map("asinh", "Inverse hyperbolic sine of v, without unit.", "asinh(up)"));
  rows.push_back(Map("atan", "Arc tangent of v, in radians.", "atan(up)"));
  rows.push_back(Map("atanh", "Inverse hyperbolic tangent of v, without unit.", "atanh(up / 2)"));
  rows.push_back(Map("cos", "Cosine of v, given in radians.", "cos(up)"));
  rows.push_back(Map("cosh", "Hyperbolic cosine of v, without unit.", "cosh(up)"));
  rows.push_back(Map("sin", "Sine of v, given in radians.", "sin(up)"));
  rows.push_back(Map("sinh", "Hyperbolic sine of v, without unit.", "sinh(up)"));
  rows.push_back(Map("tan", "Tangent of v, given in radians.", "tan(up)"));
  rows.push_back(Map("tanh", "Hyperbolic tangent of v, without unit.", "tanh(up)"));
  rows.push_back(Map("deg", "Radians to degrees.", "deg(up)"));
  rows.push_back(Map("rad", "Degrees to radians.", "rad(up)"));
  rows.push_back(Constant("pi", "Pi.", "pi()"));
}

/// The parts of a date, UTC. Without an argument: of the evaluation time.
void AddCalendar(std::vector<Function>& rows) {
  const auto part = [&](std::string name, std::string description) {
    std::string example = name + "(vector(1136239445))";
    rows.push_back(Row(std::move(name), {Optional(Vector("seconds"))}, std::move(description), std::move(example)));
  };
  part("day_of_month", "Day of the month in UTC, 1 to 31.");
  part("day_of_week", "Day of the week in UTC, 0 (Sunday) to 6.");
  part("day_of_year", "Day of the year in UTC, 1 to 366.");
  part("days_in_month", "How many days the month has in UTC, 28 to 31.");
  part("hour", "Hour of the day in UTC, 0 to 23.");
  part("minute", "Minute of the hour in UTC, 0 to 59.");
  part("month", "Month of the year in UTC, 1 to 12.");
  part("year", "Year in UTC.");
  rows.push_back(Constant("time", "The evaluation time, in seconds since 1970.", "time()"));
  rows.push_back(Experimental(Constant("start", "The first step of the query, in seconds since 1970.", "start()")));
  rows.push_back(Experimental(Constant("end", "The last step of the query, in seconds since 1970.", "end()")));
  rows.push_back(
      Experimental(Constant("step", "The distance of the query's steps, in seconds; 0 in an instant query.", "step()")));
  rows.push_back(Experimental(Constant("range", "The length of the query, in seconds; 0 in an instant query.", "range()")));
  rows.push_back(Map("timestamp", "When each sample was taken, in seconds since 1970.", "timestamp(up)"));
}

void AddHistograms(std::vector<Function>& rows) {
  rows.push_back(Row("histogram_quantile", {Scalar("phi"), Vector("buckets")},
                     "The phi-quantile (0 <= phi <= 1) of classic buckets (label le), in the unit that was observed.",
                     "histogram_quantile(0.9, rate(latency_seconds_bucket[5m]))"));
  rows.push_back(Row("histogram_fraction", {Scalar("lower"), Scalar("upper"), Vector("buckets")},
                     "The estimated fraction of observations between lower and upper, 0 to 1.",
                     "histogram_fraction(0, 0.2, rate(latency_seconds_bucket[5m]))"));
  rows.push_back(Experimental(Repeating(Row("histogram_quantiles", {Vector("buckets"), String("label"), Scalar("phi")},
                                            "The phi-quantiles of classic buckets, each with its phi in the label named.",
                                            "histogram_quantiles(rate(latency_seconds_bucket[5m]), \"phi\", 0.5, 0.9)"))));
  const auto native = [&](std::string name, const std::string& description) {
    std::string example = name + "(latency_seconds)";
    rows.push_back(
        Map(std::move(name), description + " Only of native histograms; other samples have none.", std::move(example)));
  };
  native("histogram_avg", "Mean of the observed values, in their unit.");
  native("histogram_count", "Count of observations.");
  native("histogram_sum", "Sum of the observed values, in their unit.");
  native("histogram_stddev", "Estimated standard deviation of the observed values, in their unit.");
  native("histogram_stdvar", "Estimated variance of the observed values, in their unit squared.");
}

void AddLabelsAndOrder(std::vector<Function>& rows) {
  rows.push_back(Experimental(Keeping(
      Row("info", {Vector(), Optional(Vector("info_labels"))},
          "v with the labels of the info series (target_info, or those that the selector info_labels names) that have the "
          "same job and instance.",
          "info(up)"))));
  rows.push_back(
      Keeping(Row("label_replace", {Vector(), String("dst_label"), String("replacement"), String("src_label"), String("regex")},
                  "v with dst_label set to the replacement ($1 are groups) where src_label matches the whole regex.",
                  "label_replace(up, \"host\", \"$1\", \"instance\", \"(.*):.*\")")));
  rows.push_back(
      Repeating(Keeping(Row("label_join", {Vector(), String("dst_label"), String("separator"), Optional(String("src_label"))},
                            "v with dst_label set to the values of the src_labels, joined by the separator.",
                            "label_join(up, \"where\", \"-\", \"job\", \"instance\")"))));
  rows.push_back(Keeping(Map("sort", "v in order of value; only the order of an instant query's answer changes.", "sort(up)")));
  rows.push_back(Keeping(Map("sort_desc", "v in reverse order of value.", "sort_desc(up)")));
  rows.push_back(
      Experimental(Repeating(Keeping(Row("sort_by_label", {Vector(), Optional(String("label"))},
                                         "v in natural order of the labels' values.", "sort_by_label(up, \"instance\")")))));
  rows.push_back(Experimental(
      Repeating(Keeping(Row("sort_by_label_desc", {Vector(), Optional(String("label"))},
                            "v in reverse natural order of the labels' values.", "sort_by_label_desc(up, \"instance\")")))));
}

void AddConversions(std::vector<Function>& rows) {
  const auto extreme = [&](std::string name, std::string description) {
    std::string example = name + "(step(), 300)";
    Function row = Row(std::move(name), {Scalar("a"), Scalar("b")}, std::move(description), std::move(example));
    row.returns = ValueType::kScalar;
    rows.push_back(Experimental(std::move(row)));
  };
  extreme("min_of", "The lesser of two numbers, NaN when one of them is.");
  extreme("max_of", "The greater of two numbers, NaN when one of them is.");
  rows.push_back(Map("absent", "1 where v has no series, with the labels of its `=` matchers; else nothing.",
                     "absent(no_such_metric{job=\"api\"})"));
  Function scalar = Map("scalar", "The value of the only series, NaN when there is not exactly one.", "scalar(sum(up))");
  scalar.returns = ValueType::kScalar;
  rows.push_back(std::move(scalar));
  rows.push_back(Row("vector", {Scalar("s")}, "The scalar as a series without labels.", "vector(1)"));
}

}  // namespace

std::vector<Function> InstantFunctionRows() {
  std::vector<Function> rows;
  AddMathematics(rows);
  AddTrigonometry(rows);
  AddCalendar(rows);
  AddHistograms(rows);
  AddLabelsAndOrder(rows);
  AddConversions(rows);
  return rows;
}

}  // namespace auspex::query
