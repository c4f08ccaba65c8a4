// Change points, seasons, decomposition, comparisons and outliers: one step each.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "analytics/change_point.h"
#include "analytics/comparison.h"
#include "analytics/cycle_finder.h"
#include "analytics/decomposition.h"
#include "analytics/outlier_group.h"

namespace auspex::analytics {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kDay = 1440 * kMinute;
constexpr int64_t kStart = 20'300 * kDay;

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "analytics_bench: wrong answer: %s\n", what);
  std::abort();
}

void CountSamples(benchmark::State& state, size_t samples) {
  state.counters["samples/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(samples), benchmark::Counter::kIsRate);
}

std::vector<double> Step(size_t count) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal(100, 1);
  std::vector<double> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = normal(random) + (i >= count * 2 / 3 ? 8 : 0);
  return values;
}

void BM_ChangePoints_Find(benchmark::State& state) {
  const std::vector<double> values = Step(static_cast<size_t>(state.range(0)));
  const LevelChanges found = ChangePoints::Find(values);
  const size_t truth = values.size() * 2 / 3;
  Require(found.changes.size() == 1 && found.changes[0].at + 2 >= truth && found.changes[0].at <= truth + 2, "the step");
  for (auto _ : state) benchmark::DoNotOptimize(ChangePoints::Find(values));
  CountSamples(state, values.size());
}
BENCHMARK(BM_ChangePoints_Find)->Arg(120)->Arg(480)->Arg(1440)->Arg(10'080)->Unit(benchmark::kMicrosecond);

struct Daily {
  std::vector<int64_t> t_ms;
  std::vector<double> values;
};

Daily DailySeason(size_t count, int64_t step_ms) {
  std::mt19937_64 random(2);
  std::normal_distribution<double> normal(0, 3);
  Daily out;
  for (size_t i = 0; i < count; ++i) {
    out.t_ms.push_back(kStart + static_cast<int64_t>(i) * step_ms);
    out.values.push_back(100 + 20 * std::sin(2 * M_PI * static_cast<double>(out.t_ms.back()) / kDay) + normal(random));
  }
  return out;
}

void BM_Cycle_Find(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  const Daily daily = DailySeason(count, 7 * kDay / static_cast<int64_t>(count));
  const auto once = FindCycle(MakeEvenGrid(daily.t_ms, daily.values, kCycleCells));
  Require(once && once->period_ms == kDay, "the day");
  for (auto _ : state) benchmark::DoNotOptimize(FindCycle(MakeEvenGrid(daily.t_ms, daily.values, kCycleCells)));
  CountSamples(state, count);
}
BENCHMARK(BM_Cycle_Find)->Arg(168)->Arg(672)->Arg(2016)->Arg(10'080)->Unit(benchmark::kMicrosecond);

void BM_Decompose(benchmark::State& state) {
  const Daily daily = DailySeason(10'080, kMinute);
  const Parts parts = Decompose(daily.t_ms, daily.values);
  Require(std::abs(parts.trend - 100) < 3 && std::abs(parts.seasonal) < 3, "the parts");
  for (auto _ : state) benchmark::DoNotOptimize(Decompose(daily.t_ms, daily.values));
  CountSamples(state, daily.values.size());
}
BENCHMARK(BM_Decompose)->Unit(benchmark::kMicrosecond);

void BM_KolmogorovSmirnov(benchmark::State& state) {
  const std::vector<double> values = Step(720);
  const std::span<const double> all(values);
  const auto once = KolmogorovSmirnov(all.first(360), all.last(240));
  Require(once && once->distance > 0.99 && once->p < 1e-6, "distance");
  for (auto _ : state) benchmark::DoNotOptimize(KolmogorovSmirnov(all.first(360), all.last(360)));
  CountSamples(state, 720);
}
BENCHMARK(BM_KolmogorovSmirnov)->Unit(benchmark::kMicrosecond);

void BM_Correlate(benchmark::State& state) {
  const auto cells = static_cast<size_t>(state.range(0));
  std::vector<double> a(cells), b(cells);
  for (size_t i = 0; i < cells; ++i) {
    a[i] = std::sin(static_cast<double>(i * i) * 0.01);
    b[i] = std::sin(static_cast<double>((i + 7) * (i + 7)) * 0.01);
  }
  const size_t lags = std::min<size_t>(cells / 4, 128);
  const auto once = Correlate(a, b, lags);
  Require(once && once->lag == 7 && once->r > 0.999, "the lag");
  for (auto _ : state) benchmark::DoNotOptimize(Correlate(a, b, lags));
  CountSamples(state, cells);
}
BENCHMARK(BM_Correlate)->Arg(60)->Arg(512)->Unit(benchmark::kMicrosecond);

template <typename Find>
void RunOutliers(benchmark::State& state, Find find) {
  const auto series = static_cast<size_t>(state.range(0));
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal(10, 0.5);
  std::vector<std::vector<double>> values(series, std::vector<double>(60));
  for (size_t i = 0; i < series; ++i) {
    for (double& x : values[i]) x = normal(random) + (i == 5 ? 20 : 0);
  }
  const std::vector<std::span<const double>> rows(values.begin(), values.end());
  const std::vector<bool> once = find(rows);
  Require(once[5] && std::count(once.begin(), once.end(), true) == 1, "the outlier");
  for (auto _ : state) benchmark::DoNotOptimize(find(rows));
  CountSamples(state, series * 60);
}
void BM_OutsideMad(benchmark::State& state) {
  const double tolerance = 15;
  RunOutliers(state, [&](const auto& rows) { return OutsideMad(rows, {&tolerance, 1}); });
}
void BM_OutsideClusters(benchmark::State& state) {
  RunOutliers(state, [](const auto& rows) { return OutsideClusters(rows, 5); });
}
BENCHMARK(BM_OutsideMad)->Arg(20)->Arg(500)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_OutsideClusters)->Arg(20)->Arg(500)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace auspex::analytics

BENCHMARK_MAIN();
