// A journal that is as long as it gets, read back after a crash.
#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "tests/support/crash_copy.h"
#include "tests/support/temp_dir.h"

namespace auspex {
namespace {

using testing::TempDir;

constexpr size_t kSeries = 100'000;
constexpr int64_t kStartMs = 1'700'000'000'000;

Labels LabelsOf(size_t i) {
  const std::string pod = "pod-" + std::to_string(i);
  const std::string zone = "z" + std::to_string(i % 7);
  return Labels::Of({{"__name__", i % 2 == 0 ? "up" : "load"}, {"pod", pod}, {"zone", zone}});
}
double ValueOf(size_t i, int round) { return static_cast<double>(i % 977) + round * 0.5; }

TEST(StoreReplay, EveryAcknowledgedSampleIsThereWithinASmallerBudget) {
  const TempDir dir;
  StoreOptions options;
  options.path = dir / "db";
  auto store = Store::Open(options).value();
  WriteBatch batch;
  // About 31 MiB of columns: more than two heads may take in the smaller budget, less than one in the larger.
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < kSeries; ++i) {
      batch.Add(batch.AddSeries(LabelsOf(i)), kStartMs + round * 15'000, ValueOf(i, round));
      if (batch.samples_count() < 10'000) continue;
      ASSERT_EQ(store->Append(batch)->rejected, 0u);
      batch.Clear();
    }
  }
  ASSERT_EQ(store->Stats().head_samples_count, kRounds * kSeries) << "all of it lies in the journal";
  const std::string crashed = dir / "crashed";
  testing::CopyAsCrashed(options.path, crashed);
  ASSERT_TRUE(store->Close().ok());

  options.path = crashed;
  options.threads = 2;
  for (const uint64_t budget_mib : {256, 64}) {
    SCOPED_TRACE(budget_mib);
    options.memory_budget_bytes = budget_mib << 20;
    store = Store::Open(options).value();
    const StoreStats stats = store->Stats();
    ASSERT_EQ(stats.read_only_reason, "");
    EXPECT_EQ(stats.series_count, kSeries);
    EXPECT_EQ(stats.replayed_samples, kRounds * kSeries);
    // A head in use and one being flushed have two fifths of the budget; a batch more than that may be in it.
    EXPECT_LT(stats.head_bytes, options.memory_budget_bytes * 2 / 5 + (uint64_t{2} << 20));
    EXPECT_EQ(stats.head_samples_count == kRounds * kSeries, budget_mib == 256) << stats.head_samples_count;
    const auto selection = store->Select({}).value();
    ASSERT_EQ(selection->size(), kSeries);
    const auto reader = selection->NewReader();
    SampleColumns columns;
    for (size_t at = 0; at < selection->size(); ++at) {
      const auto i = std::stoul(std::string(selection->labels(at).Get("pod").substr(4)));
      ASSERT_TRUE(reader->Read(at, columns).ok());
      ASSERT_EQ(columns.t_ms.size(), size_t{kRounds});
      for (int round = 0; round < kRounds; ++round) {
        ASSERT_EQ(columns.t_ms[static_cast<size_t>(round)], kStartMs + round * 15'000);
        ASSERT_EQ(columns.values[static_cast<size_t>(round)], ValueOf(i, round));
      }
    }
    ASSERT_TRUE(store->Close().ok());
  }
}

}  // namespace
}  // namespace auspex
