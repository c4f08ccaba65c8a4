#include "storage/ordinal_bytes.h"

#include <random>

#include <gtest/gtest.h>

#include "storage/base/bytes.h"
#include "tests/support/seed.h"

namespace auspex::storage {
namespace {

std::string U16(std::initializer_list<uint32_t> values) {
  std::string out;
  for (const uint32_t value : values) AppendFixed(out, static_cast<uint16_t>(value));
  return out;
}
// One container with the key 0: an array or a bitset, or runs.
std::string Plain(uint32_t cardinality, const std::string& content) {
  return U16({12346, 0, 1, 0, 0, cardinality - 1, 16, 0}) + content;
}
std::string Runs(uint32_t cardinality, std::initializer_list<uint32_t> runs) {
  return U16({12347, 0}) + '\x01' + U16({0, cardinality - 1, static_cast<uint32_t>(runs.size() / 2)}) + U16(runs);
}
bool Reads(const std::string& bytes) { return ParseOrdinals(bytes).ok(); }

TEST(OrdinalBytes, SetsOfAnyShapeComeBack) {
  std::mt19937_64 random(testing::TestSeed());
  for (int round = 0; round < 60; ++round) {
    Roaring set;
    for (uint64_t containers = random() % 6; containers > 0; --containers) {
      const auto base = static_cast<uint32_t>(random() % 50) << 16;
      switch (random() % 3) {
        case 0:
          for (int i = 0; i < 300; ++i) set.add(base + static_cast<uint32_t>(random() % 65536));
          break;
        case 1:
          for (int i = 0; i < 30'000; ++i) set.add(base + static_cast<uint32_t>(random() % 65536));
          break;
        default:
          set.addRange(base + random() % 1000, base + 1000 + random() % 60'000);
      }
    }
    const std::string bytes = SerializeOrdinals(set);
    const auto read = ParseOrdinals(bytes);
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    EXPECT_EQ(*read, set);
    for (size_t n = 0; n < bytes.size(); n += 1 + n / 16) EXPECT_FALSE(Reads(bytes.substr(0, n))) << n;
    EXPECT_FALSE(Reads(bytes + '\0'));
  }
}

TEST(OrdinalBytes, WhatRoaringWouldBelieveIsLookedAt) {
  EXPECT_TRUE(Reads(Plain(3, U16({1, 5, 9}))));
  EXPECT_FALSE(Reads(Plain(3, U16({1, 9, 5}))));
  EXPECT_FALSE(Reads(Plain(3, U16({1, 1, 5}))));
  std::string bits(8192, '\0');
  EXPECT_FALSE(Reads(Plain(5000, bits))) << "has none of the 5,000 that it says";
  for (size_t i = 0; i < 625; ++i) bits[i] = '\xff';
  EXPECT_TRUE(Reads(Plain(5000, bits)));
  EXPECT_FALSE(Reads(Plain(5001, bits)));
  EXPECT_TRUE(Reads(Runs(9, {1, 5, 100, 2})));
  EXPECT_FALSE(Reads(Runs(9, {100, 2, 1, 5}))) << "not in order";
  EXPECT_FALSE(Reads(Runs(9, {1, 5, 4, 2}))) << "one in the other";
  EXPECT_FALSE(Reads(Runs(10, {1, 5, 100, 2})));
  EXPECT_FALSE(Reads(Runs(1001, {65'530, 1'000}))) << "beyond the container";
  EXPECT_TRUE(Reads(Runs(65'536, {0, 65'535})));
}

}  // namespace
}  // namespace auspex::storage
