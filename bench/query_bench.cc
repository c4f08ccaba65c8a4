// Queries over 1000 counters, one day at a sample per 15 s, in memory and decoded: what the engine itself costs.
// Every query's answer is compared with a plain computation before it is timed.
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <benchmark/benchmark.h>

#include "auspex/query/engine.h"

namespace auspex {
namespace {

constexpr int64_t kStartMs = 1'700'000'000'000;
constexpr int64_t kIntervalMs = 15'000;
constexpr int64_t kStepMs = 60'000;
constexpr int64_t kDayMs = 86'400'000;
constexpr size_t kSamples = kDayMs / kIntervalMs;

// Series in memory, decoded: only select and read.
class ColumnStore final : public SeriesStore, public Selection {
 public:
  explicit ColumnStore(size_t series_count) {
    uint64_t random = 1;
    for (size_t s = 0; s < series_count; ++s) {
      const std::string instance = fmt::format("host-{:04}", s);
      const std::string job = s % 4 == 0 ? "api" : "web";
      labels_.push_back(Labels::Of({{kMetricName, "requests_total"}, {"instance", instance}, {"job", job}}));
      SampleColumns columns;
      double counter = 0;
      for (size_t i = 0; i < kSamples; ++i) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        counter += static_cast<double>(random >> 56);
        if (random >> 52 == 1) counter = 0;
        columns.t_ms.push_back(kStartMs + static_cast<int64_t>(i) * kIntervalMs + static_cast<int64_t>(s % 15) * 1000);
        columns.values.push_back(counter);
      }
      columns_.push_back(std::move(columns));
    }
  }
  const SampleColumns& columns(size_t index) const { return columns_[index]; }

  Result<SeriesRef> Resolve(TenantId, const Labels&) override { return Unsupported("bench: read only"); }
  Result<AppendReport> Append(const WriteBatch&) override { return Unsupported("bench: read only"); }
  Result<std::unique_ptr<Selection>> Select(const SelectRequest&) const override {
    return std::unique_ptr<Selection>(std::make_unique<View>(*this));
  }
  Result<std::vector<std::string>> LabelNames(const SelectRequest&, size_t) const override {
    return std::vector<std::string>();
  }
  Result<std::vector<std::string>> LabelValues(std::string_view, const SelectRequest&, size_t) const override {
    return std::vector<std::string>();
  }
  Result<std::vector<Labels>> Series(const SelectRequest&, size_t) const override { return std::vector<Labels>(); }

  size_t size() const override { return labels_.size(); }
  Labels labels(size_t index) const override { return labels_[index]; }
  std::unique_ptr<SeriesReader> NewReader() const override { return std::make_unique<Reader>(*this); }

 private:
  struct Reader final : SeriesReader {
    explicit Reader(const ColumnStore& from) : store(from) {}
    Status Read(size_t index, SampleColumns& out) override {
      out.t_ms.assign(store.columns_[index].t_ms.begin(), store.columns_[index].t_ms.end());
      out.values.assign(store.columns_[index].values.begin(), store.columns_[index].values.end());
      return OkStatus();
    }
    const ColumnStore& store;
  };
  struct View final : Selection {
    explicit View(const ColumnStore& from) : store(from) {}
    size_t size() const override { return store.size(); }
    Labels labels(size_t index) const override { return store.labels(index); }
    std::unique_ptr<SeriesReader> NewReader() const override { return store.NewReader(); }
    const ColumnStore& store;
  };

  std::vector<Labels> labels_;
  std::vector<SampleColumns> columns_;
};

const ColumnStore& Store() {
  static const ColumnStore store(1000);
  return store;
}

// rate over (t - 5m, t] of one series, by the definition.
double PlainRate(const SampleColumns& columns, int64_t t_ms) {
  constexpr int64_t kRangeMs = 300'000;
  std::vector<size_t> in;
  for (size_t i = 0; i < columns.t_ms.size(); ++i) {
    if (columns.t_ms[i] > t_ms - kRangeMs && columns.t_ms[i] <= t_ms) in.push_back(i);
  }
  if (in.size() < 2) return std::nan("");
  double increase = columns.values[in.back()] - columns.values[in.front()];
  for (size_t k = 1; k < in.size(); ++k) {
    if (columns.values[in[k]] < columns.values[in[k - 1]]) increase += columns.values[in[k - 1]];
  }
  const double sampled = static_cast<double>(columns.t_ms[in.back()] - columns.t_ms[in.front()]) / 1000;
  const double interval = sampled / static_cast<double>(in.size() - 1);
  double start = static_cast<double>(columns.t_ms[in.front()] - (t_ms - kRangeMs)) / 1000;
  double end = static_cast<double>(t_ms - columns.t_ms[in.back()]) / 1000;
  if (start >= interval * 1.1) start = interval / 2;
  if (increase > 0) start = std::min(start, sampled * columns.values[in.front()] / increase);
  if (end >= interval * 1.1) end = interval / 2;
  return increase * (sampled + start + end) / sampled / 300;
}

void CheckSumOfRates(const query::QueryResult& result) {
  const int64_t t_ms = kStartMs + 3'600'000;
  double want = 0;
  for (size_t s = 0; s < Store().size(); ++s) want += PlainRate(Store().columns(s), t_ms);
  for (size_t i = 0; i < result.series.at(0).t_ms.size(); ++i) {
    if (result.series[0].t_ms[i] != t_ms) continue;
    if (std::abs(result.series[0].values[i] - want) <= 1e-9 * want) return;
    std::fprintf(stderr, "sum(rate): expected %.17g, found %.17g\n", want, result.series[0].values[i]);
  }
  std::abort();
}

void RunQuery(benchmark::State& state, const char* text, bool check) {
  const query::FunctionRegistry registry = query::FunctionRegistry::BuiltIn();
  query::EngineOptions options;
  options.threads = static_cast<int>(state.range(0));
  const query::Engine engine(Store(), registry, options);
  uint64_t samples_count = 0;
  for (auto _ : state) {
    const Result<query::QueryResult> result = engine.Range(text, kStartMs, kStartMs + kDayMs - kStepMs, kStepMs);
    if (!result.ok()) {
      state.SkipWithError(result.status().message().c_str());
      return;
    }
    if (check && samples_count == 0) CheckSumOfRates(*result);
    samples_count = result->stats.samples_count;
  }
  state.counters["samples/s"] =
      benchmark::Counter(static_cast<double>(samples_count), benchmark::Counter::kIsIterationInvariantRate);
}

void BM_Query_SumRate(benchmark::State& state) { RunQuery(state, "sum(rate(requests_total[5m]))", true); }
void BM_Query_SumByRate(benchmark::State& state) { RunQuery(state, "sum by (job) (rate(requests_total[5m]))", false); }
void BM_Query_SumSelector(benchmark::State& state) { RunQuery(state, "sum(requests_total)", false); }
void BM_Query_MaxOverTime(benchmark::State& state) { RunQuery(state, "max(max_over_time(requests_total[1h]))", false); }
void BM_Query_AvgOverTime(benchmark::State& state) { RunQuery(state, "avg(avg_over_time(requests_total[1h]))", false); }
void BM_Query_Ratio(benchmark::State& state) {
  RunQuery(state, "sum by (job) (rate(requests_total[5m])) / on (job) count by (job) (requests_total)", false);
}

BENCHMARK(BM_Query_SumRate)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Query_SumByRate)->ArgName("threads")->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Query_SumSelector)->ArgName("threads")->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Query_MaxOverTime)->ArgName("threads")->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Query_AvgOverTime)->ArgName("threads")->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Query_Ratio)->ArgName("threads")->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace auspex

BENCHMARK_MAIN();
