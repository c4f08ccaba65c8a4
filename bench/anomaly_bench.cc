#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "auspex/analytics/detector.h"
#include "auspex/analytics/forecaster.h"
#include "auspex/analytics/functions.h"

namespace auspex {
namespace {

struct Series {
  std::vector<int64_t> t_ms;
  std::vector<double> values;
};

/// One-minute samples with a day, noise and one spike at three quarters.
Series Daily(size_t count) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal(0, 5);
  Series series;
  for (size_t i = 0; i < count; ++i) {
    series.t_ms.push_back(1'700'006'400'000 + static_cast<int64_t>(i) * 60'000);
    series.values.push_back(200 - 80 * std::cos(2 * M_PI * static_cast<double>(i % 1440) / 1440) + normal(random));
  }
  series.values[count * 3 / 4] += 300;
  return series;
}

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "anomaly_bench: wrong answer: %s\n", what);
  std::abort();
}

/// Every sample of a series through a detector.
void BM_Detector_Step(benchmark::State& state, const std::string& algorithm) {
  const Series series = Daily(static_cast<size_t>(state.range(0)));
  const auto registry = analytics::DetectorRegistry::BuiltIn();
  const auto* row = registry.Find(algorithm);
  {
    const auto detector = row->make({});
    double at_spike = 0;
    for (size_t i = 0; i < series.t_ms.size(); ++i) {
      const double score = detector->Step(series.t_ms[i], series.values[i]).score;
      if (i == series.t_ms.size() * 3 / 4) at_spike = score;
    }
    Require(at_spike > 1, "the spike is not found");
  }
  for (auto _ : state) {
    const auto detector = row->make({});
    double sum = 0;
    for (size_t i = 0; i < series.t_ms.size(); ++i) sum += detector->Step(series.t_ms[i], series.values[i]).score;
    benchmark::DoNotOptimize(sum);
  }
  state.counters["samples/s"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * static_cast<double>(series.t_ms.size()), benchmark::Counter::kIsRate);
}
BENCHMARK_CAPTURE(BM_Detector_Step, auto, std::string("auto")) -> Arg(20'160) -> Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Detector_Step, mad, std::string("mad"))->Arg(20'160)->Unit(benchmark::kMillisecond);

/// anomaly_score(x[1d]) at each of a week's minutes: two passes over every sample.
void BM_AnomalyScore_Range(benchmark::State& state) {
  const Series series = Daily(9 * 1440);
  query::FunctionRegistry registry;
  Require(analytics::RegisterAnalyticsFunctions(registry).ok(), "registration");
  query::RangeCall call;
  call.range_ms = 86'400'000;
  call.types = {query::ValueType::kMatrix};
  call.strings = {""};
  call.numbers = {std::numeric_limits<double>::quiet_NaN()};
  const auto kernel = registry.Find("anomaly_score")->make_range(call);
  Require(kernel.ok(), "kernel");
  query::RangeInput input;
  input.t_ms = series.t_ms;
  input.values = series.values;
  input.range_ms = call.range_ms;
  input.scalars.resize(1);
  input.steps = {.start_ms = series.t_ms[2 * 1440], .step_ms = 60'000, .count = 7 * 1440};
  std::vector<double> out(input.steps.count);
  query::Annotations annotations;
  for (auto _ : state) {
    std::fill(out.begin(), out.end(), query::Absent());
    Require((*kernel)->Evaluate(input, out, annotations).ok(), "evaluate");
    benchmark::DoNotOptimize(out.data());
  }
  Require(out[9 * 1440 * 3 / 4 - 2 * 1440] > 1, "the spike is not found");
  state.counters["steps/s"] = benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(out.size()),
                                                 benchmark::Counter::kIsRate);
}
BENCHMARK(BM_AnomalyScore_Range)->Unit(benchmark::kMillisecond);

/// One fit over a week of minutes with a daily season.
void BM_Forecast_Fit(benchmark::State& state) {
  const Series series = Daily(7 * 1440);
  const auto once = analytics::Forecast::Fit(series.t_ms, series.values, series.t_ms.back(), analytics::Season::kAuto);
  Require(once && once->daily() && std::abs(once->At(43'200) - 280) < 25, "half a day ahead");
  for (auto _ : state) {
    auto forecast = analytics::Forecast::Fit(series.t_ms, series.values, series.t_ms.back(), analytics::Season::kAuto);
    benchmark::DoNotOptimize(forecast);
  }
}
BENCHMARK(BM_Forecast_Fit)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace auspex

BENCHMARK_MAIN();
