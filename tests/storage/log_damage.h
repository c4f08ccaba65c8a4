#pragma once

#include <memory>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "auspex/storage/verify.h"
#include "tests/support/crash_file_system.h"
#include "tests/support/file_image.h"
#include "tests/support/store_compare.h"

namespace auspex {

/// A closed database whose samples lie in the log alone, and what becomes of it when the log is damaged.
class LogDamage {
 public:
  LogDamage() {
    const auto disk = std::make_shared<testing::CrashFileSystem>(testing::NewMemoryFileSystem());
    auto store = Open(disk, false);
    EXPECT_TRUE(store.ok()) << store.status().ToString();
    for (int k = 0; k < 12; ++k) {
      WriteBatch batch;
      const std::string name = std::to_string(k % 5);
      const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", "n"}, {"s", name}}));
      for (int i = 0; i < 3; ++i) batch.Add(ref, 1000 * k + i, k + i / 10.0);
      EXPECT_EQ((*store)->Append(batch)->accepted, 3u);
    }
    want_ = testing::Dump(**store, {});
    EXPECT_TRUE((*store)->Close().ok());
    store->reset();
    image_ = testing::ReadImage(*disk, "/db");
    for (const auto& [name, bytes] : image_) {
      if (name.ends_with(".log") && bytes.size() > log_bytes()) log_ = name;
    }
    EXPECT_GT(log_bytes(), 500u);
  }

  size_t log_bytes() const { return log_.empty() ? 0 : image_.at(log_).size(); }

  void FlipAndCheck(size_t at) {
    Check([&](std::string& log) { log[at] = static_cast<char>(log[at] ^ (1 << (at % 8))); });
  }
  void TruncateAndCheck(size_t bytes) {
    Check([&](std::string& log) { log.resize(bytes); });
  }
  void RemoveAndCheck(const std::string& suffix, bool acceptable) {
    for (const auto& [name, bytes] : image_) {
      if (!name.ends_with(suffix) && !name.starts_with(suffix)) continue;
      SCOPED_TRACE("without " + name);
      testing::FileImage damaged = image_;
      damaged.erase(name);
      CheckImage(damaged, acceptable);
    }
  }

 private:
  static Result<std::unique_ptr<Store>> Open(const std::shared_ptr<rocksdb::FileSystem>& disk, bool accept) {
    StoreOptions options;
    options.path = "/db";
    options.memory_budget_bytes = uint64_t{64} << 20;
    options.sync = SyncMode::kAlways;
    options.accept_data_loss = accept;
    options.file_system = disk;
    return Store::Open(options);
  }
  template <typename Damage>
  void Check(const Damage& damage) {
    testing::FileImage damaged = image_;
    damage(damaged[log_]);
    CheckImage(damaged, /*acceptable=*/true);
  }

  void CheckImage(const testing::FileImage& damaged, bool acceptable) {
    const auto disk = std::make_shared<testing::CrashFileSystem>(testing::NewMemoryFileSystem());
    testing::WriteImage(*disk, "/db", damaged);
    CheckVerify(disk, damaged);
    std::string reason;
    {
      auto store = Open(disk, false);
      if (!store.ok()) {
        EXPECT_FALSE(acceptable) << store.status().ToString();
        EXPECT_GT(store.status().message().size(), 20u);  // says what
        return;
      }
      reason = (*store)->Stats().read_only_reason;
      const std::string got = testing::Dump(**store, {});
      if (reason.empty()) {
        EXPECT_EQ(got, want_) << "and nobody was told";
      } else {
        EXPECT_TRUE(WithinWanted(got));
        EXPECT_EQ(Put(**store).code(), StatusCode::kFailedPrecondition);
      }
    }
    if (reason.empty() || !acceptable) return;
    // Whoever accepts the loss goes on with what could be read, and is not asked again.
    for (const bool accept : {true, false}) {
      auto store = Open(disk, accept);
      ASSERT_TRUE(store.ok()) << store.status().ToString();
      EXPECT_EQ((*store)->Stats().read_only_reason, "");
      EXPECT_EQ((*store)->Stats().accepted_damage.empty(), !accept);
      EXPECT_TRUE(WithinWanted(testing::Dump(**store, {})));
      if (!accept) {
        EXPECT_TRUE(Put(**store).ok());
      }
      EXPECT_TRUE((*store)->Close().ok());
    }
  }

  void CheckVerify(const std::shared_ptr<rocksdb::FileSystem>& disk, const testing::FileImage& damaged) {
    VerifyOptions options;
    options.path = "/db";
    options.file_system = disk;
    const auto report = Verify(options);
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    if (report->ok()) {
      EXPECT_EQ(report->samples_count, 36u) << "and nothing was found";
    }
    EXPECT_EQ(testing::ReadImage(*disk, "/db"), damaged) << "verify must change nothing";
  }

  static Status Put(Store& store) {
    WriteBatch batch;
    batch.Add(batch.AddSeries(Labels::Of({{"__name__", "later"}})), 1, 1);
    return store.Append(batch).status();
  }
  // Whether every line is one that was stored: nothing is made up.
  bool WithinWanted(const std::string& got) const {
    std::istringstream want(want_);
    std::set<std::string> known;
    for (std::string line; std::getline(want, line);) known.insert(line);
    std::istringstream lines(got);
    for (std::string line; std::getline(lines, line);) {
      if (!known.contains(line)) return false;
    }
    return true;
  }

  testing::FileImage image_;
  std::string log_;
  std::string want_;
};

}  // namespace auspex
