#include <cmath>
#include <cstdint>
#include <numbers>
#include <utility>

#include "op_call.h"

namespace auspex::query {
namespace {

// Where a time lies in the Gregorian calendar.
struct Date {
  int64_t year;
  int64_t month;       ///< 1..12
  int64_t day;         ///< 1..31
  int64_t day_number;  ///< days since 1970-01-01
};

bool IsLeap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int64_t DaysIn(int64_t year, int64_t month) {
  constexpr int64_t kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeap(year) ? 29 : kDays[month - 1];
}

// Seconds since the start of a year so long ago that the difference is never negative, modulo 2^64. Prometheus answers in
// Go's calendar: a float is cut to an integer, what does not fit (NaN and infinities too) becomes the smallest one, and
// times near the ends of the range wrap around.
constexpr int64_t kSecondsPerDay = 86'400;
constexpr uint64_t kZeroToUnix = 62'135'596'800ULL + 9'223'371'966'579'724'800ULL;

uint64_t SinceZero(double seconds) {
  constexpr double kTwoTo63 = 9223372036854775808.0;
  const int64_t whole = seconds >= -kTwoTo63 && seconds < kTwoTo63 ? static_cast<int64_t>(seconds) : INT64_MIN;
  return static_cast<uint64_t>(whole) + kZeroToUnix;
}

// Source: Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
Date DateOf(double seconds) {
  const auto day_number = static_cast<int64_t>(SinceZero(seconds) / kSecondsPerDay - kZeroToUnix / kSecondsPerDay);
  const int64_t shifted = day_number + 719'468;
  const int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const int64_t day_of_era = shifted - era * 146'097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);  // from March 1
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day_of_year - (153 * shifted_month + 2) / 5 + 1, day_number};
}

double Year(double value, const double*) { return static_cast<double>(DateOf(value).year); }
double Month(double value, const double*) { return static_cast<double>(DateOf(value).month); }
double DayOfMonth(double value, const double*) { return static_cast<double>(DateOf(value).day); }
double DayOfWeek(double value, const double*) {
  // 1970-01-01 was a Thursday; Sunday is 0.
  return static_cast<double>(((DateOf(value).day_number + 4) % 7 + 7) % 7);
}
double DayOfYear(double value, const double*) {
  const Date date = DateOf(value);
  int64_t day = date.day;
  for (int64_t month = 1; month < date.month; ++month) day += DaysIn(date.year, month);
  return static_cast<double>(day);
}
double DaysInMonth(double value, const double*) {
  const Date date = DateOf(value);
  return static_cast<double>(DaysIn(date.year, date.month));
}
double Hour(double value, const double*) { return static_cast<double>(SinceZero(value) % kSecondsPerDay / 3600); }
double Minute(double value, const double*) { return static_cast<double>(SinceZero(value) % 3600 / 60); }

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
