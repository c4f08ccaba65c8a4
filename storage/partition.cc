#include "partition.h"

#include <algorithm>

namespace auspex::storage {
namespace {

int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

struct Month {
  int64_t year;
  int month;  // 1..12
};

// Days <-> civil calendar: Howard Hinnant, "chrono-compatible low-level date algorithms".
Month MonthOfDay(int64_t day) {
  const int64_t shifted = day + 719'468;  // days since 0000-03-01
  const int64_t era = FloorDiv(shifted, 146'097);
  const int64_t day_of_era = shifted - era * 146'097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const auto march_month = static_cast<int>((5 * day_of_year + 2) / 153);
  const int month = march_month < 10 ? march_month + 3 : march_month - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month};
}

int64_t FirstDayOf(Month m) {
  const int64_t year = m.month <= 2 ? m.year - 1 : m.year;
  const int64_t era = FloorDiv(year, 400);
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (m.month > 2 ? m.month - 3 : m.month + 9) + 2) / 5;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

}  // namespace

Partitioning::Partitioning(int64_t retention_ms)
    : days_(retention_ms > 0 && retention_ms < 310 * kDayMs
                ? static_cast<int32_t>(std::max<int64_t>(1, retention_ms / (10 * kDayMs)))
                : 0) {}

Partition Partitioning::Of(int64_t t_ms) const {
  const int64_t day = FloorDiv(t_ms, kDayMs);
  if (days_ > 0) {
    return {static_cast<int32_t>(FloorDiv(day, days_) * days_), static_cast<uint8_t>(days_)};
  }
  const Month month = MonthOfDay(day);
  const int64_t first = FirstDayOf(month);
  const int64_t next = FirstDayOf(month.month == 12 ? Month{month.year + 1, 1} : Month{month.year, month.month + 1});
  return {static_cast<int32_t>(first), static_cast<uint8_t>(next - first)};
}

}  // namespace auspex::storage
