// Decoded blocks that queries share: the same samples as a block itself gives, within a bound of bytes.
#include "storage/block_cache.h"

#include <limits>
#include <map>
#include <random>
#include <utility>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "tests/support/seed.h"

namespace auspex::storage {
namespace {

constexpr int64_t kStartMs = 1'767'225'600'000;

DecodedName NameOf(uint32_t ordinal, uint64_t generation = 1) {
  DecodedName name;
  name.key.series.ordinal = ordinal;
  name.key.tmin_ms = kStartMs;
  name.key.generation = generation;
  return name;
}

std::shared_ptr<const DecodedBlock> Decoded(const std::string& bytes) {
  BlockScratch scratch;
  return DecodedBlock::Decode(BlockView::Parse(bytes).value(), scratch).value();
}

std::shared_ptr<const DecodedBlock> Constant(size_t count) {
  std::vector<int64_t> t_ms(count);
  for (size_t i = 0; i < count; ++i) t_ms[i] = kStartMs + static_cast<int64_t>(i) * 1000;
  return Decoded(EncodeBlock(t_ms, std::vector<double>(count, 1), Effort::kFast));
}

TEST(DecodedBlockTest, ReadsWhatTheBlockReads) {
  std::mt19937_64 random(testing::TestSeed());
  for (int round = 0; round < 400; ++round) {
    const size_t count = 1 + random() % 700;
    const bool regular = round % 2 == 0;
    std::vector<int64_t> t_ms(count);
    std::vector<double> values(count);
    int64_t t = kStartMs;
    for (size_t i = 0; i < count; ++i) {
      t_ms[i] = t;
      t += regular ? 15'000 : 1 + static_cast<int64_t>(random() % 30'000);
      values[i] = static_cast<double>(random() % 1000) / 8;
    }
    const std::string bytes = EncodeBlock(t_ms, values, random() % 2 == 0 ? Effort::kFast : Effort::kDense);
    const BlockView view = BlockView::Parse(bytes).value();
    const auto block = Decoded(bytes);
    if (count > 100) {
      EXPECT_EQ(block->bytes() < 12 * count, regular) << "of " << count;
    }
    BlockScratch scratch;
    std::shared_ptr<const DecodedBlock> part;
    for (int i = 0; i < 20; ++i) {
      const auto any = [&] {
        return kStartMs - 20'000 + static_cast<int64_t>(random() % static_cast<uint64_t>(t - kStartMs + 40'000));
      };
      int64_t begin_ms = i == 0 ? std::numeric_limits<int64_t>::min() : any();
      int64_t end_ms = i == 1 ? std::numeric_limits<int64_t>::max() : any();
      if (begin_ms > end_ms) std::swap(begin_ms, end_ms);
      SampleColumns want;
      if (i % 3 == 0) {  // over older samples, some at the same times
        for (size_t k = 0; k < count; k += 1 + random() % 5) want.Push(t_ms[k] + static_cast<int64_t>(random() % 2), -1);
      }
      SampleColumns got = want;
      SampleColumns before = want;
      ASSERT_TRUE(view.DecodeOver(begin_ms, end_ms, scratch, want).ok());
      block->ReadOver(begin_ms, end_ms, got);
      ASSERT_EQ(got.t_ms, want.t_ms) << round << " " << i;
      ASSERT_EQ(got.values, want.values) << round << " " << i;
      // A part that grows with what is asked of it, as in the cache.
      if (part == nullptr || !part->Covers(begin_ms, end_ms)) {
        if (i % 7 == 6) part = nullptr;
        part = DecodedBlock::DecodePart(view, begin_ms, end_ms, part.get(), scratch).value();
      }
      ASSERT_TRUE(part->Covers(begin_ms, end_ms)) << round << " " << i;
      part->ReadOver(begin_ms, end_ms, before);
      ASSERT_EQ(before.t_ms, want.t_ms) << round << " " << i;
      ASSERT_EQ(before.values, want.values) << round << " " << i;
    }
  }
}

TEST(DecodedBlockTest, APartIsNotTheWhole) {
  std::vector<int64_t> t_ms(4096);
  for (size_t i = 0; i < t_ms.size(); ++i) t_ms[i] = kStartMs + static_cast<int64_t>(i) * 1000;
  const std::string bytes = EncodeBlock(t_ms, std::vector<double>(t_ms.size(), 1), Effort::kDense);
  const BlockView view = BlockView::Parse(bytes).value();
  BlockScratch scratch;
  const auto part = DecodedBlock::DecodePart(view, t_ms[1000], t_ms[1020], nullptr, scratch).value();
  EXPECT_LT(part->bytes(), 512 * 9u);
  EXPECT_FALSE(part->Covers(t_ms[500], t_ms[1020]));
  EXPECT_FALSE(part->Covers(t_ms[1000], t_ms[1025]));
  const auto more = DecodedBlock::DecodePart(view, t_ms[1030], t_ms[1040], part.get(), scratch).value();
  EXPECT_TRUE(more->Covers(t_ms[1000], t_ms[1040]));
  EXPECT_LT(more->bytes(), 1024 * 9u);
}

TEST(BlockCacheTest, WhatWasUsedLongestAgoGoesFirst) {
  constexpr uint64_t kLimit = uint64_t{1} << 20;
  BlockCache cache(kLimit);
  const auto block = Constant(512);  // about 4 KiB
  cache.Put(NameOf(0), block);
  for (uint32_t i = 1; i < 5000; ++i) {
    cache.Put(NameOf(i), block);
    ASSERT_LE(cache.bytes(), kLimit);
    ASSERT_NE(cache.Find(NameOf(0)), nullptr) << i;  // in use all the time
  }
  EXPECT_GT(cache.bytes(), kLimit / 2);
  EXPECT_NE(cache.Find(NameOf(4999)), nullptr);
  EXPECT_EQ(cache.Find(NameOf(1)), nullptr);
  EXPECT_FALSE(cache.HasRoom(NameOf(1), kLimit));
}

TEST(BlockCacheTest, ABlockIsNamedByItsContents) {
  BlockCache cache(uint64_t{1} << 20);
  cache.Put(NameOf(7), Constant(300));
  EXPECT_NE(cache.Find(NameOf(7)), nullptr);
  EXPECT_EQ(cache.Find(NameOf(7, 2)), nullptr);
  EXPECT_EQ(cache.Find(NameOf(8)), nullptr);
  DecodedName other = NameOf(7);
  other.checksum = 1;
  EXPECT_EQ(cache.Find(other), nullptr);
  cache.Put(NameOf(9), Constant(60'000));  // larger than a part of the cache may be
  EXPECT_EQ(cache.Find(NameOf(9)), nullptr);
}

// Parts of sealed blocks, again and again, while samples come late, are deleted and are sealed anew.
TEST(BlockCacheTest, TheStoreAnswersTheSameFromIt) {
  std::mt19937_64 random(testing::TestSeed());
  StoreOptions options;
  options.in_memory = true;
  options.memory_budget_bytes = uint64_t{64} << 20;
  const std::unique_ptr<Store> store = Store::Open(options).value();
  std::map<int64_t, double> model;
  const auto write = [&](int64_t begin_ms, int64_t count) {
    WriteBatch batch;
    const SeriesRef ref = batch.AddSeries(Labels::Of({{kMetricName, "x"}}));
    for (int64_t i = 0; i < count; ++i) {
      const double value = static_cast<double>(random() % 100);
      batch.Add(ref, begin_ms + i * 10'000, value);
      model[begin_ms + i * 10'000] = value;
    }
    ASSERT_TRUE(store->Append(batch).ok());
  };
  write(kStartMs, 20'000);
  ASSERT_TRUE(store->Seal().ok());
  uint64_t cached = 0;
  for (int round = 0; round < 300; ++round) {
    const int64_t begin_ms = kStartMs + static_cast<int64_t>(random() % 19'000) * 10'000;
    SelectRequest request;
    request.begin_ms = begin_ms;
    request.end_ms = begin_ms + 3'600'000;
    const auto selection = store->Select(request).value();
    SampleColumns got;
    if (selection->size() > 0) {
      const auto reader = selection->NewReader();
      ASSERT_TRUE(reader->Read(0, got).ok());
      cached += reader->cost().blocks_skipped;
    }
    SampleColumns want;
    for (auto at = model.lower_bound(request.begin_ms); at != model.end() && at->first < request.end_ms; ++at) {
      want.Push(at->first, at->second);
    }
    ASSERT_EQ(got.t_ms, want.t_ms) << round;
    ASSERT_EQ(got.values, want.values) << round;
    if (round % 20 == 3) write(begin_ms + 5'000 * static_cast<int64_t>(random() % 2), 50);
    if (round % 50 == 7) {
      request.matchers = {Matcher::Of(Matcher::Op::kEqual, std::string(kMetricName), "x")};
      ASSERT_TRUE(store->Delete(request).ok());
      model.erase(model.lower_bound(request.begin_ms), model.lower_bound(request.end_ms));
    }
    if (round % 70 == 11) {
      ASSERT_TRUE(store->Seal().ok());
    }
  }
  EXPECT_GT(cached, 100u);
  ASSERT_TRUE(store->Close().ok());
}

// Windows that cut a block want samples of it: the second time they come from the cache, as those of plain reads do.
TEST(BlockCacheTest, ReadingBySummariesGoesThroughIt) {
  StoreOptions options;
  options.in_memory = true;
  options.memory_budget_bytes = uint64_t{64} << 20;
  const std::unique_ptr<Store> store = Store::Open(options).value();
  WriteBatch batch;
  const SeriesRef ref = batch.AddSeries(Labels::Of({{kMetricName, "x"}}));
  for (int64_t i = 0; i < 4000; ++i) batch.Add(ref, kStartMs + i * 10'000, static_cast<double>(i % 100));
  ASSERT_TRUE(store->Append(batch).ok());
  ASSERT_TRUE(store->Seal().ok());
  SelectRequest request;
  request.begin_ms = kStartMs + 9'000'000;
  request.end_ms = request.begin_ms + 600'001;
  for (const uint64_t cached : {0, 1}) {
    const auto selection = store->Select(request).value();
    const auto reader = selection->NewReader();
    const std::vector<int64_t> edges = {request.begin_ms, request.end_ms};
    SummarizedColumns columns;
    ASSERT_TRUE(reader->ReadSummarized(0, {edges, /*sums=*/true, /*resets=*/false}, columns).ok());
    EXPECT_EQ(columns.samples.t_ms.size(), 61u);
    EXPECT_EQ(reader->cost().blocks_skipped, cached);
    EXPECT_EQ(reader->cost().blocks_decoded, 1 - cached);
  }
  ASSERT_TRUE(store->Close().ok());
}

}  // namespace
}  // namespace auspex::storage
