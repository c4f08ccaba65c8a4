// Reading: blocks decoded, selections scanned. Each answer is compared with what went in before it is timed.
#include <bit>
#include <cmath>
#include <filesystem>
#include <memory>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "auspex/storage/store.h"
#include "storage/block.h"

namespace auspex {
namespace {

constexpr uint64_t kSeed = 42;

std::vector<int64_t> Times(size_t n) {
  std::vector<int64_t> out(n);
  for (size_t i = 0; i < n; ++i) out[i] = 1'767'225'600'000 + static_cast<int64_t>(i) * 10'000;
  return out;
}

// The shapes of the table in the value codec's documentation.
std::vector<double> Values(int shape, size_t n) {
  std::mt19937_64 random(kSeed);
  std::normal_distribution<double> normal;
  std::poisson_distribution<int> poisson(270);
  std::vector<double> out(n);
  double level = 50;
  for (double& v : out) {
    switch (shape) {
      case 0:
        v = std::floor(level = std::clamp(level + normal(random), 0.0, 100.0));
        break;
      case 1:
        v = level += poisson(random);
        break;
      case 2:
        v = std::round((level += normal(random) / 10) * 1000) / 1000;
        break;
      default:
        v = level += normal(random);
        break;
    }
  }
  return out;
}
constexpr const char* kShapes[] = {"integer walk", "counter", "decimals", "doubles"};

void BM_Block_Encode(benchmark::State& state) {
  const auto n = static_cast<size_t>(state.range(1));
  const auto effort = static_cast<storage::Effort>(state.range(2));
  const std::vector<int64_t> t = Times(n);
  const std::vector<double> v = Values(static_cast<int>(state.range(0)), n);
  std::string bytes;
  for (auto _ : state) {
    bytes = storage::EncodeBlock(t, v, effort);
    benchmark::DoNotOptimize(bytes.data());
  }
  state.SetLabel(kShapes[state.range(0)]);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * n));
  state.counters["bits_per_sample"] = static_cast<double>(bytes.size()) * 8 / static_cast<double>(n);
}
BENCHMARK(BM_Block_Encode)->ArgNames({"shape", "samples", "dense"})->ArgsProduct({{0, 1, 2, 3}, {4096}, {0, 1}});

void BM_Block_Decode(benchmark::State& state) {
  const auto n = static_cast<size_t>(state.range(1));
  const std::vector<int64_t> t = Times(n);
  const std::vector<double> v = Values(static_cast<int>(state.range(0)), n);
  const std::string bytes = storage::EncodeBlock(t, v, static_cast<storage::Effort>(state.range(2)));
  storage::BlockScratch scratch;
  SampleColumns columns;
  AUSPEX_CHECK(storage::BlockView::Parse(bytes)->Decode(scratch, columns).ok());
  AUSPEX_CHECK(columns.t_ms == t);
  for (size_t i = 0; i < n; ++i) AUSPEX_CHECK(std::bit_cast<uint64_t>(columns.values[i]) == std::bit_cast<uint64_t>(v[i]));
  for (auto _ : state) {
    const auto view = storage::BlockView::Parse(bytes);
    AUSPEX_CHECK(view->Decode(scratch, columns).ok());
    benchmark::DoNotOptimize(columns.values.data());
  }
  state.SetLabel(kShapes[state.range(0)]);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * n));
  state.counters["bits_per_sample"] = static_cast<double>(bytes.size()) * 8 / static_cast<double>(n);
}
BENCHMARK(BM_Block_Decode)->ArgNames({"shape", "samples", "dense"})->ArgsProduct({{0, 1, 2, 3}, {4096}, {0, 1}});

// 200 series of a day every ten seconds, in cold blocks.
void BM_Select_Scan(benchmark::State& state) {
  constexpr size_t kSeries = 200;
  constexpr size_t kSamples = 8'640;
  StoreOptions options;
  options.in_memory = true;
  const auto store = Store::Open(options).value();
  const std::vector<int64_t> t = Times(kSamples);
  const std::vector<double> v = Values(1, kSamples);
  for (size_t s = 0; s < kSeries; ++s) {
    WriteBatch batch;
    const std::string host = std::to_string(s);
    const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", "requests_total"}, {"host", host}}));
    for (size_t i = 0; i < kSamples; ++i) batch.Add(ref, t[i], v[i]);
    AUSPEX_CHECK(store->Append(batch)->accepted == kSamples);
  }
  AUSPEX_CHECK(store->Seal().ok());
  SelectRequest request;
  request.matchers = {Matcher::Of(Matcher::Op::kEqual, "__name__", "requests_total")};
  SampleColumns columns;
  for (auto _ : state) {
    const auto selection = store->Select(request).value();
    const auto reader = selection->NewReader();
    AUSPEX_CHECK(selection->size() == kSeries);
    for (size_t i = 0; i < selection->size(); ++i) {
      AUSPEX_CHECK(reader->Read(i, columns).ok());
      AUSPEX_CHECK(columns.t_ms.size() == kSamples);
      AUSPEX_CHECK(columns.values.back() == v.back());
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kSeries * kSamples));
}
BENCHMARK(BM_Select_Scan)->Unit(benchmark::kMillisecond);

// Windows of an hour over 30 days of a sample every 15 s: from the summaries of the runs, and from samples. Integers, so that
// sums may come from summaries too.
void BM_Read_HoursOfAMonth(benchmark::State& state) {
  constexpr size_t kSeries = 10;
  constexpr size_t kSamples = 30 * 24 * 240;
  constexpr int64_t kHourMs = 3'600'000;
  StoreOptions options;
  options.in_memory = true;
  const auto store = Store::Open(options).value();
  const std::vector<double> v = Values(0, kSamples);
  std::vector<int64_t> t(kSamples);
  for (size_t i = 0; i < kSamples; ++i) t[i] = 1'767'225'600'000 + static_cast<int64_t>(i) * 15'000;
  for (size_t s = 0; s < kSeries; ++s) {
    WriteBatch batch;
    const std::string host = std::to_string(s);
    const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", "load"}, {"host", host}}));
    for (size_t i = 0; i < kSamples; ++i) batch.Add(ref, t[i], v[i]);
    AUSPEX_CHECK(store->Append(batch)->accepted == kSamples);
  }
  AUSPEX_CHECK(store->Seal().ok());
  std::vector<int64_t> edges;
  for (int64_t at = t.front(); at <= t.back(); at += kHourMs) edges.push_back(at + 1);
  SelectRequest request;
  request.matchers = {Matcher::Of(Matcher::Op::kEqual, "__name__", "load")};
  const auto selection = store->Select(request).value();
  const auto reader = selection->NewReader();
  const bool summarized = state.range(0) == 1;
  SampleColumns samples;
  SummarizedColumns columns;
  for (auto _ : state) {
    for (size_t i = 0; i < kSeries; ++i) {
      double sum = 0;
      if (summarized) {
        AUSPEX_CHECK(reader->ReadSummarized(i, {.edges = edges, .sums = true}, columns).ok());
        for (const RunSummary& run : columns.runs) sum += run.sum;
        for (const double value : columns.samples.values) sum += value;
      } else {
        AUSPEX_CHECK(reader->Read(i, samples).ok());
        for (const double value : samples.values) sum += value;
      }
      benchmark::DoNotOptimize(sum);
    }
  }
  double want = 0;
  for (const double value : v) want += value;
  double got = 0;
  AUSPEX_CHECK(reader->ReadSummarized(0, {.edges = edges, .sums = true}, columns).ok());
  for (const RunSummary& run : columns.runs) got += run.sum;
  for (const double value : columns.samples.values) got += value;
  AUSPEX_CHECK(got == want);
  state.SetLabel(summarized ? "summaries" : "samples");
  state.counters["samples_decoded"] = static_cast<double>(summarized ? columns.samples.t_ms.size() : kSamples);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kSeries * kSamples));
}
BENCHMARK(BM_Read_HoursOfAMonth)->ArgName("summarized")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace auspex

BENCHMARK_MAIN();
