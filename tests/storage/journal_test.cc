#include "storage/journal.h"

#include <cstring>
#include <random>

#include <gtest/gtest.h>

#include "storage/keys.h"
#include "tests/support/seed.h"

namespace auspex::storage {
namespace {

TEST(Journal, RecordsComeBackAndNoPrefixIsBelieved) {
  std::mt19937_64 random(testing::TestSeed());
  for (const size_t n : {1, 2, 100, 1000}) {
    JournalRows rows;
    for (size_t i = 0; i < n; ++i) {
      rows.ordinals.push_back(static_cast<uint32_t>(i % 7 == 0 ? random() : i));
      rows.t_ms.push_back(i % 5 == 0 ? static_cast<int64_t>(random()) : 1'767'225'600'000);
      rows.values.push_back(i % 3 == 0 ? static_cast<double>(random() % 1000) : std::bit_cast<double>(random()));
    }
    const std::string bytes = EncodeJournalRecord(rows.ordinals, rows.t_ms, rows.values);
    JournalRows got;
    ASSERT_TRUE(DecodeJournalRecord(1, bytes, got).ok());
    EXPECT_EQ(got.ordinals, rows.ordinals);
    EXPECT_EQ(got.t_ms, rows.t_ms);
    EXPECT_EQ(std::memcmp(got.values.data(), rows.values.data(), n * sizeof(double)), 0);
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      const Status status = DecodeJournalRecord(77, std::string_view(bytes).substr(0, cut), got);
      EXPECT_EQ(status.code(), StatusCode::kCorruption) << cut;
      EXPECT_NE(status.message().find("journal record 77"), std::string::npos);
    }
    EXPECT_FALSE(DecodeJournalRecord(1, bytes + "x", got).ok());
  }
}

TEST(Keys, SortAsTheNumbersInThemDo) {
  const BlockKey keys[] = {
      {{-40, 1}, 9, {9, 9}, 9, 9},     {{0, 1}, 0, {0, 0}, -5, 1}, {{0, 1}, 0, {0, 0}, -5, 2},
      {{0, 1}, 0, {0, 0}, 3, 1},       {{0, 1}, 0, {0, 1}, -9, 1}, {{0, 1}, 0, {1, 0}, -9, 1},
      {{0, 1}, 1, {0, 0}, -9, 1},      {{0, 31}, 0, {0, 0}, 0, 0}, {{20'000, 31}, 0, {0, 0}, 0, 256},
      {{20'000, 31}, 0, {0, 0}, 1, 0},
  };
  for (size_t i = 0; i < std::size(keys); ++i) {
    const std::string bytes = keys[i].Encode();
    ASSERT_EQ(bytes.size(), BlockKey::kBytes);
    EXPECT_EQ(BlockKey::Decode(bytes)->Encode(), bytes);
    EXPECT_EQ(BlockKey::Decode(bytes)->ToString(), keys[i].ToString());
    EXPECT_FALSE(BlockKey::Decode(bytes.substr(1)));
    if (i > 0) {
      EXPECT_LT(keys[i - 1].Encode(), bytes) << i;
    }
  }
}

TEST(Keys, PrefixEndIsAboveEveryKeyWithThePrefix) {
  EXPECT_EQ(PrefixEnd("ab"), "ac");
  EXPECT_EQ(PrefixEnd(std::string("a\xff")), "b");
  EXPECT_EQ(PrefixEnd("\xff\xff"), "");
}

}  // namespace
}  // namespace auspex::storage
