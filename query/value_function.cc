#include <chrono>
#include <cmath>
#include <numbers>
#include <utility>

#include "op_call.h"

namespace auspex::query {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using std::chrono::year_month_day;

// Seconds are cut off as Go converts a float to an integer; what does not fit is the smallest one. Years beyond what the
// calendar here can hold are kept within it.
sys_seconds TimeOf(double seconds) {
  constexpr double kTwoTo63 = 9223372036854775808.0;
  const int64_t whole = seconds >= -kTwoTo63 && seconds < kTwoTo63 ? static_cast<int64_t>(seconds) : INT64_MIN;
  constexpr int64_t kFarthest = int64_t{1'000'000'000'000};  // about the year 33658
  return sys_seconds(std::chrono::seconds(std::max(-kFarthest, std::min(kFarthest, whole))));
}

year_month_day DateOf(double seconds) { return year_month_day(floor<days>(TimeOf(seconds))); }

double Year(double value, const double*) { return static_cast<double>(static_cast<int>(DateOf(value).year())); }
double Month(double value, const double*) { return static_cast<double>(static_cast<unsigned>(DateOf(value).month())); }
double DayOfMonth(double value, const double*) { return static_cast<double>(static_cast<unsigned>(DateOf(value).day())); }
double DayOfWeek(double value, const double*) {
  return static_cast<double>(std::chrono::weekday(floor<days>(TimeOf(value))).c_encoding());
}
double DayOfYear(double value, const double*) {
  const sys_days day = floor<days>(TimeOf(value));
  const sys_days first = year_month_day(day).year() / std::chrono::January / 1;
  return static_cast<double>((day - first).count() + 1);
}
double DaysInMonth(double value, const double*) {
  const year_month_day date = DateOf(value);
  return static_cast<double>(static_cast<unsigned>((date.year() / date.month() / std::chrono::last).day()));
}
double SecondOfDay(double value) {
  const sys_seconds time = TimeOf(value);
  return static_cast<double>((time - floor<days>(time)).count());
}
double Hour(double value, const double*) { return std::floor(SecondOfDay(value) / 3600); }
double Minute(double value, const double*) { return std::floor(std::fmod(SecondOfDay(value), 3600) / 60); }

// Go's math.Min and math.Max: NaN wins over everything but the infinity asked for.
double Smaller(double a, double b) {
  if (a == -HUGE_VAL || b == -HUGE_VAL) return -HUGE_VAL;
  if (std::isnan(a) || std::isnan(b)) return std::nan("");
  return std::min(a, b);
}
double Larger(double a, double b) {
  if (a == HUGE_VAL || b == HUGE_VAL) return HUGE_VAL;
  if (std::isnan(a) || std::isnan(b)) return std::nan("");
  return std::max(a, b);
}
double ClampBetween(double value, double least, double most) {
  return most < least ? Absent() : Larger(least, Smaller(most, value));
}
double Clamp(double value, const double* scalars) { return ClampBetween(value, scalars[0], scalars[1]); }
double ClampMin(double value, const double* scalars) { return ClampBetween(value, scalars[0], HUGE_VAL); }
double ClampMax(double value, const double* scalars) { return ClampBetween(value, -HUGE_VAL, scalars[0]); }

// Ties go up. Multiplying by the inverse makes fewer errors than dividing.
double Round(double value, const double* scalars) {
  const double inverse = 1.0 / scalars[0];
  return std::floor(value * inverse + 0.5) / inverse;
}

double Sign(double value, const double*) {
  if (value < 0) return -1;
  return value > 0 ? 1 : value;
}

double Radians(double value, const double*) { return value * std::numbers::pi / 180; }
double Degrees(double value, const double*) { return value * 180 / std::numbers::pi; }

template <double (*function)(double)>
double Plain(double value, const double*) {
  return function(value);
}

constexpr std::pair<std::string_view, ValueFunction> kDateFunctions[] = {
    {"year", Year},
    {"month", Month},
    {"day_of_month", DayOfMonth},
    {"day_of_week", DayOfWeek},
    {"day_of_year", DayOfYear},
    {"days_in_month", DaysInMonth},
    {"hour", Hour},
    {"minute", Minute},
};

constexpr std::pair<std::string_view, ValueFunction> kFunctions[] = {
    {"abs", Plain<std::fabs>},
    {"ceil", Plain<std::ceil>},
    {"floor", Plain<std::floor>},
    {"exp", Plain<std::exp>},
    {"sqrt", Plain<std::sqrt>},
    {"ln", Plain<std::log>},
    {"log2", Plain<std::log2>},
    {"log10", Plain<std::log10>},
    {"sin", Plain<std::sin>},
    {"cos", Plain<std::cos>},
    {"tan", Plain<std::tan>},
    {"asin", Plain<std::asin>},
    {"acos", Plain<std::acos>},
    {"atan", Plain<std::atan>},
    {"sinh", Plain<std::sinh>},
    {"cosh", Plain<std::cosh>},
    {"tanh", Plain<std::tanh>},
    {"asinh", Plain<std::asinh>},
    {"acosh", Plain<std::acosh>},
    {"atanh", Plain<std::atanh>},
    {"rad", Radians},
    {"deg", Degrees},
    {"sgn", Sign},
    {"round", Round},
    {"clamp", Clamp},
    {"clamp_min", ClampMin},
    {"clamp_max", ClampMax},
};

}  // namespace

ValueFunction FindValueFunction(std::string_view name) {
  for (const auto& [known, function] : kFunctions) {
    if (known == name) return function;
  }
  for (const auto& [known, function] : kDateFunctions) {
    if (known == name) return function;
  }
  return nullptr;
}

bool IsDateFunction(std::string_view name) {
  for (const auto& [known, function] : kDateFunctions) {
    if (known == name) return true;
  }
  return false;
}

}  // namespace auspex::query
