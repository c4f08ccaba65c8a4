// Writers, readers and maintenance at once: batches are seen whole, nothing is lost, memory stays within its budget.
#include <atomic>
#include <cmath>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "tests/support/temp_dir.h"

namespace auspex {
namespace {

constexpr int kWriters = 2;
constexpr int kSeries = 20;

TEST(StoreConcurrency, BatchesAreWholeWhileTheHeadIsFlushedAndSealed) {
  const testing::TempDir dir;
  StoreOptions options;
  options.path = dir / "db";
  options.memory_budget_bytes = uint64_t{64} << 20;
  auto store = Store::Open(options).value();
  constexpr int kBatches = 60;
  std::atomic<int> writing{kWriters};
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      WriteBatch batch;
      const std::string writer = std::to_string(w);
      for (int k = 0; k < kBatches; ++k) {
        batch.Clear();
        for (int s = 0; s < kSeries; ++s) {
          const std::string name = std::to_string(s);
          const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", "n"}, {"s", name}, {"w", writer}}));
          for (int i = 0; i < 200; ++i) batch.Add(ref, (k * 200 + i) * 1000, k);
        }
        const auto report = store->Append(batch);
        ASSERT_TRUE(report.ok()) << report.status().ToString();
      }
      --writing;
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; writing > 0; ++i) ASSERT_TRUE((i % 3 == 0 ? store->Seal() : store->Flush()).ok());
  });
  const auto check = [&] {
    for (int w = 0; w < kWriters; ++w) {
      SelectRequest request;
      request.matchers = {Matcher::Of(Matcher::Op::kEqual, "w", std::to_string(w))};
      const auto selection = store->Select(request).value();
      const auto reader = selection->NewReader();
      SampleColumns columns;
      size_t count = 0;
      for (size_t i = 0; i < selection->size(); ++i) {
        const Status status = reader->Read(i, columns);
        ASSERT_TRUE(status.ok()) << status.ToString();
        if (i == 0) count = columns.t_ms.size();
        ASSERT_EQ(columns.t_ms.size(), count) << "series " << i << " of " << selection->size();
        ASSERT_EQ(count % 200, 0u);
      }
      if (count > 0) {
        ASSERT_EQ(selection->size(), static_cast<size_t>(kSeries));
      }
    }
  };
  while (writing > 0 && !HasFatalFailure()) check();
  for (std::thread& thread : threads) thread.join();
  check();
  SampleColumns columns;
  const auto selection = store->Select({}).value();
  ASSERT_EQ(selection->size(), static_cast<size_t>(kSeries * kWriters));
  ASSERT_TRUE(selection->NewReader()->Read(0, columns).ok());
  EXPECT_EQ(columns.t_ms.size(), 200u * kBatches);
}

TEST(StoreConcurrency, TheHeadFlushesItselfWithinItsBudget) {
  StoreOptions options;
  options.in_memory = true;
  options.memory_budget_bytes = uint64_t{64} << 20;
  auto store = Store::Open(options).value();
  WriteBatch batch;
  std::vector<SeriesRef> refs;
  for (int s = 0; s < 100; ++s) {
    const std::string name = std::to_string(s);
    refs.push_back(store->Resolve(0, Labels::Of({{"s", name}})).value());
  }
  constexpr int kBatches = 400;
  for (int k = 0; k < kBatches; ++k) {
    batch.Clear();
    for (int i = 0; i < 100; ++i) {
      // Values that hardly shrink when the head encodes them.
      for (const SeriesRef ref : refs) batch.Add(ref, (k * 100 + i) * 1000, std::sin(k * 100 + i));
    }
    ASSERT_TRUE(store->Append(batch).ok());
    ASSERT_LT(store->Stats().head_bytes, options.memory_budget_bytes / 2);
  }
  EXPECT_LT(store->Stats().head_samples_count, 100u * 100 * kBatches) << "nothing was flushed";
  SampleColumns columns;
  const auto selection = store->Select({}).value();
  ASSERT_TRUE(selection->NewReader()->Read(50, columns).ok());
  EXPECT_EQ(columns.t_ms.size(), 100u * kBatches);
}

}  // namespace
}  // namespace auspex
