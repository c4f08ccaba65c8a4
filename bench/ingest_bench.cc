// In-process ingest: samples into the journal and the head, blocks encoded. Each run is checked before it is timed.
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
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
constexpr size_t kSeries = 1'000;
constexpr size_t kBatchSamples = 10'000;

std::vector<Labels> MakeLabels(size_t n) {
  std::vector<Labels> out;
  for (size_t i = 0; i < n; ++i) {
    const std::string host = "host-" + std::to_string(i / 10);
    const std::string cpu = std::to_string(i % 10);
    out.push_back(
        Labels::Of({{"__name__", "cpu_usage"}, {"cpu", cpu}, {"host", host}, {"job", "node"}, {"region", "eu-west-1"}}));
  }
  return out;
}

// A database directory of its own beside the benchmark's, removed at the end.
class BenchStore {
 public:
  BenchStore() : path_(std::filesystem::temp_directory_path() / ("auspex-bench-" + std::to_string(std::random_device()()))) {
    StoreOptions options;
    options.path = path_.string();
    options.memory_budget_bytes = uint64_t{512} << 20;
    store_ = Store::Open(options).value();
  }
  ~BenchStore() {
    store_.reset();
    std::filesystem::remove_all(path_);
  }
  Store& operator*() { return *store_; }
  Store* operator->() { return store_.get(); }

 private:
  std::filesystem::path path_;
  std::unique_ptr<Store> store_;
};

// Every batch holds ten rounds of all series, one round every ten seconds.
void Fill(WriteBatch& batch, const std::vector<SeriesRef>& refs, int64_t& t_ms, std::mt19937_64& random) {
  for (size_t round = 0; round < kBatchSamples / kSeries; ++round, t_ms += 10'000) {
    for (const SeriesRef ref : refs) batch.Add(ref, t_ms, static_cast<double>(random() % 1000) / 10.0);
  }
}

void CheckStored(Store& store, uint64_t samples) {
  const auto selection = store.Select({}).value();
  const auto reader = selection->NewReader();
  SampleColumns columns;
  uint64_t found = 0;
  for (size_t i = 0; i < selection->size(); ++i) {
    AUSPEX_CHECK(reader->Read(i, columns).ok());
    found += columns.t_ms.size();
  }
  AUSPEX_CHECK(found == samples);
}

void BM_Append_ByRef(benchmark::State& state) {
  BenchStore store;
  std::vector<SeriesRef> refs;
  for (const Labels& labels : MakeLabels(kSeries)) refs.push_back(store->Resolve(kDefaultTenant, labels).value());
  std::mt19937_64 random(kSeed);
  int64_t t_ms = 1'767'225'600'000;
  WriteBatch batch;
  Fill(batch, refs, t_ms, random);
  AUSPEX_CHECK(store->Append(batch)->accepted == kBatchSamples);
  CheckStored(*store, kBatchSamples);
  uint64_t samples = 0;
  for (auto _ : state) {
    state.PauseTiming();
    batch.Clear();
    Fill(batch, refs, t_ms, random);
    state.ResumeTiming();
    samples += store->Append(batch)->accepted;
  }
  state.counters["samples/s"] = benchmark::Counter(static_cast<double>(samples), benchmark::Counter::kIsRate);
  CheckStored(*store, samples + kBatchSamples);
}
BENCHMARK(BM_Append_ByRef)->Unit(benchmark::kMicrosecond)->UseRealTime();

void BM_Append_ByLabels(benchmark::State& state) {
  BenchStore store;
  const std::vector<Labels> labels = MakeLabels(kSeries);
  std::mt19937_64 random(kSeed);
  int64_t t_ms = 1'767'225'600'000;
  uint64_t samples = 0;
  WriteBatch batch;
  for (auto _ : state) {
    batch.Clear();
    for (size_t round = 0; round < kBatchSamples / kSeries; ++round, t_ms += 10'000) {
      for (const Labels& each : labels) batch.Add(batch.AddSeries(each), t_ms, static_cast<double>(random() % 1000) / 10.0);
    }
    samples += store->Append(batch)->accepted;
  }
  state.counters["samples/s"] = benchmark::Counter(static_cast<double>(samples), benchmark::Counter::kIsRate);
  CheckStored(*store, samples);
}
BENCHMARK(BM_Append_ByLabels)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
}  // namespace auspex

BENCHMARK_MAIN();
