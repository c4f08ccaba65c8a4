#include "extra_functions.h"

namespace auspex::query {
namespace {

using Type = ArgumentType;

Argument Vector(std::string name = "v") { return {std::move(name), Type::kVector}; }
Argument Matrix() { return {"v", Type::kMatrix}; }
Argument Scalar(std::string name) { return {std::move(name), Type::kScalar}; }
Argument String(std::string name) { return {std::move(name), Type::kString}; }

Function Row(std::string name, std::vector<Argument> arguments, std::string description, std::string example) {
  Function row;
  row.name = std::move(name);
  row.arguments = std::move(arguments);
  row.description = std::move(description);
  row.example = std::move(example);
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

/// Of a range vector; the example is a call on `temperature`.
Function OverTime(std::string name, std::string description) {
  std::string example = name + "(temperature[5m])";
  return Row(std::move(name), {Matrix()}, std::move(description), std::move(example));
}

Function OverTimeWith(std::string name, Argument argument, std::string description, const std::string& given) {
  std::string example = name + "(temperature[5m], " + given + ")";
  return Row(std::move(name), {Matrix(), std::move(argument)}, std::move(description), std::move(example));
}

void AddStatistics(std::vector<Function>& rows) {
  rows.push_back(OverTime("median_over_time", "Median of the range, in the unit of v."));
  rows.push_back(OverTime("mode_over_time", "The value that is most often in the range, the smallest of several."));
  rows.push_back(OverTime("geomean_over_time", "Geometric mean of the range, in the unit of v."));
  rows.push_back(OverTime("zscore_over_time", "How many standard deviations the last value is above the range's mean."));
  rows.push_back(OverTime("range_over_time", "Largest less smallest value of the range, in the unit of v."));
  rows.push_back(OverTime("sum2_over_time", "Sum of the squares of the range's values."));
  rows.push_back(OverTime("distinct_over_time", "How many different values the range has."));
  rows.push_back(Row("count_values_over_time", {String("label"), Matrix()},
                     "How often the range has each value, which the label named tells.",
                     "count_values_over_time(\"value\", temperature[5m])"));
  rows.push_back(
      OverTime("histogram_over_time",
               "How many values of the range each logarithmic bucket has: 18 per power of ten, told by the label vmrange."));
  rows.push_back(OverTime("increases_over_time", "How often the value grew within the range."));
  rows.push_back(OverTime("decreases_over_time", "How often the value fell within the range."));
  rows.push_back(OverTime("ascent_over_time", "Sum of all growth within the range, in the unit of v."));
  rows.push_back(OverTime("descent_over_time", "Sum of all fall within the range, in the unit of v."));
  rows.push_back(OverTime("integrate", "Area under the values of the range, in the unit of v times seconds."));
  rows.push_back(OverTime("rate_over_sum", "Sum of the range's values, per second of the range."));
  for (const char* comparison : {"gt", "le", "eq"}) {
    const std::string of = std::string("values ") +
                           (*comparison == 'g'   ? "greater than"
                            : *comparison == 'l' ? "less than or equal to"
                                                 : "equal to") +
                           " the limit";
    const auto name = [&](const char* what) { return std::string(what) + "_" + comparison + "_over_time"; };
    rows.push_back(OverTimeWith(name("count"), Scalar("limit"), "How many " + of + " the range has.", "20"));
    rows.push_back(OverTimeWith(name("share"), Scalar("limit"), "Which share of the range is " + of + ", 0 to 1.", "20"));
    rows.push_back(OverTimeWith(name("sum"), Scalar("limit"), "Sum of the range's " + of + ".", "20"));
  }
  rows.push_back(
      OverTimeWith("count_ne_over_time", Scalar("limit"), "How many values other than the limit the range has.", "20"));
}

void AddTimes(std::vector<Function>& rows) {
  rows.push_back(OverTime("tmin_over_time", "When the smallest value was, the last of several, in seconds since 1970."));
  rows.push_back(OverTime("tmax_over_time", "When the largest value was, the last of several, in seconds since 1970."));
  rows.push_back(OverTime("tfirst_over_time", "When the first sample of the range was taken, in seconds since 1970."));
  rows.push_back(OverTime("tlast_over_time", "When the last sample of the range was taken, in seconds since 1970."));
  rows.push_back(OverTime("tlast_change_over_time", "When the value changed last, in seconds since 1970."));
  rows.push_back(OverTimeWith("duration_over_time", {"max_interval", Type::kDuration},
                              "Seconds covered by samples that are at most max_interval apart.", "1m"));
  rows.push_back(OverTime("lifetime", "Seconds between the first and the last sample of the range."));
  rows.push_back(OverTime("lag", "Seconds between the last sample and the end of the range."));
  rows.push_back(OverTime("scrape_interval", "Mean distance of the range's samples, in seconds."));
  rows.push_back(Row("ttf", {Matrix()}, "Seconds until free space is used up, by least squares over the range; at most a year.",
                     "ttf(disk_free_bytes[30m])"));
}

/// As `anchored` ranges: from the last sample before the range, without extrapolation.
void AddPure(std::vector<Function>& rows) {
  const auto pure = [&](const std::string& name, const std::string& description) {
    rows.push_back(Row(name, {Matrix()}, description + ", counted from the last sample before the range: no extrapolation.",
                       name + "(requests_total[5m])"));
  };
  pure("increase_pure", "Increase of a counter over the range");
  pure("rate_pure", "Increase of a counter per second");
  pure("delta_pure", "Difference of a gauge over the range");
  pure("changes_pure", "How often the value changed");
  pure("resets_pure", "How often a counter went down");
}

void AddRollups(std::vector<Function>& rows) {
  rows.push_back(Row("rollup", {Matrix()}, "Smallest, largest and mean value of the range; the label rollup says which.",
                     "rollup(temperature[5m])"));
  rows.push_back(Row("rollup_rate", {Matrix()}, "Smallest, largest and mean growth per second between neighbouring samples.",
                     "rollup_rate(requests_total[5m])"));
  rows.push_back(Row("rollup_increase", {Matrix()},
                     "Smallest, largest and mean growth between neighbouring samples of a counter.",
                     "rollup_increase(requests_total[5m])"));
  rows.push_back(Row("rollup_delta", {Matrix()}, "Smallest, largest and mean difference of neighbouring samples.",
                     "rollup_delta(temperature[5m])"));
  rows.push_back(Row("rollup_deriv", {Matrix()}, "Smallest, largest and mean slope between neighbouring samples, per second.",
                     "rollup_deriv(temperature[5m])"));
  rows.push_back(Row("rollup_candlestick", {Matrix()}, "First, largest, smallest and last value: open, high, low, close.",
                     "rollup_candlestick(temperature[5m])"));
  rows.push_back(Repeating(Row("aggr_over_time", {Matrix(), String("function")},
                               "The functions of a range that are named, each with its name in the label rollup.",
                               "aggr_over_time(temperature[5m], \"min_over_time\", \"max_over_time\")")));
}

void AddRows(std::vector<Function>& rows) {
  const auto whole = [&](const std::string& name, const std::string& description) {
    rows.push_back(Keeping(Row(name, {Vector()}, description, name + "(temperature)")));
  };
  const auto with = [&](const std::string& name, std::vector<Argument> arguments, const std::string& description,
                        const std::string& example) {
    rows.push_back(Keeping(Row(name, std::move(arguments), description, example)));
  };
  whole("range_first", "The first value of the whole graph, at every step.");
  whole("range_last", "The last value of the whole graph, at every step.");
  whole("range_sum", "Sum over the whole graph, at every step.");
  whole("range_avg", "Mean of the whole graph, at every step.");
  whole("range_min", "Smallest value of the whole graph, at every step.");
  whole("range_max", "Largest value of the whole graph, at every step.");
  whole("range_median", "Median of the whole graph, at every step.");
  whole("range_stddev", "Standard deviation over the whole graph, at every step.");
  whole("range_stdvar", "Variance over the whole graph, at every step.");
  whole("range_mad", "Median absolute deviation over the whole graph, at every step.");
  whole("range_zscore", "How many standard deviations each value is above the mean of the whole graph.");
  whole("range_normalize", "The values of each series brought to 0 to 1.");
  whole("range_linear_regression", "The line of least squares through the whole graph.");
  with("range_quantile", {Scalar("phi"), Vector()}, "The phi-quantile over the whole graph, at every step.",
       "range_quantile(0.9, temperature)");
  with("range_trim_outliers", {Scalar("k"), Vector()}, "The values at most k median absolute deviations from the median.",
       "range_trim_outliers(10, temperature)");
  with("range_trim_spikes", {Scalar("phi"), Vector()}, "Without the share phi of the values that is farthest out.",
       "range_trim_spikes(0.05, temperature)");
  with("range_trim_zscore", {Scalar("z"), Vector()}, "The values at most z standard deviations from the mean.",
       "range_trim_zscore(3, temperature)");
  whole("running_sum", "Sum of all values up to each step.");
  whole("running_avg", "Mean of all values up to each step.");
  whole("running_min", "Smallest of all values up to each step.");
  whole("running_max", "Largest of all values up to each step.");
  with("smooth_exponential", {Vector(), Scalar("sf")}, "Moving average whose newest value weighs sf, 0 to 1.",
       "smooth_exponential(temperature, 0.5)");
  whole("keep_last_value", "Gaps filled with the value before them.");
  whole("keep_next_value", "Gaps filled with the value after them.");
  whole("interpolate", "Gaps filled with the line between the values around them.");
  whole("remove_resets", "A counter that goes on where it was reset.");
}

void AddLabelEdits(std::vector<Function>& rows) {
  const auto edit = [&](const std::string& name, std::vector<Argument> arguments, const std::string& description,
                        const std::string& example) {
    arguments.insert(arguments.begin(), Vector());
    rows.push_back(Keeping(Row(name, std::move(arguments), description, example)));
  };
  const auto edit_more = [&](const std::string& name, std::vector<Argument> arguments, const std::string& description,
                             const std::string& example) {
    edit(name, std::move(arguments), description, example);
    rows.back().variadic = true;
  };
  edit("alias", {String("name")}, "v with another metric name.", "alias(up, \"alive\")");
  edit_more("label_set", {String("label"), String("value")}, "v with labels set to values; an empty value removes the label.",
            "label_set(up, \"team\", \"web\", \"env\", \"test\")");
  edit_more("label_del", {String("label")}, "v without the labels named.", "label_del(up, \"job\", \"no_such\")");
  edit_more("label_keep", {String("label")}, "v with only the labels named.", "label_keep(up, \"instance\", \"job\")");
  edit_more("label_copy", {String("src"), String("dst")}, "v with labels copied to others.",
            "label_copy(up, \"instance\", \"host\")");
  edit_more("label_move", {String("src"), String("dst")}, "v with labels renamed.", "label_move(up, \"instance\", \"host\")");
  edit_more("label_map", {String("label"), String("value"), String("new_value")}, "v with a label's values replaced by others.",
            "label_map(up, \"job\", \"api\", \"front end\")");
  edit("label_transform", {String("label"), String("regex"), String("replacement")},
       "v with every match of the regular expression in a label replaced ($1 are groups).",
       "label_transform(up, \"instance\", \":.*\", \"\")");
  edit("label_match", {String("label"), String("regex")}, "The series whose label matches the whole regular expression.",
       "label_match(up, \"instance\", \"a:.*\")");
  edit("label_mismatch", {String("label"), String("regex")}, "The series whose label does not match the regular expression.",
       "label_mismatch(up, \"instance\", \"a:.*\")");
  edit_more("labels_equal", {String("label"), String("other")}, "The series whose labels named have the same value.",
            "labels_equal(up, \"job\", \"job\")");
  edit_more("label_uppercase", {String("label")}, "v with labels in upper case.", "label_uppercase(up, \"job\")");
  edit_more("label_lowercase", {String("label")}, "v with labels in lower case.", "label_lowercase(up, \"job\")");
  rows.push_back(Row("label_value", {Vector(), String("label")}, "The number that a label's value is.",
                     "label_value(build_info, \"version\")"));
  edit("drop_common_labels", {}, "v without the labels that all series have in common.", "drop_common_labels(up)");
  edit_more("sort_by_label_numeric", {String("label")}, "v in order of the numbers in labels: node2 before node10.",
            "sort_by_label_numeric(up, \"instance\")");
  edit_more("sort_by_label_numeric_desc", {String("label")}, "v in reverse order of the numbers in labels.",
            "sort_by_label_numeric_desc(up, \"instance\")");
}

void AddAssorted(std::vector<Function>& rows) {
  rows.push_back(
      Repeating(Keeping(Row("union", {Vector()}, "The series of all arguments; of those with the same labels the first.",
                            "union(up, temperature)"))));
  rows.push_back(Keeping(Row("limit_offset", {Scalar("limit"), Scalar("offset"), Vector()},
                             "limit series of v, after the first offset ones.", "limit_offset(1, 1, up)")));
  rows.push_back(Keeping(
      Row("drop_empty_series", {Vector()}, "v: a series without samples is in no answer anyway.", "drop_empty_series(up)")));
  rows.push_back(Keeping(Row("prometheus_buckets", {Vector("buckets")},
                             "Buckets by the label vmrange as cumulative ones by le, for histogram_quantile and heat maps.",
                             "prometheus_buckets(histogram_over_time(temperature[5m]))")));
  rows.push_back(Row("ru", {Vector("free"), Vector("max")}, "How much of max is used, in percent.", "ru(up * 40, up * 100)"));
  rows.push_back(Row("bitmap_and", {Vector(), Scalar("mask")}, "Bitwise and of v's whole numbers.", "bitmap_and(up * 6, 3)"));
  rows.push_back(Row("bitmap_or", {Vector(), Scalar("mask")}, "Bitwise or of v's whole numbers.", "bitmap_or(up * 6, 1)"));
  rows.push_back(
      Row("bitmap_xor", {Vector(), Scalar("mask")}, "Bitwise exclusive or of v's whole numbers.", "bitmap_xor(up * 6, 3)"));
  rows.push_back(Row("histogram_share", {Scalar("bound"), Vector("buckets")},
                     "The estimated fraction of observations up to bound, 0 to 1.",
                     "histogram_share(0.2, rate(latency_seconds_bucket[5m]))"));
  Function now = Row("now", {}, "The time on the clock, in seconds since 1970.", "now()");
  now.returns = ValueType::kScalar;
  rows.push_back(std::move(now));
  Function zone = Row("timezone_offset", {String("zone")},
                      "How far a zone's local time is ahead of UTC at each step, in seconds, by the system's zone data.",
                      "timezone_offset(\"UTC\")");
  zone.returns = ValueType::kScalar;
  rows.push_back(std::move(zone));
}

/// With a grouping, which stands behind the arguments or before them.
void AddGroups(std::vector<Function>& rows) {
  const auto others = [] {
    Argument argument = String("others");
    argument.optional = true;
    return argument;
  };
  const auto group = [&](const std::string& name, const std::string& description) {
    rows.push_back(Row(name, {Vector()}, description, name + "(temperature + 1) by (room)"));
    rows.back().aggregates = true;
  };
  group("median", "Median of each group, in the unit of v.");
  group("mode", "The value that is most often in each group, the smallest of several.");
  group("mad", "Median absolute deviation of each group, in the unit of v.");
  group("geomean", "Geometric mean of each group, in the unit of v.");
  group("sum2", "Sum of the squares of each group.");
  group("distinct", "How many different values each group has.");
  group("share", "Each value's share of its group's sum, 0 to 1.");
  group("zscore", "How many standard deviations each value is above its group's mean.");
  group("any", "One series of each group.");
  rows.back().keeps_metric_name = true;
  for (const std::string which : {"topk", "bottomk"}) {
    for (const std::string by : {"min", "max", "avg", "median", "last"}) {
      const std::string order = which == "topk" ? "highest" : "lowest";
      const std::string what = by == "min"    ? "smallest value"
                               : by == "max"  ? "largest value"
                               : by == "avg"  ? "mean"
                               : by == "last" ? "last value"
                                              : "median";
      rows.push_back(Keeping(Row(which + "_" + by, {Scalar("k"), Vector(), others()},
                                 "The k series whose " + what + " over the whole graph is " + order +
                                     "; an option such as \"other=rest\" adds the sum of the others with that label.",
                                 which + "_" + by + "(1, up)")));
      rows.back().aggregates = true;
    }
  }
  rows.push_back(Repeating(Row("quantiles", {Vector(), String("label"), Scalar("phi")},
                               "The phi-quantiles over all series, each with its phi in the label named.",
                               "quantiles(\"phi\", 0.5, 0.9, up)")));
  rows.back().aggregates = true;
}

}  // namespace

std::vector<Function> ExtraFunctionRows() {
  std::vector<Function> rows;
  AddStatistics(rows);
  AddTimes(rows);
  AddPure(rows);
  AddRollups(rows);
  AddRows(rows);
  AddLabelEdits(rows);
  AddAssorted(rows);
  AddGroups(rows);
  return rows;
}

}  // namespace auspex::query
