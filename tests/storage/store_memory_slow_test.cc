// What is resident while far more is written than the budget holds.
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "tests/support/temp_dir.h"

namespace auspex {
namespace {

using testing::TempDir;

uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t size = 0;
  uint64_t resident = 0;
  statm >> size >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

// 16 million samples, 256 MB as they are, of 4,000 series, by two writers that never wait on their own.
TEST(StoreMemory, TheBudgetHoldsHoweverMuchIsWritten) {
  const TempDir dir;
  StoreOptions options;
  options.path = dir / "db";
  options.memory_budget_bytes = uint64_t{64} << 20;
  const uint64_t before = ResidentBytes();
  auto store = Store::Open(options).value();
  std::atomic<uint64_t> largest{0};
  constexpr int kBatches = 2'000;
  const auto write = [&](int writer) {
    std::vector<SeriesRef> refs;
    for (int s = 0; s < 2'000; ++s) {
      const std::string number = std::to_string(writer * 2'000 + s);
      refs.push_back(store->Resolve(kDefaultTenant, Labels::Of({{"__name__", "m"}, {"s", number}})).value());
    }
    WriteBatch batch;
    for (int k = 0; k < kBatches; ++k) {
      batch.Clear();
      for (int i = 0; i < 2; ++i) {
        for (size_t s = 0; s < refs.size(); ++s)
          batch.Add(refs[s], (2 * k + i) * 15'000, std::sin(2 * k + i) + static_cast<double>(s));
      }
      ASSERT_EQ(store->Append(batch)->rejected, 0u);
      if (k % 16 == 0) {
        const uint64_t now = ResidentBytes();
        uint64_t seen = largest.load();
        while (now > seen && !largest.compare_exchange_weak(seen, now)) {
        }
      }
    }
  };
  std::thread other(write, 1);
  write(0);
  other.join();
  const uint64_t grown = largest.load() - before;
  // Half as much again: what the allocator keeps of what was freed, threads' stacks, RocksDB's own tables.
  EXPECT_LT(grown, options.memory_budget_bytes * 3 / 2) << "resident bytes grew by " << (grown >> 20) << " MiB";
  RecordProperty("grown_mib", static_cast<int>(grown >> 20));

  const auto selection = store->Select({}).value();
  ASSERT_EQ(selection->size(), 4'000u);
  SampleColumns columns;
  const auto reader = selection->NewReader();
  for (size_t i = 0; i < selection->size(); i += 371) {
    ASSERT_TRUE(reader->Read(i, columns).ok());
    ASSERT_EQ(columns.t_ms.size(), size_t{2 * kBatches});
  }
}

}  // namespace
}  // namespace auspex
