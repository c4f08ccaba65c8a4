// Seasons that are longer than the range: learned from what is stored before it.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <random>

#include "auspex/analytics/functions.h"
#include "auspex/database.h"
#include "auspex/query/engine.h"
#include "auspex/query/time_zone.h"
#include "tests/support/model_store.h"
#include "tests/support/store_compare.h"

namespace auspex {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kStart = 19'670 * kDay;  // a Thursday

/// The value at minute m of day d.
using Shape = std::function<double(int day, int minute)>;

class AnomalySeason : public ::testing::Test {
 protected:
  AnomalySeason() : registry_(query::FunctionRegistry::BuiltIn()) {
    EXPECT_TRUE(analytics::RegisterAnalyticsFunctions(registry_).ok());
  }

  void Store(int days, const Shape& shape) {
    days_ = days;
    const auto ref = store_.Resolve(kDefaultTenant, Labels::Of({{"__name__", "x"}}));
    ASSERT_TRUE(ref.ok());
    WriteBatch batch;
    for (int day = 0; day < days; ++day) {
      for (int minute = 0; minute < 1440; ++minute)
        batch.Add(*ref, kStart + (first_day_ + day) * kDay + minute * kMinute, shape(day, minute));
    }
    ASSERT_TRUE(store_.Append(batch).ok());
  }

  /// Minutes of one day at which `text` has an answer.
  std::vector<int> Alarms(const std::string& text, int day) {
    const query::Engine engine(store_, registry_, {});
    const int64_t begin_ms = kStart + (first_day_ + day) * kDay;
    const auto result = engine.Range(text, begin_ms, begin_ms + kDay - kMinute, kMinute);
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    std::vector<int> out;
    if (!result.ok()) return out;
    for (const auto& series : result->series) {
      for (const int64_t t_ms : series.t_ms) out.push_back(static_cast<int>((t_ms - begin_ms) / kMinute));
    }
    return out;
  }

  testing::ModelStore store_;
  query::FunctionRegistry registry_;
  std::mt19937_64 random_{7};
  std::normal_distribution<double> normal_{0, 1};
  int days_ = 0;
  int64_t first_day_ = 0;  // after kStart
};

TEST_F(AnomalySeason, ADailyBatchJobIsNoAnomalyFromItsFourthDayOn) {
  // From 03:00 to 03:40 every day, some minutes more or less.
  Store(12, [&](int day, int minute) {
    const bool runs = minute >= 180 && minute < 220 + day % 3;
    return 20 + (runs ? 60 : 0) + normal_(random_);
  });
  for (int day = 3; day < days_; ++day) {
    EXPECT_TRUE(Alarms("anomaly(x[1d])", day).empty()) << "day " << day + 1 << ", range 1d";
    EXPECT_TRUE(Alarms("anomaly(x[7d])", day).empty()) << "day " << day + 1 << ", range 7d";
  }
}

TEST_F(AnomalySeason, WhatIsNormalByDayIsAnAnomalyAtNight) {
  const auto by_day = [&](int minute) { return minute >= 8 * 60 && minute < 20 * 60; };
  Store(8, [&](int day, int minute) {
    const bool odd = day == 7 && minute >= 120 && minute < 150;
    return (by_day(minute) || odd ? 100 : 10) + 2 * normal_(random_);
  });
  const std::vector<int> alarms = Alarms("anomaly(x[1d])", 7);
  ASSERT_FALSE(alarms.empty());
  for (const int minute : alarms) EXPECT_TRUE(minute >= 120 && minute < 180) << minute;
  EXPECT_TRUE(Alarms("anomaly(x[1d])", 6).empty());
}

TEST_F(AnomalySeason, AWeekendIsNoAnomalyWhenWeeksAreStored) {
  // Weekends at two fifths. With a range of one day, only what is stored before it can know.
  Store(25, [&](int day, int minute) {
    const bool weekend = (day + 4) % 7 >= 5;
    return (100 - 60 * std::cos(2 * M_PI * minute / 1440)) * (weekend ? 0.4 : 1) + normal_(random_);
  });
  size_t with = 0;
  size_t without = 0;
  for (int day = 22; day < 25; ++day) {
    with += Alarms("anomaly(x[1d])", day).size();
    without += Alarms("anomaly(x[1d], \"history=none\")", day).size();
  }
  EXPECT_EQ(with, 0U);
  EXPECT_GT(without, with);
}

TEST_F(AnomalySeason, InstantAndRangeAgreeWithHistory) {
  Store(12, [&](int, int minute) { return 100 - 60 * std::cos(2 * M_PI * minute / 1440) + 3 * normal_(random_); });
  const query::Engine engine(store_, registry_, {});
  const int64_t begin_ms = kStart + 9 * kDay;
  const auto range = engine.Range("anomaly_upper(x[1d])", begin_ms, begin_ms + 2 * kDay, 97 * kMinute);
  ASSERT_TRUE(range.ok());
  ASSERT_EQ(range->series.size(), 1U);
  for (size_t i = 0; i < range->series[0].t_ms.size(); ++i) {
    const auto instant = engine.Instant("anomaly_upper(x[1d])", range->series[0].t_ms[i]);
    ASSERT_TRUE(instant.ok());
    ASSERT_EQ(instant->series.size(), 1U);
    EXPECT_EQ(instant->series[0].values[0], range->series[0].values[i]) << "bit for bit, step " << i;
  }
}

// Office hours of Berlin, over the change to summer time: in UTC they move by an hour, in local time they do not.
TEST_F(AnomalySeason, DaysBeginAtMidnightOfTheZone) {
  const auto berlin = query::TimeZone::Load("Europe/Berlin");
  ASSERT_TRUE(berlin.ok()) << berlin.status().ToString();
  constexpr int64_t kChangeDay = 20'177 - 19'670;  // 2025-03-30
  first_day_ = kChangeDay - 14;
  Store(20, [&](int day, int minute) {
    const int64_t t_ms = kStart + (first_day_ + day) * kDay + minute * kMinute;
    const int64_t local = (t_ms / kMinute + berlin->OffsetSeconds(t_ms / 1000) / 60) % 1440;
    return (local >= 8 * 60 && local < 18 * 60 ? 200 : 50) + 2 * normal_(random_);
  });
  for (int day = 14; day < 18; ++day) EXPECT_TRUE(Alarms("anomaly(x[1d], \"tz=Europe/Berlin\")", day).empty()) << day;
}

// A late sample may lie in the history of an anchor that a cached state was primed with.
TEST(AnomalySeasonCache, ALateSampleIsSeen) {
  testing::FixedClock clock(kStart);
  const auto open = [&] {
    Options options;
    options.in_memory = true;
    options.clock = &clock;
    return Database::Open(options);
  };
  auto kept = open();
  auto fresh = open();
  ASSERT_TRUE(kept.ok() && fresh.ok());
  const auto write = [&](Database& database, int from, int to, double level) {
    WriteBatch batch;
    const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", "x"}}));
    for (int i = from; i < to; ++i)
      batch.Add(ref, kStart + i * 5 * kMinute, level - 40 * std::cos(2 * M_PI * (i % 288) / 288) + i % 7);
    ASSERT_TRUE(database.Append(batch).ok());
  };
  const int64_t at_ms = kStart + 6 * kDay;
  const auto ask = [&](Database& database) {
    const auto answer = database.Query("anomaly_upper(x[1d])", at_ms);
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    return answer.ok() && !answer->series.empty() ? answer->series[0].values[0] : -1.0;
  };
  clock.Set(at_ms);
  write(**kept, 288, 6 * 288 + 1, 100);
  const double before = ask(**kept);
  EXPECT_EQ(ask(**kept), before) << "from the cache";
  write(**kept, 0, 288, 500);  // a day that arrives late
  write(**fresh, 0, 288, 500);
  write(**fresh, 288, 6 * 288 + 1, 100);
  const double after = ask(**kept);
  EXPECT_EQ(after, ask(**fresh)) << "as if it had never been cached";
}

// What is marked as an incident by an event is not learned from, and still judged.
TEST(AnomalyExclude, AnIncidentIsNotLearned) {
  testing::FixedClock clock(kStart);
  Options options;
  options.in_memory = true;
  options.clock = &clock;
  auto opened = Database::Open(options);
  ASSERT_TRUE(opened.ok());
  Database& database = **opened;
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal(0, 1);
  WriteBatch batch;
  const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", "x"}, {"service", "pay"}}));
  // A day of quiet, twenty minutes of an incident at 140, quiet again, and the same value once more.
  constexpr int kIncident = 1440;
  constexpr int kAgain = kIncident + 600;
  for (int i = 0; i <= kAgain; ++i) {
    const bool odd = (i >= kIncident && i < kIncident + 20) || i == kAgain;
    batch.Add(ref, kStart + i * kMinute, (odd ? 140 : 100) + normal(random));
  }
  ASSERT_TRUE(database.Append(batch).ok());
  const auto score = [&](const std::string& text, int minute) {
    const auto answer = database.Query(text, kStart + minute * kMinute);
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    return answer.ok() && answer->series.size() == 1 ? answer->series[0].values[0] : -1.0;
  };
  const std::string plain = "anomaly_score(x[12h])";
  const std::string excluding = "anomaly_score(x[12h], 'exclude={kind=\"incident\",name=~\"INC.*\"},exclude_for=30m')";
  const double learned = score(plain, kAgain);
  EXPECT_EQ(score(excluding, kAgain), learned) << "no such event yet";
  Event event;
  event.kind = "incident";
  event.name = "INC-7";
  event.t_ms = kStart + kIncident * kMinute;
  event.labels = Labels::Of({{"service", "cart"}});
  ASSERT_TRUE(database.AddEvents({event}).ok());
  EXPECT_EQ(score(excluding, kAgain), learned) << "of another service";
  event.labels = Labels::Of({{"service", "pay"}});
  ASSERT_TRUE(database.AddEvents({event}).ok());
  EXPECT_GT(score(excluding, kAgain), 1.2 * learned) << "as if it were the first time";
  EXPECT_GT(score(excluding, kIncident), 1) << "the incident itself is judged";
  EXPECT_GT(score(excluding, kIncident + 15), 1) << "and, as nothing is learned, to its end";
  EXPECT_EQ(score(plain, kAgain), learned);
}

}  // namespace
}  // namespace auspex
