#include <chrono>
#include <limits>
#include <memory>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "storage/partition.h"
#include "storage/tombstones.h"
#include "tests/support/crash_copy.h"
#include "tests/support/store_compare.h"
#include "tests/support/temp_dir.h"

namespace auspex {
namespace {

using storage::DecodeTombstone;
using storage::DeletedRanges;
using storage::EncodeTombstone;
using storage::Tombstone;
using storage::TombstoneKey;
using testing::Dump;

TEST(Tombstones, KeptIsWhatOlderBlocksHaveBesideTheRanges) {
  DeletedRanges deleted;
  deleted.Add(10, 20, 5);
  deleted.Add(15, 30, 7);
  deleted.Add(40, 41, 6);
  const auto kept = [&](uint64_t generation) {
    std::string out;
    for (const auto& part : deleted.KeptOf(generation, 0, 50)) out += fmt::format("[{},{})", part.begin_ms, part.end_ms);
    return out;
  };
  EXPECT_EQ(kept(4), "[0,10)[30,40)[41,50)");
  EXPECT_EQ(kept(5), "[0,15)[30,40)[41,50)");
  EXPECT_EQ(kept(6), "[0,15)[30,50)");
  EXPECT_EQ(kept(7), "[0,50)");
  EXPECT_TRUE(deleted.Touch(4, 0, 10));
  EXPECT_FALSE(deleted.Touch(4, 0, 9));
  EXPECT_FALSE(deleted.Touch(4, 30, 39));
  EXPECT_FALSE(deleted.Touch(7, 0, 50));
}

TEST(Tombstones, ReadBackAndRefuseWhatIsCut) {
  Tombstone tombstone;
  tombstone.generation = 812;
  tombstone.tenant = 3;
  tombstone.begin_ms = -5;
  tombstone.end_ms = 1'767'225'600'000;
  tombstone.series.addRange(7, 70'000);
  const std::string key = TombstoneKey(tombstone.generation);
  const std::string value = EncodeTombstone(tombstone);
  const auto read = DecodeTombstone(key, value);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->generation, 812u);
  EXPECT_EQ(read->tenant, 3u);
  EXPECT_EQ(read->begin_ms, -5);
  EXPECT_EQ(read->end_ms, tombstone.end_ms);
  EXPECT_EQ(read->series, tombstone.series);
  for (size_t n = 0; n < value.size(); ++n) EXPECT_FALSE(DecodeTombstone(key, value.substr(0, n)).ok()) << n;
}

class Deletion : public ::testing::Test {
 protected:
  Deletion() { Open(dir_ / "db"); }
  void Open(const std::string& path, const Clock& clock = Clock::System()) {
    store_.reset();
    StoreOptions options;
    options.path = path;
    options.clock = &clock;
    options.memory_budget_bytes = uint64_t{64} << 20;
    auto opened = Store::Open(options);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    store_ = *std::move(opened);
  }
  void Put(const std::string& name, int64_t t_ms, double value) {
    WriteBatch batch;
    batch.Add(batch.AddSeries(Labels::Of({{"__name__", name}})), t_ms, value);
    ASSERT_EQ(store_->Append(batch).value().accepted, 1u);
  }
  uint64_t Delete(const std::string& name, int64_t begin_ms = std::numeric_limits<int64_t>::min(),
                  int64_t end_ms = std::numeric_limits<int64_t>::max()) {
    SelectRequest request;
    request.matchers = {Matcher::Of(Matcher::Op::kRegex, "__name__", name)};
    request.begin_ms = begin_ms;
    request.end_ms = end_ms;
    return store_->Delete(request).value();
  }
  std::string Samples(const std::string& name) {
    SelectRequest request;
    request.matchers = {Matcher::Of(Matcher::Op::kEqual, "__name__", name)};
    const auto selection = store_->Select(request).value();
    SampleColumns columns;
    std::string out;
    for (size_t i = 0; i < selection->size(); ++i) {
      EXPECT_TRUE(selection->NewReader()->Read(i, columns).ok());
      for (size_t k = 0; k < columns.t_ms.size(); ++k) out += fmt::format("{}={} ", columns.t_ms[k], columns.values[k]);
    }
    return out;
  }

  testing::TempDir dir_;
  std::unique_ptr<Store> store_;
};

TEST_F(Deletion, TakesWhatWasThereAndNothingThatComesLater) {
  for (const bool sealed : {false, true}) {
    for (int t = 1; t <= 5; ++t) Put("up", t, t);
    Put("down", 3, 3);
    if (sealed) {
      ASSERT_TRUE(store_->Seal().ok());
    }
    EXPECT_EQ(Delete("up", 2, 4), 1u);
    EXPECT_EQ(Samples("up"), "1=1 4=4 5=5 ");
    EXPECT_EQ(Samples("down"), "3=3 ");
    Put("up", 3, 30);
    EXPECT_EQ(Samples("up"), "1=1 3=30 4=4 5=5 ");
    ASSERT_TRUE(store_->Flush().ok());
    EXPECT_EQ(Samples("up"), "1=1 3=30 4=4 5=5 ");
    ASSERT_TRUE(store_->Seal().ok());
    EXPECT_EQ(store_->Stats().tombstones_count, 0u);
    EXPECT_EQ(Samples("up"), "1=1 3=30 4=4 5=5 ");
    EXPECT_EQ(Delete(".*"), 2u);
    EXPECT_EQ(Delete(".*"), 0u) << "nothing is listed any more";
    EXPECT_EQ(Dump(*store_, {}), "");
  }
}

TEST_F(Deletion, AStaleMarkerWrittenAfterwardsIsNotHeldBackByADeletedNumber) {
  Put("up", 1, 1);
  Delete("up");
  Put("up", 1, StaleMarker());
  for (int i = 0; i < 2; ++i) {
    EXPECT_NE(Dump(*store_, {}).find("7ff0000000000002"), std::string::npos);
    ASSERT_TRUE(store_->Seal().ok());
  }
}

TEST_F(Deletion, SurvivesCrashesAndReopening) {
  for (int t = 1; t <= 3; ++t) Put("up", t, t);
  Delete("up", 2, 3);
  Put("up", 2, 20);
  const std::string want = Samples("up");
  EXPECT_EQ(want, "1=1 2=20 3=3 ");
  testing::CopyAsCrashed(dir_ / "db", dir_ / "copy");
  Open(dir_ / "copy");
  EXPECT_EQ(Samples("up"), want);
  EXPECT_EQ(store_->Stats().tombstones_count, 1u);
  ASSERT_TRUE(store_->Seal().ok());
  testing::CopyAsCrashed(dir_ / "copy", dir_ / "again");
  Open(dir_ / "again");
  EXPECT_EQ(store_->Stats().tombstones_count, 0u);
  EXPECT_EQ(Samples("up"), want);
}

TEST_F(Deletion, ListsNoSeriesThatHasNothingLeft) {
  Put("up", 1, 1);
  Put("down", 1, 1);
  ASSERT_TRUE(store_->Seal().ok());
  Delete("up");  // whole partitions: at once
  EXPECT_EQ(store_->LabelValues("__name__", {}, 0).value(), std::vector<std::string>{"down"});
  Delete("down", 0, 10);  // a part of one: once it was looked at
  ASSERT_TRUE(store_->Seal().ok());
  EXPECT_TRUE(store_->Series({}, 0).value().empty());
}

// A seal in the background rewrites blocks on behalf of deletions that it knows of; those that come while it waits, or between
// its slices, are about the same blocks.
TEST_F(Deletion, HoldsWhateverTheBackgroundRewritesMeanwhile) {
  constexpr int64_t kStartMs = 1'767'225'600'000;
  constexpr int64_t kSamples = 60'000;
  testing::FixedClock clock(kStartMs + storage::kDayMs);
  Open(dir_ / "background", clock);
  WriteBatch batch;
  const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", "up"}}));
  for (int64_t i = 0; i < kSamples; ++i) batch.Add(ref, kStartMs + i, 1);
  ASSERT_EQ(store_->Append(batch)->rejected, 0u);
  ASSERT_TRUE(store_->Seal().ok());
  // So many deletions, one after the other, that each minute has a seal, which has to wait for its turn again and again. The
  // clock goes on by more than a minute in each second, which is how often the maintainer looks.
  int64_t deleted = 0;
  int seals = 0;
  uint64_t before = 0;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (seals < 2 && deleted < kSamples && std::chrono::steady_clock::now() < until) {
    clock.Set(clock.NowMs() + 5'000);
    ASSERT_EQ(Delete("up", kStartMs + deleted, kStartMs + deleted + 1), 1u);
    ++deleted;
    if (deleted % 8 != 0) continue;
    const uint64_t now = store_->Stats().tombstones_count;
    seals += now < before ? 1 : 0;
    before = now;
  }
  EXPECT_EQ(seals, 2) << "after " << deleted << " deletions";
  const auto expect_the_rest = [&] {
    SampleColumns columns;
    ASSERT_TRUE(store_->Select({}).value()->NewReader()->Read(0, columns).ok());
    ASSERT_EQ(columns.t_ms.size(), static_cast<size_t>(kSamples - deleted));
    EXPECT_EQ(columns.t_ms.front(), kStartMs + deleted);
  };
  expect_the_rest();
  ASSERT_TRUE(store_->Seal().ok());
  EXPECT_EQ(store_->Stats().tombstones_count, 0u);
  expect_the_rest();
}

TEST_F(Deletion, ASelectionKeepsWhatItSaw) {
  Put("up", 1, 1);
  ASSERT_TRUE(store_->Seal().ok());
  const auto before = store_->Select({}).value();
  Delete("up");
  ASSERT_TRUE(store_->Seal().ok());
  SampleColumns columns;
  ASSERT_TRUE(before->NewReader()->Read(0, columns).ok());
  EXPECT_EQ(columns.t_ms.size(), 1u);
}

}  // namespace
}  // namespace auspex
