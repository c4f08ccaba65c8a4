// What the store does when the disk does not.
#include <chrono>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "tests/support/fault_file_system.h"
#include "tests/support/store_compare.h"
#include "tests/support/temp_dir.h"

namespace auspex {
namespace {

using testing::Dump;
using testing::FaultFileSystem;

class StoreFault : public ::testing::Test {
 protected:
  void Open(SyncMode sync) {
    store_.reset();
    StoreOptions options;
    options.path = dir_ / "db";
    options.sync = sync;
    options.memory_budget_bytes = uint64_t{64} << 20;
    options.file_system = disk_;
    options.retention_ms = retention_ms_;
    options.clock = clock_;
    auto opened = Store::Open(options);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    store_ = *std::move(opened);
  }
  Status Put(int64_t t_ms) {
    WriteBatch batch;
    batch.Add(batch.AddSeries(Labels::Of({{"__name__", "up"}})), t_ms, 1);
    return store_->Append(batch).status();
  }
  // The disk is looked at every 200 ms.
  Status PutWithin(int64_t t_ms, StatusCode wanted) {
    Status status;
    for (int i = 0; i < 100; ++i) {
      status = Put(t_ms);
      if (status.code() == wanted) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return status;
  }

  const Clock* clock_ = &Clock::System();
  int64_t retention_ms_ = 0;
  testing::TempDir dir_;
  std::shared_ptr<FaultFileSystem> disk_ = std::make_shared<FaultFileSystem>();
  std::unique_ptr<Store> store_;
};

TEST_F(StoreFault, AFullDiskRefusesWritesUntilThereIsRoom) {
  Open(SyncMode::kInterval);
  ASSERT_TRUE(Put(1).ok());
  disk_->free_bytes = 1'000'000;
  const Status full = PutWithin(2, StatusCode::kResourceExhausted);
  EXPECT_EQ(full.code(), StatusCode::kResourceExhausted);
  EXPECT_NE(full.message().find("1000000 bytes free"), std::string::npos) << full.message();
  EXPECT_TRUE(store_->Stats().read_only_reason.empty());
  disk_->free_bytes = 0;
  EXPECT_TRUE(PutWithin(3, StatusCode::kOk).ok());
}

TEST_F(StoreFault, RetentionAndDeletionGoOnWhileTheDiskIsFull) {
  constexpr int64_t kDayMs = 86'400'000;
  testing::FixedClock clock(20'000 * kDayMs);
  clock_ = &clock;
  retention_ms_ = 2 * kDayMs;
  Open(SyncMode::kInterval);
  const auto put = [&](const std::string& name, int64_t t_ms) {
    WriteBatch batch;
    batch.Add(batch.AddSeries(Labels::Of({{"__name__", name}})), t_ms, 1);
    return store_->Append(batch).status();
  };
  ASSERT_TRUE(put("old", clock.NowMs() - kDayMs).ok());
  ASSERT_TRUE(put("unwanted", clock.NowMs()).ok());
  ASSERT_TRUE(store_->Seal().ok());
  ASSERT_TRUE(put("unwanted", clock.NowMs() + 1).ok());  // in the head
  ASSERT_TRUE(put("kept", clock.NowMs() + kDayMs * 3 / 2).ok());

  disk_->free_bytes = 1'000'000;
  ASSERT_EQ(PutWithin(clock.NowMs(), StatusCode::kResourceExhausted).code(), StatusCode::kResourceExhausted);
  SelectRequest request;
  request.matchers = {Matcher::Of(Matcher::Op::kEqual, "__name__", "unwanted")};
  const Result<uint64_t> deleted = store_->Delete(request);
  ASSERT_TRUE(deleted.ok()) << deleted.status().ToString();
  EXPECT_EQ(*deleted, 1u);
  EXPECT_EQ(Dump(*store_, request), "");
  clock.Set(clock.NowMs() + 3 * kDayMs / 2);
  const Status applied = store_->ApplyRetention();
  ASSERT_TRUE(applied.ok()) << applied.ToString();
  const std::string left = Dump(*store_, {});
  EXPECT_EQ(left.find("old"), std::string::npos) << left;
  EXPECT_NE(left.find("kept"), std::string::npos) << left;
  EXPECT_EQ(Put(clock.NowMs()).code(), StatusCode::kResourceExhausted);

  disk_->free_bytes = 0;
  EXPECT_TRUE(PutWithin(clock.NowMs(), StatusCode::kOk).ok());
}

TEST_F(StoreFault, AFailedSyncMakesReadOnlyWithTheFirstCause) {
  Open(SyncMode::kAlways);
  ASSERT_TRUE(Put(1).ok());
  disk_->fail_syncs = true;
  EXPECT_EQ(Put(2).code(), StatusCode::kIoError);
  disk_->fail_syncs = false;
  for (int i = 0; i < 2; ++i) {
    const Status later = Put(3);
    EXPECT_EQ(later.code(), StatusCode::kFailedPrecondition);
    EXPECT_NE(later.message().find("injected: sync"), std::string::npos) << later.message();
  }
  EXPECT_NE(store_->Stats().read_only_reason.find("injected: sync"), std::string::npos);
  EXPECT_NE(Dump(*store_, {}).find("  1 "), std::string::npos);  // what is there can still be read
  Open(SyncMode::kAlways);
  EXPECT_TRUE(Put(4).ok());
  EXPECT_NE(Dump(*store_, {}).find("  1 "), std::string::npos);
}

TEST_F(StoreFault, AFailedBackgroundSyncIsNotForgotten) {
  Open(SyncMode::kInterval);
  disk_->fail_syncs = true;
  ASSERT_TRUE(Put(1).ok());
  EXPECT_EQ(PutWithin(2, StatusCode::kFailedPrecondition).code(), StatusCode::kFailedPrecondition);
}

// RocksDB asserts when it comes back to a file that failed, and Debian's has its assertions on.
TEST_F(StoreFault, NoIoErrorEndsTheProcess) {
  for (int round = 0; round < 8; ++round) {
    SCOPED_TRACE(round);
    Open(SyncMode::kNever);
    ASSERT_EQ(store_->Stats().read_only_reason, "");
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(Put(100 * round + i).ok());
      ASSERT_TRUE(i == 3 || store_->Flush().ok());
    }
    const std::string before = Dump(*store_, {});
    const bool tables = round % 2 == 0;
    disk_->fail_tables = tables;
    disk_->fail_appends = !tables && round % 4 == 1;
    disk_->fail_syncs = !tables;
    // The journal is cut: what is merged then leaves no row.
    const Status first = round < 4 ? store_->Seal() : store_->Flush();
    if (disk_->fail_appends || tables) {
      EXPECT_EQ(first.code(), StatusCode::kIoError) << first.ToString();
    }
    EXPECT_EQ(Put(1'000'000).ok(), first.ok());
    static_cast<void>(store_->Flush());
    EXPECT_EQ(Dump(*store_, {}).substr(0, before.size()), before);
    static_cast<void>(store_->Close());
    disk_->fail_tables = disk_->fail_appends = disk_->fail_syncs = false;
    Open(SyncMode::kNever);
    EXPECT_EQ(Dump(*store_, {}).substr(0, before.size()), before);
  }
}

TEST_F(StoreFault, AFailedWriteIsNotAcknowledgedAndNotSeen) {
  Open(SyncMode::kNever);
  ASSERT_TRUE(Put(1).ok());
  const std::string before = Dump(*store_, {});
  disk_->fail_appends = true;
  EXPECT_EQ(Put(2).code(), StatusCode::kIoError);
  disk_->fail_appends = false;
  EXPECT_EQ(Dump(*store_, {}), before);
  EXPECT_EQ(Put(3).code(), StatusCode::kFailedPrecondition);
  Open(SyncMode::kNever);
  EXPECT_NE(Dump(*store_, {}).find("  1 "), std::string::npos);
}

}  // namespace
}  // namespace auspex
