// The classes of queries that dashboards and alerts ask, over stored and sealed samples: 100 hosts x 10 gauges of integers
// every 10 s, a counter each, 500 histograms of 12 buckets, 100,000 series of one label. In process; the result cache is off
// but for BM_QueryClass_Refresh. Every class compares one point of its answer with a plain computation before it is timed.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include <benchmark/benchmark.h>

#include "auspex/database.h"

namespace auspex {
namespace {

constexpr int64_t kStartMs = 1'762'300'800'000;
constexpr int64_t kIntervalMs = 10'000;
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int kHosts = 100;
constexpr int kFields = 10;
constexpr int kDays = 2;
constexpr int64_t kEndMs = kStartMs + kDays * kDayMs;

// The sample of host h and field f at step i: a walk between 0 and 100 that needs no memory of the steps before.
double Gauge(int h, int f, int64_t i) {
  const double angle = static_cast<double>(i) / (40.0 + 3 * f) + h;
  return std::floor(50 + 45 * std::sin(angle) + static_cast<double>((i * 2654435761LL + h * 40503 + f) % 7));
}
double Counter(int h, int64_t i) { return static_cast<double>(i * (10 + h % 5) + (i * 48271 + h) % 9); }

std::string Field(int f) { return fmt::format("cpu_f{}", f); }

void Append(Database& database, const WriteBatch& batch) {
  if (const auto report = database.Append(batch); !report.ok() || report->rejected > 0) std::abort();
}

void Fill(Database& database) {
  // A day at a time, as the head is flushed and sealed between them.
  for (int day = 0; day < kDays; ++day) {
    for (int h = 0; h < kHosts; ++h) {
      WriteBatch batch;
      const std::string host = fmt::format("host_{}", h);
      const std::string job = fmt::format("job_{}", h % 4);
      for (int f = 0; f <= kFields; ++f) {
        const std::string name = f < kFields ? Field(f) : "requests_total";
        const SeriesRef ref = batch.AddSeries(Labels::Of({{kMetricName, name}, {"host", host}, {"job", job}}));
        for (int64_t i = day * 8640; i < (day + 1) * 8640; ++i) {
          batch.Add(ref, kStartMs + i * kIntervalMs, f < kFields ? Gauge(h, f, i) : Counter(h, i));
        }
      }
      Append(database, batch);
    }
    if (!database.Seal().ok()) std::abort();
  }
  WriteBatch buckets;
  for (int s = 0; s < 500; ++s) {
    for (int b = 0; b < 12; ++b) {
      const std::string le = b == 11 ? "+Inf" : fmt::format("{}", 1 << b);
      const SeriesRef ref =
          buckets.AddSeries(Labels::Of({{kMetricName, "latency_bucket"}, {"s", std::to_string(s)}, {"le", le}}));
      for (int64_t i = 0; i < 360; ++i) buckets.Add(ref, kEndMs - (360 - i) * kIntervalMs, static_cast<double>(i * (b + 1)));
    }
  }
  Append(database, buckets);
  WriteBatch many;
  for (int s = 0; s < 100'000; ++s) {
    const SeriesRef ref = many.AddSeries(Labels::Of({{kMetricName, "pod_up"}, {"pod", fmt::format("pod-{:06}", s)}}));
    many.Add(ref, kEndMs - kIntervalMs, 1);
  }
  Append(database, many);
  if (!database.Seal().ok()) std::abort();
}

Database& Filled() {
  static const std::unique_ptr<Database> database = [] {
    Options options;
    options.in_memory = true;
    auto opened = Database::Open(options);
    if (!opened.ok()) std::abort();
    std::unique_ptr<Database> out = std::move(opened).value();
    Fill(*out);
    return out;
  }();
  return *database;
}

// The values of field f of host h within (t - range, t].
std::vector<double> Window(int h, int f, int64_t t_ms, int64_t range_ms) {
  std::vector<double> out;
  for (int64_t i = std::max<int64_t>(0, (t_ms - range_ms - kStartMs) / kIntervalMs); kStartMs + i * kIntervalMs <= t_ms; ++i) {
    if (kStartMs + i * kIntervalMs > t_ms - range_ms) out.push_back(Gauge(h, f, i));
  }
  return out;
}
double MaxOf(const std::vector<double>& values) { return *std::max_element(values.begin(), values.end()); }
double SumOf(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}
double MeanOf(const std::vector<double>& values) { return SumOf(values) / static_cast<double>(values.size()); }

struct QueryClass {
  const char* name;
  std::string text;
  int64_t start_ms;
  int64_t end_ms;
  int64_t step_ms;  // 0: an instant query at end_ms
  size_t series_count;
  std::function<double(int64_t t_ms)> first;  // of the first point of the series by labels
};

// 9/10 of the samples of a window of a whole number of steps, by the definition.
double Quantile90(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const double rank = 0.9 * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(rank);
  return values[below] + (values[std::min(below + 1, values.size() - 1)] - values[below]) * (rank - std::floor(rank));
}

std::vector<QueryClass> Classes() {
  constexpr int64_t kMinute = 60'000;
  const std::string eight = "host=~\"host_0|host_1|host_2|host_3|host_4|host_5|host_6|host_7\"";
  const std::string all = "__name__=~\"cpu_f.\"";
  const int64_t t = kEndMs - kIntervalMs;
  return {
      {"single-1-1-1", "max_over_time(cpu_f0{host=\"host_0\"}[1m])", t - kHourMs, t, kMinute, 1,
       [](int64_t at) { return MaxOf(Window(0, 0, at, 60'000)); }},
      {"max-5-8-1", "max by (__name__) (last_over_time({" + eight + ",__name__=~\"cpu_f[0-4]\"}[1m]))", t - kHourMs, t, kMinute,
       5,
       [](int64_t at) {
         double most = 0;
         for (int h = 0; h < 8; ++h) most = std::max(most, Window(h, 0, at, 10'000).back());
         return most;
       }},
      {"double-groupby-all", "avg_over_time({" + all + "}[1h])", t - 12 * kHourMs, t, kHourMs, 1000,
       [](int64_t at) { return MeanOf(Window(0, 0, at, kHourMs)); }},
      {"mean-24h", "avg by (host) (avg_over_time({" + all + "}[1h]))", t - 24 * kHourMs, t, kHourMs, 100,
       [](int64_t at) {
         double sum = 0;
         for (int f = 0; f < kFields; ++f) sum += MeanOf(Window(0, f, at, kHourMs));
         return sum / kFields;
       }},
      {"threshold-all", "max_over_time(cpu_f0[1m]) > 90", t - 12 * kHourMs, t, kMinute, 100, {}},
      {"lastpoint", "{" + all + "}", 0, t, 0, 1000, [](int64_t at) { return Window(0, 0, at, 10'000).back(); }},
      {"sum-rate-24h", "sum by (job) (rate(requests_total[5m]))", t - 24 * kHourMs, t, kMinute, 4, {}},
      {"topk", "topk(10, rate(requests_total[5m]))", t - kHourMs, t, kMinute, 20, {}},
      {"histogram-quantile",
       "histogram_quantile(0.9, sum by (s, le) (rate(latency_bucket[5m])))",
       t - kHourMs / 2,
       t,
       kMinute,
       500,
       {}},
      {"quantile-over-time", "quantile_over_time(0.9, cpu_f0[1h])", t - 24 * kHourMs, t, kHourMs / 6, 100,
       [](int64_t at) { return Quantile90(Window(0, 0, at, kHourMs)); }},
      {"regex-100k", "count({pod=~\"pod-0[0-4].*7\"})", 0, t, 0, 1, [](int64_t) { return 5000.0; }},
      {"instant-all", "count({__name__!=\"\"})", 0, t, 0, 1, [](int64_t) { return 107'100.0; }},
      {"count-by-name", "count by (__name__) ({__name__!=\"\"})", 0, t, 0, 13, [](int64_t) { return 100.0; }},
      {"summaries-30d", "max_over_time(cpu_f0[6h])", t - 36 * kHourMs, t, kHourMs, 100,
       [](int64_t at) { return MaxOf(Window(0, 0, at, 6 * kHourMs)); }},
      {"subquery", "max_over_time(avg(cpu_f0)[36h:5m])", t - kHourMs, t, kMinute, 1, {}},
      {"avg-1h-window", "avg(avg_over_time(cpu_f0[1h]))", t - 24 * kHourMs, t, kMinute, 1, {}},
  };
}

void Check(const QueryClass& asked, const query::QueryResult& result) {
  if (result.series.size() != asked.series_count) {
    // topk picks other series at other steps: at most as many as could be.
    if (asked.text.rfind("topk", 0) != 0 || result.series.size() > asked.series_count) {
      std::fprintf(stderr, "%s: expected %zu series, found %zu\n", asked.name, asked.series_count, result.series.size());
      std::abort();
    }
  }
  if (!asked.first) return;
  const auto first = std::min_element(result.series.begin(), result.series.end(),
                                      [](const auto& a, const auto& b) { return a.labels < b.labels; });
  const double want = asked.first(first->t_ms.front());
  const double found = first->values.front();
  if (std::abs(found - want) <= 1e-9 * std::max(1.0, std::abs(want))) return;
  std::fprintf(stderr, "%s: expected %.17g, found %.17g\n", asked.name, want, found);
  std::abort();
}

Result<query::QueryResult> Ask(const QueryClass& asked, int64_t shift_ms, bool use_cache) {
  query::QueryOptions options;
  options.use_cache = use_cache;
  if (asked.step_ms == 0) return Filled().Query(asked.text, asked.end_ms, options);
  return Filled().QueryRange(asked.text, asked.start_ms + shift_ms, asked.end_ms + shift_ms, asked.step_ms, options);
}

void Run(benchmark::State& state, const QueryClass& asked) {
  const auto checked = Ask(asked, 0, false);
  if (!checked.ok()) return state.SkipWithError(checked.status().message().c_str());
  Check(asked, *checked);
  for (auto _ : state) benchmark::DoNotOptimize(Ask(asked, 0, false));
  state.counters["samples"] = static_cast<double>(checked->stats.samples_count);
  state.counters["runs"] = static_cast<double>(checked->stats.runs_count);
}

// The same range query again, one step later each time.
void BM_QueryClass_Refresh(benchmark::State& state) {
  const QueryClass asked{
      "refresh", "sum by (job) (rate(requests_total[5m]))", kEndMs - 26 * kHourMs, kEndMs - 2 * kHourMs, 60'000, 4, {}};
  int64_t shift_ms = 0;
  if (!Ask(asked, shift_ms, true).ok()) return state.SkipWithError("refresh");
  for (auto _ : state) {
    shift_ms = (shift_ms + asked.step_ms) % kHourMs;
    const auto result = Ask(asked, shift_ms, true);
    benchmark::DoNotOptimize(result);
  }
}

}  // namespace
}  // namespace auspex

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const auspex::QueryClass& asked : auspex::Classes()) {
    benchmark::RegisterBenchmark((std::string("BM_QueryClass/") + asked.name).c_str(),
                                 [asked](benchmark::State& state) { auspex::Run(state, asked); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  }
  benchmark::RegisterBenchmark("BM_QueryClass_Refresh", auspex::BM_QueryClass_Refresh)
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
