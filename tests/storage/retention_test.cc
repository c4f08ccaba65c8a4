#include <gtest/gtest.h>

#include "storage/partition.h"
#include "tests/support/clocked_store.h"

namespace auspex {
namespace {

using storage::kDayMs;
using storage::Partition;
using storage::Partitioning;
using testing::Dump;

TEST(Partitioning, MonthsTileTime) {
  const Partitioning months(0);
  int64_t t = -40 * 365 * kDayMs;
  Partition before = months.Of(t - 1);
  for (int i = 0; i < 1200; ++i) {
    const Partition partition = months.Of(before.end_ms());
    EXPECT_EQ(partition.begin_ms(), before.end_ms());
    EXPECT_GE(partition.days, 28);
    EXPECT_LE(partition.days, 31);
    EXPECT_EQ(months.Of(partition.end_ms() - 1), partition);
    before = partition;
  }
  EXPECT_EQ(months.Of(1'709'251'199'999).days, 29);                       // 2024-02-29T23:59:59.999Z
  EXPECT_EQ(months.Of(1'709'251'200'000).begin_ms(), 1'709'251'200'000);  // 2024-03-01
  EXPECT_EQ(months.Of(-1), (Partition{-31, 31}));                         // December 1969
}

TEST(Partitioning, NoPartitionIsLongerThanATenthOfTheRetentionOrADay) {
  for (int days = 1; days < 400; ++days) {
    const Partition partition = Partitioning(days * kDayMs).Of(-12'345'678'901);
    EXPECT_LE(partition.days, std::max(1, days / 10)) << days;
    EXPECT_LE(partition.begin_ms(), -12'345'678'901);
    EXPECT_GT(partition.end_ms(), -12'345'678'901);
  }
}

class Retention : public testing::ClockedStore {
 protected:
  AppendReport Put(const std::string& name, int64_t t_ms) {
    WriteBatch batch;
    batch.Add(batch.AddSeries(Labels::Of({{"__name__", name}})), t_ms, 1);
    return store_->Append(batch).value();
  }
};

TEST_F(Retention, ExpiredSamplesAreNeverAnsweredAndThenDeleted) {
  Open(2 * kDayMs);
  const int64_t now_ms = clock_.NowMs();
  EXPECT_EQ(Put("old", now_ms - 3 * kDayMs).rejected, 1u);
  EXPECT_EQ(Put("old", now_ms - kDayMs).accepted, 1u);
  ASSERT_TRUE(store_->Seal().ok());
  EXPECT_EQ(Put("old", now_ms - kDayMs + 1000).accepted, 1u);
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(Put("new", now_ms + 2 * kDayMs).accepted, 1u);
  auto before = store_->Select({}).value();

  clock_.Set(now_ms + 2 * kDayMs);
  EXPECT_EQ(Dump(*store_, {}).find("old"), std::string::npos);  // checked when read
  EXPECT_EQ(store_->Stats().cold_blocks_count, 1u);
  ASSERT_TRUE(store_->ApplyRetention().ok());
  EXPECT_EQ(store_->Stats().cold_blocks_count, 0u) << "or else the selection keeps it";
  EXPECT_EQ(store_->LabelValues("__name__", {}, 0).value(), std::vector<std::string>{"new"});
  SampleColumns columns;
  ASSERT_TRUE(before->NewReader()->Read(1, columns).ok());
  EXPECT_EQ(columns.t_ms.size(), 2u);  // a selection does not move
  before.reset();                      // or the directory stays open

  Open(2 * kDayMs);
  EXPECT_EQ(store_->LabelValues("__name__", {}, 0).value(), std::vector<std::string>{"new"});
}

TEST_F(Retention, TheOldestDaysGoWhenTheDirectoryIsTooLarge) {
  constexpr uint64_t kBound = uint64_t{4} << 20;
  Open(0, kBound);
  const int64_t now_ms = clock_.NowMs();
  uint64_t bits = 88'172'645'463'325'252;
  for (int day = 9; day >= 0; --day) {
    WriteBatch batch;
    const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", "noise"}, {"day", std::to_string(day)}}));
    for (int i = 0; i < 100'000; ++i) {  // nothing that could be made small: 800 kB a day
      bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
      batch.Add(ref, now_ms - day * kDayMs - i * 100, static_cast<double>(bits >> 12));
    }
    ASSERT_TRUE(store_->Append(batch).ok());
    ASSERT_TRUE(store_->Seal().ok());
  }
  ASSERT_GT(store_->Stats().disk_bytes, kBound);
  ASSERT_TRUE(store_->ApplyRetention().ok());
  EXPECT_LT(store_->Stats().disk_bytes, kBound + (uint64_t{1} << 20));
  const std::vector<std::string> days = store_->LabelValues("day", {}, 0).value();
  ASSERT_FALSE(days.empty());
  EXPECT_LT(days.size(), 9u);
  EXPECT_EQ(days.front(), "0");
  EXPECT_EQ(days.back(), std::to_string(days.size() - 1)) << "the newest stay";
  // However small the bound: what is being written stays.
  Open(0, 1);
  ASSERT_TRUE(store_->ApplyRetention().ok());
  EXPECT_EQ(store_->LabelValues("day", {}, 0).value(), std::vector<std::string>{"0"});
}

TEST_F(Retention, RecordsThatBeginWithTheirTimeExpire) {
  Open(2 * kDayMs);
  const int64_t now_ms = clock_.NowMs();
  for (const TenantId tenant : {TenantId{0}, TenantId{3}}) {
    Transaction transaction(tenant);
    for (const RecordKind kind : {RecordKind::kEvent, RecordKind::kLogPattern}) {
      transaction.Put(kind, RecordTimeKey(now_ms - kDayMs) + "/old", "");
      transaction.Put(kind, RecordTimeKey(now_ms) + "/new", "");
    }
    transaction.Put(RecordKind::kSetting, "kept", "");
    ASSERT_TRUE(store_->Commit(transaction).ok());
  }
  const auto count = [&](TenantId tenant, RecordKind kind) {
    int n = 0;
    EXPECT_TRUE(store_->ScanRecords(tenant, kind, "", "", false, [&](const Record&) { return ++n > 0; }).ok());
    return n;
  };
  ASSERT_TRUE(store_->ApplyRetention().ok());
  EXPECT_EQ(count(0, RecordKind::kEvent), 2);
  clock_.Set(now_ms + kDayMs + 1);
  ASSERT_TRUE(store_->ApplyRetention().ok());
  for (const TenantId tenant : {TenantId{0}, TenantId{3}}) {
    EXPECT_EQ(count(tenant, RecordKind::kEvent), 1);
    EXPECT_EQ(count(tenant, RecordKind::kLogPattern), 1);
    EXPECT_EQ(count(tenant, RecordKind::kSetting), 1);
  }
}

TEST_F(Retention, PartitionsOfAnotherLengthAreStillRead) {
  Open(0);
  const int64_t now_ms = clock_.NowMs();
  for (int i = 0; i < 50; ++i) Put("up", now_ms - i * kDayMs / 2);
  ASSERT_TRUE(store_->Seal().ok());
  const std::string want = Dump(*store_, {});
  Open(60 * kDayMs);
  EXPECT_EQ(Dump(*store_, {}), want);
  for (int i = 0; i < 50; ++i) Put("up", now_ms - i * kDayMs / 2 + 1);
  ASSERT_TRUE(store_->Seal().ok());
  for (int i = 0; i < 50; ++i) Put("up", now_ms - i * kDayMs / 2 + 1);
  WriteBatch newer;
  newer.Add(newer.AddSeries(Labels::Of({{"__name__", "up"}})), now_ms - kDayMs, 7);
  ASSERT_TRUE(store_->Append(newer).ok());
  ASSERT_TRUE(store_->Seal().ok());
  const auto selection = store_->Select({}).value();
  SampleColumns columns;
  ASSERT_TRUE(selection->NewReader()->Read(0, columns).ok());
  ASSERT_EQ(columns.t_ms.size(), 100u);
  const auto at = std::find(columns.t_ms.begin(), columns.t_ms.end(), now_ms - kDayMs) - columns.t_ms.begin();
  EXPECT_EQ(columns.values[at], 7);
}

}  // namespace
}  // namespace auspex
