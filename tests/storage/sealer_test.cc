// What seals make of samples that come in small portions.
#include <algorithm>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "storage/block.h"
#include "tests/support/model_store.h"
#include "tests/support/seed.h"
#include "tests/support/store_compare.h"

namespace auspex {
namespace {

constexpr int64_t kStartMs = 1'767'225'600'000;  // of a month
constexpr size_t kPortion = 300;
constexpr size_t kPortions = 60;

enum class Order : uint8_t { kForward, kBackward, kShuffled };

// Appends and seals portion after portion; returns how many cold blocks there are in the end.
uint64_t BlocksAfter(Order order, bool interleaved) {
  StoreOptions options;
  options.in_memory = true;
  const auto store = Store::Open(options).value();
  testing::ModelStore model;
  std::vector<size_t> portions(kPortions);
  std::iota(portions.begin(), portions.end(), size_t{0});
  std::mt19937_64 random(testing::TestSeed());
  if (order == Order::kBackward) std::reverse(portions.begin(), portions.end());
  if (order == Order::kShuffled) std::shuffle(portions.begin(), portions.end(), random);
  for (const size_t portion : portions) {
    WriteBatch batch;
    const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", "n"}}));
    for (size_t i = 0; i < kPortion; ++i) {
      const size_t at = interleaved ? i * kPortions + portion : portion * kPortion + i;
      batch.Add(ref, kStartMs + static_cast<int64_t>(at) * 15'000, static_cast<double>(random() % 100));
    }
    EXPECT_EQ(store->Append(batch)->accepted, kPortion);
    EXPECT_TRUE(model.Append(batch).ok());
    EXPECT_TRUE(store->Seal().ok());
  }
  EXPECT_TRUE(testing::SameAnswers(*store, model, {}));
  EXPECT_EQ(store->Stats().hot_blocks_count, 0u);
  return store->Stats().cold_blocks_count;
}

TEST(Sealer, SmallPortionsEndInFewBlocksInWhateverOrderTheyCome) {
  constexpr uint64_t kFew = kPortion * kPortions / storage::kColdBlockSamples + 1;
  EXPECT_LE(BlocksAfter(Order::kForward, false), kFew);
  EXPECT_LE(BlocksAfter(Order::kBackward, false), kFew);
  EXPECT_LE(BlocksAfter(Order::kShuffled, false), kFew);
  EXPECT_LE(BlocksAfter(Order::kShuffled, true), kFew);
}

}  // namespace
}  // namespace auspex
