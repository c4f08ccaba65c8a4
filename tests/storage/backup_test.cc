#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "auspex/storage/verify.h"
#include "tests/support/store_compare.h"
#include "tests/support/temp_dir.h"

namespace auspex {
namespace {

using testing::Dump;

class Backup : public ::testing::Test {
 protected:
  static std::unique_ptr<Store> Open(const std::string& path) {
    StoreOptions options;
    options.path = path;
    options.memory_budget_bytes = uint64_t{64} << 20;
    auto opened = Store::Open(options);
    EXPECT_TRUE(opened.ok()) << opened.status().ToString();
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  static void Put(Store& store, int64_t t_ms, double value) {
    Transaction transaction;
    WriteBatch& batch = transaction.samples();
    const SeriesRef up = batch.AddSeries(Labels::Of({{"__name__", "up"}}));
    batch.Add(up, t_ms, value);
    batch.AddMetadata({.metric = "up", .type = "gauge", .unit = "", .help = "whether it answers"});
    batch.AddExemplar(up, {t_ms, value, Labels::Of({{"trace_id", "x"}})});
    for (const RecordKind kind : {RecordKind::kEvent, RecordKind::kLogPattern, RecordKind::kInsightRevision}) {
      transaction.Put(kind, std::to_string(t_ms), "record");
    }
    ASSERT_TRUE(store.Commit(transaction).ok());
  }
  static VerifyReport Verified(const std::string& path) {
    VerifyOptions options;
    options.path = path;
    auto report = Verify(options);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return *report;
  }

  testing::TempDir dir_;
};

TEST_F(Backup, IsTheDatabaseOfThatMoment) {
  const auto store = Open(dir_ / "db");
  Put(*store, 1, 1);
  ASSERT_TRUE(store->Seal().ok());
  Put(*store, 2, 2);
  ASSERT_TRUE(store->Flush().ok());
  Put(*store, 3, 3);
  SelectRequest first;
  first.begin_ms = 1;
  first.end_ms = 2;
  ASSERT_EQ(store->Delete(first).value(), 1u);
  Put(*store, 4, 4);
  const std::string want = Dump(*store, {});
  ASSERT_TRUE(store->Backup(dir_ / "backup").ok());
  Put(*store, 5, 5);
  ASSERT_TRUE(store->Seal().ok());
  EXPECT_EQ(store->Backup(dir_ / "backup").code(), StatusCode::kAlreadyExists);

  const VerifyReport report = Verified(dir_ / "backup");
  EXPECT_TRUE(report.ok()) << report.findings[0].where << ": " << report.findings[0].what;
  EXPECT_EQ(report.series_count, 1u);
  ASSERT_TRUE(Store::Restore(dir_ / "backup", dir_ / "restored").ok());
  EXPECT_EQ(Store::Restore(dir_ / "backup", dir_ / "restored").code(), StatusCode::kAlreadyExists);
  const auto restored = Open(dir_ / "restored");
  EXPECT_EQ(Dump(*restored, {}), want);
  for (const RecordKind kind : {RecordKind::kEvent, RecordKind::kLogPattern, RecordKind::kInsightRevision}) {
    EXPECT_EQ(restored->GetRecord(kDefaultTenant, kind, "4").value(), "record");
    EXPECT_FALSE(restored->GetRecord(kDefaultTenant, kind, "5").value().has_value());
  }
  Put(*restored, 6, 6);
  ASSERT_TRUE(restored->Seal().ok());
  // Neither the backup nor the original noticed.
  EXPECT_EQ(Dump(*Open(dir_ / "backup"), {}), want);
  EXPECT_EQ(Dump(*store, {}).find("  6 "), std::string::npos);
}

TEST_F(Backup, RefusesWhatIsNoBackup) {
  EXPECT_EQ(Store::Restore(dir_ / "nothing", dir_ / "db").code(), StatusCode::kNotFound);
  StoreOptions options;
  options.in_memory = true;
  options.memory_budget_bytes = uint64_t{64} << 20;
  EXPECT_EQ((*Store::Open(options))->Backup(dir_ / "backup").code(), StatusCode::kUnsupported);
}

TEST_F(Backup, VerifyNamesAFlippedByteInABlock) {
  {
    const auto store = Open(dir_ / "db");
    for (int t = 0; t < 5000; ++t) Put(*store, t * 1000, t % 7);
    ASSERT_TRUE(store->Seal().ok());
    ASSERT_TRUE(store->Backup(dir_ / "backup").ok());
  }
  EXPECT_TRUE(Verified(dir_ / "backup").ok());
  // The largest table: that of the blocks or of the records.
  std::filesystem::path largest;
  for (const auto& entry : std::filesystem::directory_iterator(dir_ / "backup")) {
    if (entry.path().extension() == ".sst" && (largest.empty() || entry.file_size() > file_size(largest)))
      largest = entry.path();
  }
  std::filesystem::path copy = largest;
  copy += ".copy";
  std::filesystem::copy(largest, copy);  // it is shared with the database
  std::filesystem::rename(copy, largest);
  std::fstream file(largest, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(100);
  file.put('\x55');
  file.close();
  const VerifyReport report = Verified(dir_ / "backup");
  EXPECT_FALSE(report.ok());
  ASSERT_FALSE(report.findings.empty());
  EXPECT_NE(report.findings[0].where.find(largest.filename().string()), std::string::npos) << report.findings[0].where;
  EXPECT_TRUE(Verified(dir_ / "db").ok());

  // A missing table is named as well, and what lies in the others can still be read.
  std::filesystem::remove(largest);
  const VerifyReport missing = Verified(dir_ / "backup");
  EXPECT_FALSE(missing.ok());
  const auto store = Open(dir_ / "backup");
  ASSERT_NE(store, nullptr);
  EXPECT_NE(store->Stats().read_only_reason.find("damaged"), std::string::npos) << store->Stats().read_only_reason;
  EXPECT_EQ(store->Series({}, 0).value().size(), 1u);
}

}  // namespace
}  // namespace auspex
