// What the naive evaluator does with numbers, each as its definition reads.

#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>
#include <set>

#include "tests/support/naive_evaluator.h"

namespace auspex::testing {
namespace {

using query::AggregateOp;
using query::BinaryOp;

const double kNan = std::nan("");

double Sum(const std::vector<double>& values) {
  long double sum = 0;
  for (const double value : values) sum += value;
  return static_cast<double>(sum);
}

double Mean(const std::vector<double>& values) { return Sum(values) / static_cast<double>(values.size()); }

double Variance(const std::vector<double>& values) {
  long double mean = 0;
  for (const double value : values) mean += value;
  mean /= static_cast<long double>(values.size());
  long double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return static_cast<double>(squares / static_cast<long double>(values.size()));
}

// NaN counts only where there is nothing else.
size_t ExtremeIndex(const std::vector<double>& values, bool largest, bool last) {
  size_t best = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const bool better = largest ? values[i] > values[best] : values[i] < values[best];
    if (better || std::isnan(values[best]) || (last && values[i] == values[best])) best = i;
  }
  return best;
}

std::tm Calendar(double seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm out{};
  gmtime_r(&time, &out);
  return out;
}

double DaysInMonth(const std::tm& date) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const int year = date.tm_year + 1900;
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return kDays[date.tm_mon] + (leap && date.tm_mon == 1 ? 1 : 0);
}

std::optional<double> Date(const std::string& function, double value) {
  const std::tm date = Calendar(value);
  if (function == "year") return date.tm_year + 1900;
  if (function == "month") return date.tm_mon + 1;
  if (function == "day_of_month") return date.tm_mday;
  if (function == "day_of_week") return date.tm_wday;
  if (function == "day_of_year") return date.tm_yday + 1;
  if (function == "days_in_month") return DaysInMonth(date);
  if (function == "hour") return date.tm_hour;
  if (function == "minute") return date.tm_min;
  return std::nullopt;
}

// rate, increase and delta, as Prometheus' documentation tells it: the slope between the first and the last sample,
// extended to the edges of the window where samples lie near them.
double Extrapolate(const std::string& function, const std::vector<NaivePoint>& points, int64_t begin_ms, int64_t end_ms) {
  double difference = points.back().value - points.front().value;
  const bool counter = function != "delta";
  for (size_t i = 1; counter && i < points.size(); ++i) {
    if (points[i].value < points[i - 1].value) difference += points[i - 1].value;
  }
  const double sampled = static_cast<double>(points.back().t_ms - points.front().t_ms) / 1000;
  const double interval = sampled / static_cast<double>(points.size() - 1);
  double to_start = static_cast<double>(points.front().t_ms - begin_ms) / 1000;
  double to_end = static_cast<double>(end_ms - points.back().t_ms) / 1000;
  if (to_start >= interval * 1.1) to_start = interval / 2;
  if (to_end >= interval * 1.1) to_end = interval / 2;
  if (counter && difference > 0 && points.front().value >= 0) {
    to_start = std::min(to_start, sampled * (points.front().value / difference));
  }
  const double extended = difference * ((sampled + to_start + to_end) / sampled);
  return function == "rate" ? extended / (static_cast<double>(end_ms - begin_ms) / 1000) : extended;
}

std::pair<double, double> SlopeAndValue(const std::vector<NaivePoint>& points, int64_t origin_ms) {
  const auto value_is_first = [&](const NaivePoint& point) { return point.value == points[0].value; };
  if (std::all_of(points.begin(), points.end(), value_is_first)) {
    return std::isinf(points[0].value) ? std::pair(kNan, kNan) : std::pair(0.0, points[0].value);
  }
  long double x = 0, y = 0, xy = 0, xx = 0;
  for (const NaivePoint& point : points) {
    const long double at = static_cast<long double>(point.t_ms - origin_ms) / 1000;
    x += at;
    y += point.value;
    xy += at * point.value;
    xx += at * at;
  }
  const auto n = static_cast<long double>(points.size());
  const long double slope = (xy - x * y / n) / (xx - x * x / n);
  return {static_cast<double>(slope), static_cast<double>(y / n - slope * x / n)};
}

double SmoothTwice(const std::vector<NaivePoint>& points, double smoothing, double trend_factor) {
  double level = points[0].value;
  double before = 0;
  double trend = points[1].value - points[0].value;
  for (size_t i = 1; i < points.size(); ++i) {
    if (i > 1) trend = trend_factor * (level - before) + (1 - trend_factor) * trend;
    const double next = smoothing * points[i].value + (1 - smoothing) * (level + trend);
    before = level;
    level = next;
  }
  return level;
}

}  // namespace

double NaiveOperate(BinaryOp op, double left, double right) {
  switch (op) {
    case BinaryOp::kAdd:
      return left + right;
    case BinaryOp::kSub:
      return left - right;
    case BinaryOp::kMul:
      return left * right;
    case BinaryOp::kDiv:
      return left / right;
    case BinaryOp::kMod:
      return std::fmod(left, right);
    case BinaryOp::kPow:
      return std::pow(left, right);
    case BinaryOp::kAtan2:
      return std::atan2(left, right);
    case BinaryOp::kEqual:
      return left == right;
    case BinaryOp::kNotEqual:
      return left != right;
    case BinaryOp::kGreater:
      return left > right;
    case BinaryOp::kLess:
      return left < right;
    case BinaryOp::kGreaterEqual:
      return left >= right;
    case BinaryOp::kLessEqual:
      return left <= right;
    default:
      return kNan;
  }
}

double NaiveQuantile(double q, std::vector<double> values) {
  if (values.empty() || std::isnan(q)) return kNan;
  if (q < 0) return -HUGE_VAL;
  if (q > 1) return HUGE_VAL;
  std::sort(values.begin(), values.end(), [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; });
  const double rank = q * (static_cast<double>(values.size()) - 1);
  const auto lower = static_cast<size_t>(std::max(0.0, std::floor(rank)));
  const size_t upper = std::min(values.size() - 1, lower + 1);
  const double weight = rank - std::floor(rank);
  return values[lower] * (1 - weight) + values[upper] * weight;
}

double NaiveReduce(AggregateOp op, std::vector<double> values, double parameter) {
  switch (op) {
    case AggregateOp::kSum:
      return Sum(values);
    case AggregateOp::kAvg:
      return Mean(values);
    case AggregateOp::kCount:
    case AggregateOp::kCountValues:
      return static_cast<double>(values.size());
    case AggregateOp::kMin:
      return values[ExtremeIndex(values, false, false)];
    case AggregateOp::kMax:
      return values[ExtremeIndex(values, true, false)];
    case AggregateOp::kGroup:
      return 1;
    case AggregateOp::kStddev:
      return std::sqrt(Variance(values));
    case AggregateOp::kStdvar:
      return Variance(values);
    case AggregateOp::kQuantile:
      return NaiveQuantile(parameter, values);
    default:
      return kNan;
  }
}

std::optional<double> NaiveMap(const std::string& function, double value, const std::vector<double>& scalars) {
  static const std::map<std::string, double (*)(double)> plain = {
      {"abs", std::fabs},  {"ceil", std::ceil}, {"floor", std::floor}, {"exp", std::exp},     {"sqrt", std::sqrt},
      {"ln", std::log},    {"log2", std::log2}, {"log10", std::log10}, {"sin", std::sin},     {"cos", std::cos},
      {"tan", std::tan},   {"asin", std::asin}, {"acos", std::acos},   {"atan", std::atan},   {"sinh", std::sinh},
      {"cosh", std::cosh}, {"tanh", std::tanh}, {"asinh", std::asinh}, {"acosh", std::acosh}, {"atanh", std::atanh},
  };
  if (const auto found = plain.find(function); found != plain.end()) return found->second(value);
  if (const auto date = Date(function, value)) return date;
  if (function == "sgn") return value < 0 ? -1 : value > 0 ? 1 : value;
  if (function == "deg") return value * 180 / std::acos(-1.0);
  if (function == "rad") return value * std::acos(-1.0) / 180;
  if (function == "round") {
    const double inverse = 1 / (scalars.empty() ? 1 : scalars[0]);
    return std::floor(value * inverse + 0.5) / inverse;
  }
  const double least = function == "clamp" || function == "clamp_min" ? scalars[0] : -HUGE_VAL;
  const double most = function == "clamp" ? scalars[1] : function == "clamp_max" ? scalars[0] : HUGE_VAL;
  if (most < least) return std::nullopt;
  // NaN wins over every number but the infinity that is looked for.
  const auto lesser = [](double a, double b) {
    if (a == -HUGE_VAL || b == -HUGE_VAL) return -HUGE_VAL;
    return std::isnan(a) || std::isnan(b) ? kNan : std::min(a, b);
  };
  return -lesser(-least, -lesser(most, value));
}

std::optional<double> NaiveOverTime(const std::string& function, const std::vector<NaivePoint>& points, int64_t begin_ms,
                                    int64_t end_ms, int64_t eval_ms, const std::vector<double>& scalars) {
  std::vector<double> values;
  for (const NaivePoint& point : points) values.push_back(point.value);
  const auto seconds_of = [&](size_t i) { return static_cast<double>(points[i].t_ms) / 1000; };
  if (function == "sum_over_time") return Sum(values);
  if (function == "avg_over_time") return Mean(values);
  if (function == "count_over_time") return static_cast<double>(values.size());
  if (function == "min_over_time") return values[ExtremeIndex(values, false, false)];
  if (function == "max_over_time") return values[ExtremeIndex(values, true, false)];
  if (function == "stddev_over_time") return std::sqrt(Variance(values));
  if (function == "stdvar_over_time") return Variance(values);
  if (function == "quantile_over_time") return NaiveQuantile(scalars[0], values);
  if (function == "present_over_time") return 1;
  if (function == "first_over_time") return values.front();
  if (function == "last_over_time") return values.back();
  if (function == "ts_of_first_over_time") return seconds_of(0);
  if (function == "ts_of_last_over_time") return seconds_of(points.size() - 1);
  if (function == "ts_of_min_over_time") return seconds_of(ExtremeIndex(values, false, true));
  if (function == "ts_of_max_over_time") return seconds_of(ExtremeIndex(values, true, true));
  if (function == "mad_over_time") {
    const double median = NaiveQuantile(0.5, values);
    for (double& value : values) value = std::abs(value - median);
    return NaiveQuantile(0.5, values);
  }
  double transitions = 0;
  for (size_t i = 1; i < values.size(); ++i) {
    const bool both_nan = std::isnan(values[i]) && std::isnan(values[i - 1]);
    if (function == "resets" ? values[i] < values[i - 1] : values[i] != values[i - 1] && !both_nan) ++transitions;
  }
  if (function == "resets" || function == "changes") return transitions;
  if (points.size() < 2) return std::nullopt;
  if (function == "rate" || function == "increase" || function == "delta") {
    return Extrapolate(function, points, begin_ms, end_ms);
  }
  const double last = values[values.size() - 1];
  const double before = values[values.size() - 2];
  if (function == "idelta") return last - before;
  if (function == "irate")
    return (last < before ? last : last - before) / (seconds_of(points.size() - 1) - seconds_of(points.size() - 2));
  if (function == "deriv") return SlopeAndValue(points, points[0].t_ms).first;
  if (function == "predict_linear") {
    const auto [slope, value] = SlopeAndValue(points, eval_ms);
    return slope * scalars[0] + value;
  }
  AUSPEX_CHECK(function == "double_exponential_smoothing");
  return SmoothTwice(points, scalars[0], scalars[1]);
}

}  // namespace auspex::testing
