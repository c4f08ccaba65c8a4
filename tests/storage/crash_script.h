#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "auspex/storage/verify.h"
#include "storage/partition.h"
#include "tests/support/crash_file_system.h"
#include "tests/support/hour_windows.h"
#include "tests/support/model_store.h"
#include "tests/support/store_compare.h"

namespace auspex {

/// A life of a store in steps, each of which the model knows too: everything that writes files comes up, and more than once.
/// Run with a disk that dies at some operation: afterwards the store must be what it was before the step that did not come
/// back, or what it would have been after it.
class CrashScript {
 public:
  explicit CrashScript(SyncMode sync) : sync_(sync) {}

  /// Runs until the end or until the disk died. Returns the operations that were done.
  int64_t RunWithCrashAt(int64_t n) {
    disk_ = std::make_shared<testing::CrashFileSystem>(testing::NewMemoryFileSystem());
    disk_->CrashAt(n);
    acknowledged_ = 0;
    for (const auto& step : Steps()) {
      if (const Status status = step(); !status.ok()) {
        EXPECT_TRUE(disk_->crashed()) << status.ToString();
        break;
      }
      ++acknowledged_;
    }
    store_.reset();
    crashed_ = disk_->crashed();
    return disk_->operations();
  }
  /// Whether the last run got that far.
  bool crashed() const { return crashed_; }

  /// What must be there when the store is opened again; power: what was not synced is lost.
  void Check(bool power) {
    if (power) disk_->LosePower();
    disk_->CrashAt(-1);
    std::vector<std::string> wanted;
    for (const size_t steps : {acknowledged_, acknowledged_ + 1}) wanted.push_back(DumpOfModel(steps));
    const Status opened = Open();
    ASSERT_TRUE(opened.ok()) << opened.ToString();
    EXPECT_EQ(store_->Stats().read_only_reason, "");
    const std::string got = DumpOfStore();
    EXPECT_TRUE(got == wanted[0] || got == wanted[1]) << "after step " << acknowledged_ << "\ngot:\n"
                                                      << got << "wanted:\n"
                                                      << wanted[0] << "or:\n"
                                                      << wanted[1];
    // And it goes on from there.
    ASSERT_TRUE(Put(99).ok());
    const std::string before = DumpOfStore();
    ASSERT_TRUE(store_->Seal().ok());
    EXPECT_EQ(DumpOfStore(), before);
    ASSERT_TRUE(store_->ApplyRetention().ok());
    EXPECT_EQ(DumpOfStore(), before);
    store_.reset();
    VerifyOptions verify;
    verify.path = "/db";
    verify.file_system = disk_;
    const auto report = Verify(verify);
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    EXPECT_TRUE(report->ok()) << report->findings[0].where << ": " << report->findings[0].what;
  }

 private:
  static constexpr int64_t kNowMs = 1'767'225'600'000;

  Status Open() {
    store_.reset();
    StoreOptions options;
    options.path = "/db";
    options.memory_budget_bytes = uint64_t{64} << 20;
    options.retention_ms = 5 * storage::kDayMs;
    options.retention_1h_ms = 50 * storage::kDayMs;
    options.sync = sync_;
    options.clock = &clock_;
    options.file_system = disk_;
    AUSPEX_ASSIGN_OR_RETURN(store_, Store::Open(options));
    return OkStatus();
  }
  // Batch k: three series, over two partitions, some times again.
  static WriteBatch BatchOf(int k) {
    WriteBatch batch;
    for (int s = 0; s < 3; ++s) {
      const std::string name = "s" + std::to_string(s + k % 2);
      const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", "n"}, {"s", name}}));
      for (int i = 0; i < 8; ++i) batch.Add(ref, kNowMs + ((k % 5) * 6 + i) * 3'600'000 / 2 - storage::kDayMs, k * 100 + i);
    }
    return batch;
  }
  Status Put(int k) {
    Transaction transaction;
    transaction.samples() = BatchOf(k);
    transaction.Put(RecordKind::kSetting, std::to_string(k % 4), std::to_string(k));
    return store_->Commit(transaction).status();
  }
  static SelectRequest DeletionOf(int k) {
    SelectRequest request;
    request.matchers = {Matcher::Of(Matcher::Op::kEqual, "s", "s" + std::to_string(k % 3))};
    request.begin_ms = kNowMs - storage::kDayMs + k * 3'600'000;
    request.end_ms = request.begin_ms + 10 * 3'600'000;
    return request;
  }

  enum class Op : uint8_t { kOpen, kPut, kFlush, kSeal, kDelete, kRetention, kBackup };
  static const std::vector<std::pair<Op, int>>& Rows() {
    static const std::vector<std::pair<Op, int>> kRows = {
        {Op::kOpen, 0},   {Op::kPut, 1},    {Op::kPut, 2},   {Op::kFlush, 0},     {Op::kPut, 3},  {Op::kSeal, 0},
        {Op::kPut, 4},    {Op::kFlush, 0},  {Op::kPut, 5},   {Op::kDelete, 1},    {Op::kPut, 6},  {Op::kOpen, 0},
        {Op::kSeal, 0},   {Op::kDelete, 2}, {Op::kPut, 7},   {Op::kFlush, 0},     {Op::kSeal, 0}, {Op::kPut, 8},
        {Op::kBackup, 0}, {Op::kPut, 9},    {Op::kFlush, 0}, {Op::kRetention, 5}, {Op::kPut, 10}, {Op::kOpen, 0},
        {Op::kPut, 11},   {Op::kSeal, 0},   {Op::kOpen, 0}};
    return kRows;
  }
  std::vector<std::function<Status()>> Steps() {
    clock_.Set(kNowMs);
    std::vector<std::function<Status()>> steps;
    for (const auto& row : Rows()) steps.push_back([this, op = row.first, k = row.second] { return Do(op, k); });
    return steps;
  }
  Status Do(Op op, int k) {
    switch (op) {
      case Op::kOpen:
        return Open();
      case Op::kPut:
        return Put(k);
      case Op::kFlush:
        return store_->Flush();
      case Op::kSeal:
        return store_->Seal();
      case Op::kDelete:
        return store_->Delete(DeletionOf(k)).status();
      case Op::kRetention:
        clock_.Set(kNowMs + k * storage::kDayMs);
        return store_->ApplyRetention();
      case Op::kBackup:
        return store_->Backup("/backup");
    }
    return OkStatus();
  }
  std::string DumpOfModel(size_t steps) {
    testing::ModelStore model;
    std::string hours;  // what is left of expired samples: as they were when they expired
    for (size_t i = 0; i < std::min(steps, Rows().size()); ++i) {
      const auto [op, k] = Rows()[i];
      if (op == Op::kPut) {
        Transaction transaction;
        transaction.samples() = BatchOf(k);
        transaction.Put(RecordKind::kSetting, std::to_string(k % 4), std::to_string(k));
        EXPECT_TRUE(model.Commit(transaction).ok());
      } else if (op == Op::kDelete) {
        model.Delete(DeletionOf(k));
      } else if (op == Op::kRetention) {
        hours = Hours(model);
      }
    }
    if (hours.empty()) hours = Hours(model);
    model.Expire(clock_.NowMs() - 5 * storage::kDayMs);
    return Dump(model) + hours;
  }
  std::string DumpOfStore() { return Dump(*store_) + Hours(*store_); }
  // Of the whole script: nothing is written behind the retention's step that has not expired.
  static std::string Hours(const SeriesStore& store) {
    return testing::DumpWindows(store, kNowMs - 3 * storage::kDayMs, kNowMs + storage::kDayMs, 3'600'000, /*sums=*/true);
  }
  template <typename Any>
  static std::string Dump(const Any& store) {
    std::string out = testing::Dump(store, {});
    EXPECT_TRUE(store
                    .ScanRecords(kDefaultTenant, RecordKind::kSetting, "", "", false,
                                 [&](const Record& record) {
                                   out += record.key + "=" + record.value + "\n";
                                   return true;
                                 })
                    .ok());
    return out;
  }

  const SyncMode sync_;
  testing::FixedClock clock_{kNowMs};
  std::shared_ptr<testing::CrashFileSystem> disk_;
  std::unique_ptr<Store> store_;
  bool crashed_ = false;
  size_t acknowledged_ = 0;
};

}  // namespace auspex
