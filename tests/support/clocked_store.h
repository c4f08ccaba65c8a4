#pragma once

#include <memory>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "tests/support/store_compare.h"
#include "tests/support/temp_dir.h"

namespace auspex::testing {

/// A store in a directory of its own, with a small memory budget and a clock that stands at 2026-01-01T00:00:00Z.
class ClockedStore : public ::testing::Test {
 protected:
  static constexpr int64_t kStartMs = 1'767'225'600'000;

  /// Closes the one before it. Of the bounds 0 is none.
  void Open(int64_t retention_ms = 0, uint64_t retention_bytes = 0) {
    store_.reset();
    StoreOptions options;
    options.path = dir_ / "db";
    options.memory_budget_bytes = uint64_t{64} << 20;
    options.retention_ms = retention_ms;
    options.retention_bytes = retention_bytes;
    options.clock = &clock_;
    auto opened = Store::Open(options);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    store_ = *std::move(opened);
  }

  TempDir dir_;
  FixedClock clock_{kStartMs};
  std::unique_ptr<Store> store_;
};

}  // namespace auspex::testing
