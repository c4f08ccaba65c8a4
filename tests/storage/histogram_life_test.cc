// Native histograms live as numbers do: retention, deletion, backup, verification.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "auspex/storage/verify.h"
#include "storage/histogram_table.h"
#include "storage/partition.h"
#include "storage/rocks.h"
#include "tests/support/seed.h"
#include "tests/support/store_compare.h"
#include "tests/support/temp_dir.h"

namespace auspex {
namespace {

using storage::kDayMs;
using testing::Dump;

constexpr int64_t kNowMs = 1'767'225'600'000;

class HistogramLife : public ::testing::Test {
 protected:
  std::unique_ptr<Store> OpenAt(const std::string& path, int64_t retention_ms = 0, uint64_t retention_bytes = 0) {
    StoreOptions options;
    options.path = path;
    options.memory_budget_bytes = uint64_t{64} << 20;
    options.retention_ms = retention_ms;
    options.retention_bytes = retention_bytes;
    options.clock = &clock_;
    auto opened = Store::Open(options);
    EXPECT_TRUE(opened.ok()) << opened.status().ToString();
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  static HistogramPtr Of(double count) {
    auto histogram = std::make_shared<Histogram>();
    histogram->schema = 1;
    histogram->positive.Push(0, count);
    histogram->positive.Push(3, count);
    histogram->count = 2 * count;
    histogram->sum = 3 * count;
    return histogram;
  }
  static void Put(Store& store, const std::string& name, int64_t t_ms, double count) {
    WriteBatch batch;
    batch.AddHistogram(batch.AddSeries(Labels::Of({{"__name__", name}})), t_ms, Of(count));
    ASSERT_EQ(store.Append(batch)->accepted, 1u);
  }
  static VerifyReport Verified(const std::string& path) {
    VerifyOptions options;
    options.path = path;
    return Verify(options).value();
  }
  static uint64_t BlocksOf(const std::string& path) {
    StoreOptions options;
    options.path = path;
    options.read_only = true;
    const auto rocks = storage::Rocks::Open(options).value();
    const std::unique_ptr<rocksdb::Iterator> it(
        rocks->db().NewIterator(rocksdb::ReadOptions(), rocks->family(storage::Family::kHistograms)));
    uint64_t blocks = 0;
    for (it->SeekToFirst(); it->Valid(); it->Next()) ++blocks;
    return blocks;
  }

  testing::TempDir dir_;
  testing::FixedClock clock_{kNowMs};
};

TEST_F(HistogramLife, TheyExpireByAgeAndTheirBlocksGo) {
  const std::string path = dir_ / "db";
  {
    const auto store = OpenAt(path, 2 * kDayMs);
    Put(*store, "old", kNowMs - kDayMs, 1);
    ASSERT_TRUE(store->Seal().ok());
    Put(*store, "old", kNowMs - kDayMs + 1000, 2);
    ASSERT_TRUE(store->Flush().ok());
    Put(*store, "new", kNowMs + 2 * kDayMs, 3);
    ASSERT_TRUE(store->Flush().ok());
    EXPECT_NE(Dump(*store, {}).find("old"), std::string::npos);
    clock_.Set(kNowMs + 2 * kDayMs);
    EXPECT_EQ(Dump(*store, {}).find("old"), std::string::npos) << "never answered, deleted or not";
    ASSERT_TRUE(store->ApplyRetention().ok());
    EXPECT_EQ(store->LabelValues("__name__", {}, 0).value(), std::vector<std::string>{"new"});
    const std::string before = Dump(*store, {});
    ASSERT_TRUE(store->Close().ok());
    EXPECT_EQ(BlocksOf(path), 1u);
    const auto reopened = OpenAt(path, 2 * kDayMs);
    EXPECT_EQ(Dump(*reopened, {}), before);
  }
  const VerifyReport report = Verified(path);
  EXPECT_TRUE(report.ok()) << report.findings[0].where << ": " << report.findings[0].what;
}

TEST_F(HistogramLife, TheOldestDaysGoWhenTheDirectoryIsTooLarge) {
  constexpr uint64_t kBound = uint64_t{3} << 20;
  const auto store = OpenAt(dir_ / "db", 0, kBound);
  std::mt19937_64 random(testing::TestSeed());
  for (int day = 9; day >= 0; --day) {
    WriteBatch batch;
    const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", "noise"}, {"day", std::to_string(day)}}));
    for (int i = 0; i < 12'000; ++i) {
      auto histogram = std::make_shared<Histogram>();
      histogram->schema = 1;
      for (int32_t bucket = 0; bucket < 6; ++bucket) {
        histogram->positive.Push(bucket, static_cast<double>(random() >> 12));  // nothing that could be made small
      }
      histogram->sum = static_cast<double>(random() >> 12);
      batch.AddHistogram(ref, kNowMs - day * kDayMs - i * 1000, histogram);
    }
    ASSERT_TRUE(store->Append(batch).ok());
    ASSERT_TRUE(store->Seal().ok());
  }
  ASSERT_GT(store->Stats().disk_bytes, kBound);
  ASSERT_TRUE(store->ApplyRetention().ok());
  EXPECT_LT(store->Stats().disk_bytes, kBound + (uint64_t{1} << 20));
  const std::vector<std::string> days = store->LabelValues("day", {}, 0).value();
  ASSERT_FALSE(days.empty());
  EXPECT_LT(days.size(), 9u);
  EXPECT_EQ(days.front(), "0") << "the newest stay";
}

TEST_F(HistogramLife, ABackupHasThem) {
  const auto store = OpenAt(dir_ / "db");
  Put(*store, "h", kNowMs, 1);
  ASSERT_TRUE(store->Seal().ok());
  Put(*store, "h", kNowMs + 1, 2);
  ASSERT_TRUE(store->Flush().ok());
  Put(*store, "h", kNowMs + 2, 3);
  SelectRequest first;
  first.end_ms = kNowMs + 1;
  ASSERT_EQ(store->Delete(first).value(), 1u);
  const std::string want = Dump(*store, {});
  ASSERT_TRUE(store->Backup(dir_ / "backup").ok());
  Put(*store, "h", kNowMs + 3, 4);
  const VerifyReport report = Verified(dir_ / "backup");
  EXPECT_TRUE(report.ok()) << report.findings[0].where << ": " << report.findings[0].what;
  EXPECT_EQ(report.samples_count, 3u) << "what was deleted lies there until the next seal";
  ASSERT_TRUE(Store::Restore(dir_ / "backup", dir_ / "restored").ok());
  const auto restored = OpenAt(dir_ / "restored");
  EXPECT_EQ(Dump(*restored, {}), want);
  ASSERT_TRUE(restored->Seal().ok());
  EXPECT_EQ(Dump(*restored, {}), want);
  EXPECT_EQ(restored->Stats().tombstones_count, 0u);
}

TEST_F(HistogramLife, ADeletionByMatcherAndTimeLeavesTheRest) {
  const auto store = OpenAt(dir_ / "db");
  for (int i = 0; i < 100; ++i) {
    Put(*store, "a", kNowMs + i * 1000, i);
    Put(*store, "b", kNowMs + i * 1000, i);
    ASSERT_TRUE(i != 30 || store->Seal().ok());
    ASSERT_TRUE(i != 60 || store->Flush().ok());
  }
  SelectRequest request;
  request.matchers = {Matcher::Of(Matcher::Op::kEqual, "__name__", "a")};
  request.begin_ms = kNowMs + 10'000;
  request.end_ms = kNowMs + 90'000;
  ASSERT_EQ(store->Delete(request).value(), 1u);
  const auto counts = [&] {
    const auto selection = store->Select({}).value();
    const auto reader = selection->NewReader();
    std::vector<size_t> found;
    SampleColumns columns;
    for (size_t i = 0; i < selection->size(); ++i) {
      EXPECT_TRUE(reader->Read(i, columns).ok());
      found.push_back(columns.t_ms.size());
    }
    return found;
  };
  EXPECT_EQ(counts(), (std::vector<size_t>{20, 100}));
  ASSERT_TRUE(store->Seal().ok());
  EXPECT_EQ(counts(), (std::vector<size_t>{20, 100}));
  ASSERT_TRUE(store->Close().ok());
  const VerifyReport report = Verified(dir_ / "db");
  EXPECT_TRUE(report.ok()) << report.findings[0].where << ": " << report.findings[0].what;
  EXPECT_EQ(report.samples_count, 120u) << "gone from the disk, too";
}

TEST_F(HistogramLife, VerifyLooksIntoTheirBlocks) {
  const std::string path = dir_ / "db";
  {
    const auto store = OpenAt(path);
    for (int i = 0; i < 50; ++i) Put(*store, "h", kNowMs + i * 1000, i);
    ASSERT_TRUE(store->Seal().ok());
  }
  // Damage that RocksDB's own checksums cannot see, since it was written so.
  const auto change = [&](auto with) {
    StoreOptions options;
    options.path = path;
    const auto rocks = storage::Rocks::Open(options).value();
    rocksdb::ColumnFamilyHandle* histograms = rocks->family(storage::Family::kHistograms);
    const std::unique_ptr<rocksdb::Iterator> it(rocks->db().NewIterator(rocksdb::ReadOptions(), histograms));
    it->SeekToFirst();
    ASSERT_TRUE(it->Valid());
    with(*rocks, it->key().ToString(), it->value().ToString());
  };
  const auto expect = [&](const std::string& what) {
    const VerifyReport report = Verified(path);
    ASSERT_FALSE(report.findings.empty()) << what;
    EXPECT_NE(report.findings[0].where.find("histogram block"), std::string::npos) << report.findings[0].where;
    EXPECT_NE(report.findings[0].what.find(what), std::string::npos) << report.findings[0].what;
  };
  std::string whole;
  change([&](storage::Rocks& rocks, const std::string& key, std::string value) {
    whole = value;
    value[value.size() / 2] = static_cast<char>(value[value.size() / 2] ^ 1);
    ASSERT_TRUE(rocks.db().Put(rocksdb::WriteOptions(), rocks.family(storage::Family::kHistograms), key, value).ok());
  });
  expect("checksum mismatch");
  change([&](storage::Rocks& rocks, const std::string& key, const std::string& /*value*/) {
    ASSERT_TRUE(rocks.db().Put(rocksdb::WriteOptions(), rocks.family(storage::Family::kHistograms), key, whole).ok());
    const std::string prefix(storage::kHistogramListPrefix);
    ASSERT_TRUE(
        rocks.db()
            .DeleteRange(rocksdb::WriteOptions(), rocks.family(storage::Family::kState), prefix, storage::PrefixEnd(prefix))
            .ok());
  });
  expect("not listed");
}

}  // namespace
}  // namespace auspex
