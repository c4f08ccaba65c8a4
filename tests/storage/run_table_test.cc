#include "storage/run_table.h"

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "storage/block.h"
#include "tests/support/seed.h"

namespace auspex::storage {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kStartMs = 1'767'225'600'000;

std::vector<int64_t> Every(size_t n, int64_t step_ms, int64_t first_ms = kStartMs) {
  std::vector<int64_t> out(n);
  for (size_t i = 0; i < n; ++i) out[i] = first_ms + static_cast<int64_t>(i) * step_ms;
  return out;
}

RunTable Taken(std::span<const int64_t> t, std::span<const double> values) {
  std::string bytes;
  AppendRuns(bytes, t, values);
  RunTable table;
  if (bytes.empty()) return table;
  ByteReader reader(bytes);
  EXPECT_TRUE(TakeRuns(reader, t.size(), t.front(), t.back(), table));
  EXPECT_TRUE(reader.Done());
  return table;
}

// What the runs say, against a walk over their samples; and that they cover all samples and do not cross a tick.
void ExpectTrue(const RunTable& table, std::span<const int64_t> t, std::span<const double> values, int64_t period_ms) {
  size_t at = 0;
  for (const BlockRun& run : table.runs) {
    SCOPED_TRACE(run.begin);
    ASSERT_EQ(run.begin, at);
    ASSERT_LT(run.begin, run.end);
    ASSERT_LE(run.end, t.size());
    at = run.end;
    EXPECT_EQ(run.summary.t_first_ms, t[run.begin]);
    EXPECT_EQ(run.summary.t_last_ms, t[run.end - 1]);
    EXPECT_EQ(run.summary.count, run.end - run.begin);
    EXPECT_EQ((t[run.begin] - 1) / period_ms, (t[run.end - 1] - 1) / period_ms);
    RunSummary want;
    want.min = std::numeric_limits<double>::infinity();
    want.max = -want.min;
    bool plain = true;
    for (size_t i = run.begin; i < run.end; ++i) {
      plain &= std::isfinite(values[i]) && !(values[i] == 0 && std::signbit(values[i]));
      want.min = std::min(want.min, values[i]);
      want.max = std::max(want.max, values[i]);
      want.sum += values[i];
      if (i > run.begin && values[i] < values[i - 1]) {
        ++want.resets_count;
        want.reset_sum += values[i - 1];
      }
    }
    EXPECT_EQ(run.plain, plain);
    if (!plain) continue;
    EXPECT_EQ(run.summary.min, want.min);
    EXPECT_EQ(run.summary.max, want.max);
    EXPECT_EQ(run.summary.first, values[run.begin]);
    EXPECT_EQ(run.summary.last, values[run.end - 1]);
    EXPECT_EQ(run.summary.sum, table.sums ? want.sum : 0);
    if (table.resets) {
      EXPECT_EQ(run.summary.resets_count, want.resets_count);
      EXPECT_EQ(run.summary.reset_sum, want.reset_sum);
    }
  }
  EXPECT_EQ(at, t.size());
}

TEST(RunTable, CutsOnTheHourWhereASampleComesEveryFifteenSeconds) {
  const std::vector<int64_t> t = Every(4096, 15'000);
  std::vector<double> values(t.size());
  for (size_t i = 0; i < t.size(); ++i) values[i] = static_cast<double>(i % 100) - 20;
  const RunTable table = Taken(t, values);
  ASSERT_EQ(table.runs.size(), 19u);  // the first sample is at a tick, and ends the run before
  EXPECT_EQ(table.runs[0].end, 1u);
  EXPECT_EQ(table.runs[1].end, 241u);
  EXPECT_EQ(table.runs[1].summary.t_last_ms, kStartMs + kHourMs);
  EXPECT_TRUE(table.sums);
  EXPECT_FALSE(table.resets);  // more than one in a run
  ExpectTrue(table, t, values, kHourMs);
}

TEST(RunTable, KnowsTheOneResetOfACounter) {
  const std::vector<int64_t> t = Every(2000, 10'000, kStartMs + 5);
  std::vector<double> values(t.size());
  double total = 1e6;
  for (size_t i = 0; i < t.size(); ++i) values[i] = total = i == 777 ? 3 : total + static_cast<double>(i % 7) / 4;
  const RunTable table = Taken(t, values);
  ASSERT_FALSE(table.runs.empty());
  EXPECT_TRUE(table.resets);
  EXPECT_FALSE(table.sums);
  uint64_t resets = 0;
  for (const BlockRun& run : table.runs) resets += run.summary.resets_count;
  EXPECT_EQ(resets, 1u);
  ExpectTrue(table, t, values, kHourMs);
}

TEST(RunTable, NoRunsWhereTheyDoNotPay) {
  const std::vector<double> few(kRunsFrom - 1, 1.0);
  EXPECT_TRUE(Taken(Every(few.size(), 15'000), few).runs.empty());
  std::vector<double> doubles(500);
  for (size_t i = 0; i < doubles.size(); ++i) doubles[i] = std::sin(static_cast<double>(i));
  EXPECT_TRUE(Taken(Every(500, 15'000), doubles).runs.empty());
  EXPECT_TRUE(Taken(Every(500, 30 * 86'400'000LL), std::vector<double>(500, 2.0)).runs.empty());  // one a month
}

TEST(RunTable, AnyTimesAndAnyDecimalsComeBack) {
  std::mt19937_64 random(testing::TestSeed());
  for (int round = 0; round < 300; ++round) {
    const size_t n = kRunsFrom + random() % 3000;
    std::vector<int64_t> t(n);
    const auto step = static_cast<int64_t>(1 + random() % (random() % 2 == 0 ? 1'000 : 60'000));
    int64_t at = kStartMs + static_cast<int64_t>(random() % 100'000'000);
    const uint64_t gaps = random() % 3;
    for (int64_t& time : t) {
      time = at;
      at += step + static_cast<int64_t>(gaps > 0 ? random() % static_cast<uint64_t>(step) : 0) +
            (gaps > 1 && random() % 500 == 0 ? kHourMs * 30 : 0);
    }
    std::vector<double> values(n);
    const double scale = std::pow(10.0, static_cast<double>(random() % 5));
    const uint64_t shape = random() % 4;
    double level = 0;
    for (double& v : values) {
      level = shape == 0 ? level + static_cast<double>(random() % 50) : static_cast<double>(random() % 2000) - 1000;
      v = level / scale;
      if (v == 0) v = 0;  // no -0.0
      if (shape == 2 && random() % 400 == 0) v = random() % 2 == 0 ? StaleMarker() : -0.0;
      if (shape == 3 && random() % 2000 == 0) v = std::numeric_limits<double>::infinity();
    }
    std::string bytes;
    AppendRuns(bytes, t, values);
    if (bytes.empty()) continue;
    const RunTable table = Taken(t, values);
    size_t period = 0;
    static_cast<void>(MakeRuns(t, values, period));
    constexpr int64_t kPeriods[] = {1'000, 10'000, 60'000, 300'000, 900'000, kHourMs, 6 * kHourMs, 24 * kHourMs, 168 * kHourMs};
    ExpectTrue(table, t, values, kPeriods[period]);
    // Damage gives an answer or an error.
    RunTable damaged;
    for (int flip = 0; flip < 50; ++flip) {
      std::string wrong = bytes;
      wrong[random() % wrong.size()] ^= static_cast<char>(1 << random() % 8);
      ByteReader reader(std::string_view(wrong).substr(0, random() % 4 == 0 ? random() % wrong.size() : wrong.size()));
      if (!TakeRuns(reader, n, t.front(), t.back(), damaged)) continue;
      for (const BlockRun& run : damaged.runs) ASSERT_LE(run.end, n);
    }
  }
}

}  // namespace
}  // namespace auspex::storage
