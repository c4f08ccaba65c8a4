// The rows of the index in a store's life: tidied up, damaged, read again.
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "auspex/storage/verify.h"
#include "storage/index_rows.h"
#include "storage/rocks.h"
#include "tests/support/crash_copy.h"
#include "tests/support/model_store.h"
#include "tests/support/seed.h"
#include "tests/support/store_compare.h"
#include "tests/support/temp_dir.h"

namespace auspex {
namespace {

using storage::Family;
using testing::FixedClock;
using testing::TempDir;

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kFirstDay = 20'000;

StoreOptions At(const std::string& path) {
  StoreOptions options;
  options.path = path;
  options.memory_budget_bytes = uint64_t{64} << 20;
  return options;
}

/// The rows of a family of a store that is closed.
std::vector<std::string> RowsOf(const std::string& path, Family family) {
  StoreOptions options = At(path);
  options.read_only = true;
  const auto rocks = storage::Rocks::Open(options).value();
  const std::unique_ptr<rocksdb::Iterator> it(rocks->db().NewIterator(rocksdb::ReadOptions(), rocks->family(family)));
  std::vector<std::string> rows;
  for (it->SeekToFirst(); it->Valid(); it->Next()) rows.push_back(it->value().ToString());
  return rows;
}

/// Replaces a row, or removes it.
void PutRow(const std::string& path, Family family, uint64_t number, std::optional<std::string> row) {
  const auto rocks = storage::Rocks::Open(At(path)).value();
  const std::string key = storage::IndexRowKey(number);
  rocksdb::DB& db = rocks->db();
  ASSERT_TRUE((row ? db.Put(rocksdb::WriteOptions(), rocks->family(family), key, *row)
                   : db.Delete(rocksdb::WriteOptions(), rocks->family(family), key))
                  .ok());
}

uint64_t FindingsOf(const std::string& path) {
  VerifyOptions options;
  options.path = path;
  return Verify(options)->findings_count;
}

// Series come one by one and leave, symbols name one text after the other, and every day ends with a crash.
TEST(SeriesRows, AreTidiedUpWhileSeriesComeAndGo) {
  std::mt19937_64 random(testing::TestSeed());
  const TempDir dir;
  FixedClock clock(kFirstDay * kDayMs);
  std::string path = dir / "0";
  const auto open = [&] {
    StoreOptions options = At(path);
    options.clock = &clock;
    return Store::Open(options).value();
  };
  auto store = open();
  testing::ModelStore model;
  constexpr int kDays = 5;
  size_t rows_written = 0;
  for (int day = 0; day < kDays; ++day) {
    clock.Set((kFirstDay + day) * kDayMs);
    for (int i = 0; i < 150; ++i) {
      WriteBatch batch(static_cast<TenantId>(random() % 2));
      // Mostly of this day, some of an earlier one.
      const int of_day = random() % 8 == 0 ? static_cast<int>(random() % static_cast<uint64_t>(day + 1)) : day;
      const std::string pod = fmt::format("pod-{}-{}", of_day, random() % 150);
      const std::string zone = fmt::format("z{}", of_day % 3);
      batch.Add(batch.AddSeries(Labels::Of({{"__name__", "up"}, {"pod", pod}, {"zone", zone}})), clock.NowMs() + i, i);
      ASSERT_EQ(store->Append(batch)->rejected, 0u);
      ASSERT_EQ(model.Append(batch)->rejected, 0u);
    }
    rows_written += 150;
    ASSERT_TRUE(store->Seal().ok());
    const std::string next = dir / std::to_string(day + 1);
    if (day % 2 == 0) {
      testing::CopyAsCrashed(path, next);
      store.reset();
      path = next;
    } else {
      ASSERT_TRUE(store->Close().ok());
    }
    if (day == kDays - 1) break;
    store = open();
    ASSERT_EQ(store->Stats().read_only_reason, "");
    for (const TenantId tenant : {0u, 1u}) {
      SelectRequest request;
      request.tenant = tenant;
      ASSERT_TRUE(testing::SameAnswers(*store, model, request)) << "day " << day;
      request.matchers = {Matcher::Of(Matcher::Op::kRegex, "pod", "pod-.*7"),
                          Matcher::Of(Matcher::Op::kNotEqual, "zone", "z1")};
      ASSERT_TRUE(testing::SameAnswers(*store, model, request)) << "day " << day;
    }
  }
  EXPECT_EQ(FindingsOf(path), 0u);
  for (const Family family : {Family::kSymbols, Family::kSeries}) {
    EXPECT_LT(RowsOf(path, family).size(), rows_written / 2) << FamilyName(family);
  }
}

class DamagedSeriesRows : public ::testing::Test {
 protected:
  // One row of symbols and one of series for each: numbers 1 and 2, 3 and 4, 5 and 6.
  DamagedSeriesRows() {
    auto store = Store::Open(At(path_)).value();
    for (const char* name : {"a", "b", "c"}) {
      WriteBatch batch;
      batch.Add(batch.AddSeries(Labels::Of({{"__name__", name}})), 1000, 1);
      EXPECT_TRUE(store->Append(batch).ok());
    }
    EXPECT_TRUE(store->Flush().ok());
    EXPECT_TRUE(store->Close().ok());
  }

  /// `left` series answer; the store is read-only until the loss is accepted, and then new series get numbers of their own.
  void Check(const std::string& reason, size_t left) {
    EXPECT_GT(FindingsOf(path_), 0u);
    {
      auto store = Store::Open(At(path_)).value();
      EXPECT_NE(store->Stats().read_only_reason.find(reason), std::string::npos) << store->Stats().read_only_reason;
      EXPECT_EQ(store->Stats().series_count, left);
      WriteBatch batch;
      batch.Add(batch.AddSeries(Labels::Of({{"__name__", "d"}})), 2000, 1);
      EXPECT_EQ(store->Append(batch).status().code(), StatusCode::kFailedPrecondition);
    }
    {
      StoreOptions options = At(path_);
      options.accept_data_loss = true;
      auto store = Store::Open(options).value();
      EXPECT_NE(store->Stats().accepted_damage.find(reason), std::string::npos) << store->Stats().accepted_damage;
    }
    auto store = Store::Open(At(path_)).value();
    EXPECT_EQ(store->Stats().read_only_reason, "");
    EXPECT_EQ(store->Stats().series_count, left);
    WriteBatch batch;
    batch.Add(batch.AddSeries(Labels::Of({{"__name__", "d"}})), 2000, 7);
    EXPECT_TRUE(store->Append(batch).ok());
    SelectRequest request;
    request.matchers = {Matcher::Of(Matcher::Op::kEqual, "__name__", "d")};
    EXPECT_EQ(testing::Dump(*store, request).find("1000"), std::string::npos) << "blocks of a lost series";
  }

  const TempDir dir_;
  const std::string path_ = dir_ / "db";
};

TEST_F(DamagedSeriesRows, ARowOfSeriesThatCannotBeRead) {
  PutRow(path_, Family::kSeries, 2, "\x02\x02\x05");
  Check("series: row of 3 bytes is not whole", 2);
}

TEST_F(DamagedSeriesRows, ARowOfSymbolsThatCannotBeRead) {
  // Its series is lost with it; that it cannot be read is told first.
  PutRow(path_, Family::kSymbols, 5, "\x07");
  Check("symbols: version: stored 7, newest known 2", 2);
}

TEST_F(DamagedSeriesRows, ARowOfSymbolsThatIsMissing) {
  PutRow(path_, Family::kSymbols, 1, std::nullopt);  // has __name__, too, which all three need
  Check("names a symbol that is not stored", 0);
}

}  // namespace
}  // namespace auspex
