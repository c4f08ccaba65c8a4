// Anomaly scores through the whole database: a week of minutes of 1,000 series as one range query, beside the z-score that
// PromQL alone can say, and ticks of a continuous query over 10,000 series with a day of history.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "auspex/database.h"

namespace auspex {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kDay = 1440 * kMinute;
constexpr int64_t kStart = 19'700 * kDay;

void Require(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "anomaly_query_bench: %s\n", what.c_str());
  std::abort();
}

/// The bench moves it.
class BenchClock final : public Clock {
 public:
  int64_t NowMs() const override { return now_ms; }
  int64_t MonotonicNs() const override { return System().MonotonicNs(); }
  int64_t now_ms = kStart;
};

/// `series` series with a day and noise, one-minute samples; the last has one spike at `spike`.
void Write(Database& database, int series, int first, int count, int spike) {
  std::mt19937_64 random(static_cast<uint64_t>(first) + 1);
  std::normal_distribution<double> normal(0, 5);
  for (int s = 0; s < series; ++s) {
    WriteBatch batch;
    const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", "x"}, {"series", std::to_string(s)}}));
    for (int i = first; i < first + count; ++i) {
      const double phase = 2 * M_PI * ((i + s) % 1440) / 1440;
      const double x = 200 - 80 * std::cos(phase) + std::round(normal(random) * 8) / 8;
      batch.Add(ref, kStart + i * kMinute, x + (s + 1 == series && i == spike ? 300 : 0));
    }
    const auto report = database.Append(batch);
    Require(report.ok() && report->rejected == 0, "append");
  }
}

std::unique_ptr<Database> Open(const BenchClock& clock) {
  Options options;
  options.in_memory = true;
  options.clock = &clock;
  options.memory_budget_bytes = uint64_t{4} << 30;  // a week of z-scores is three columns of 10 million values
  auto opened = Database::Open(options);
  Require(opened.ok(), opened.ok() ? "" : opened.status().ToString());
  return *std::move(opened);
}

constexpr int kQueryDays = 9;  // a week after two days to learn from

void RunRange(benchmark::State& state, const std::string& expr, bool finds_spike) {
  const int series = static_cast<int>(state.range(0));
  BenchClock clock;
  clock.now_ms = kStart + kQueryDays * kDay;
  const auto opened = Open(clock);
  Database& database = *opened;
  Write(database, series, 0, kQueryDays * 1440, 7 * 1440);
  Require(database.Flush().ok(), "flush");
  for (auto _ : state) {
    const int64_t begin_ms = kStart + 2 * kDay;
    const auto answer = database.QueryRange("count(" + expr + ")", begin_ms, begin_ms + 7 * kDay - kMinute, kMinute);
    Require(answer.ok(), answer.ok() ? "" : answer.status().ToString());
    Require(answer->series.size() == 1, "one series");
    for (const double count : answer->series[0].values) Require(count == series, "every series has an answer");
    const size_t points = answer->series[0].values.size();
    Require(points == 7 * 1440, "a week of answers");
  }
  const auto spike = database.Query(expr + " > 1", kStart + 7 * kDay);
  Require(spike.ok(), "spike");
  if (finds_spike) Require(spike->series.size() == 1, "the spike is found, and nothing else");
  state.counters["scores/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * series * 7 * 1440, benchmark::Counter::kIsRate);
}

void BM_AnomalyScore_Week(benchmark::State& state) { RunRange(state, "anomaly_score(x[1d])", true); }
BENCHMARK(BM_AnomalyScore_Week)->Arg(1000)->Unit(benchmark::kMillisecond)->Iterations(1)->UseRealTime();

void BM_PromqlZScore_Week(benchmark::State& state) {
  RunRange(state, "(abs(x - avg_over_time(x[1d])) / stddev_over_time(x[1d]) / 3)", false);
}
BENCHMARK(BM_PromqlZScore_Week)->Arg(1000)->Unit(benchmark::kMillisecond)->Iterations(1)->UseRealTime();

/// The first tick after a restart, then one a minute.
void BM_Tick(benchmark::State& state) {
  const int series = static_cast<int>(state.range(0));
  BenchClock clock;
  clock.now_ms = kStart + kDay;
  const auto database = Open(clock);
  Write(*database, series, 0, 1440, -1);
  Require(database->PutRuleGroups("groups: [{name: g, interval: 1m, rules: [{insight: A, expr: 'anomaly(x[1d])'}]}]").ok(),
          "rule");
  const auto tick = [&](int minute) {
    clock.now_ms = kStart + kDay + minute * kMinute;
    const int64_t begin_ns = clock.MonotonicNs();
    const auto report = database->Tick(clock.now_ms);
    Require(report.ok() && report->rules_failed == 0 && report->rules_evaluated == 1, "tick");
    return static_cast<double>(clock.MonotonicNs() - begin_ns) * 1e-9;
  };
  double first = 0;
  double warm = 0;
  for (auto _ : state) {
    first = tick(0);
    for (int minute = 1; minute <= 3; ++minute) {
      Write(*database, series, 1440 + minute - 1, 1, minute == 3 ? 1440 + 2 : -1);
      warm = tick(minute);
    }
  }
  const auto insights = database->Insights({});
  Require(insights.ok() && insights->size() == 1, "one insight, of the series with a spike");
  state.counters["first_tick_s"] = first;
  state.counters["warm_tick_s"] = warm;
}
BENCHMARK(BM_Tick)->Arg(1000)->Arg(10'000)->Unit(benchmark::kMillisecond)->Iterations(1)->UseRealTime();

}  // namespace
}  // namespace auspex

BENCHMARK_MAIN();
