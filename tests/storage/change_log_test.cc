#include "storage/change_log.h"

#include <algorithm>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/seed.h"

namespace auspex::storage {
namespace {

TEST(ChangeLogTest, NothingSinceNow) {
  ChangeLog log;
  EXPECT_EQ(log.EarliestSince(log.Version()), std::numeric_limits<int64_t>::max());
  log.Note(5000);
  EXPECT_EQ(log.EarliestSince(log.Version()), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(log.EarliestSince(0), 5000);
}

TEST(ChangeLogTest, LateWritesReachBack) {
  ChangeLog log;
  log.Note(10'000);
  const uint64_t before = log.Version();
  log.Note(20'000);
  EXPECT_EQ(log.EarliestSince(before), 20'000);
  log.Note(3'000);
  EXPECT_EQ(log.EarliestSince(before), 3'000);
  log.Note(30'000);
  EXPECT_EQ(log.EarliestSince(before), 3'000);
}

// Never later than the truth; in order of time, as writes mostly come, not much earlier.
TEST(ChangeLogTest, AgreesWithAListOfAllChanges) {
  std::mt19937_64 random(testing::TestSeed());
  ChangeLog log;
  std::vector<int64_t> changes;  // change i came with version i + 1
  int64_t now_ms = 0;
  for (int i = 0; i < 30'000; ++i) {
    now_ms += static_cast<int64_t>(random() % 3000);
    const int64_t late_ms = random() % 5000 == 0 ? static_cast<int64_t>(random() % 1'000'000) : 0;
    changes.push_back(now_ms - late_ms);
    log.Note(changes.back());
    if (i % 100 != 0) continue;
    const size_t back = std::min(changes.size(), static_cast<size_t>(random() % 5000));
    const int64_t earliest = log.EarliestSince(log.Version() - back);
    const int64_t truth = back == 0 ? std::numeric_limits<int64_t>::max()
                                    : *std::min_element(changes.end() - static_cast<ptrdiff_t>(back), changes.end());
    EXPECT_LE(earliest, truth);
    if (back < 1000 && back > 0) {
      EXPECT_GT(earliest, truth - 1000);
    }
  }
}

}  // namespace
}  // namespace auspex::storage
