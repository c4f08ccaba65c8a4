#include "storage/rans.h"

#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/seed.h"

namespace auspex::storage {
namespace {

std::vector<uint8_t> Make(size_t n, int shape, std::mt19937_64& random) {
  std::normal_distribution<double> normal(100, 1 + shape * 3);
  std::vector<uint8_t> out(n);
  for (uint8_t& s : out) {
    if (shape == 0) s = random() % 50 == 0 ? 7 : 3;
    if (shape == 1) s = static_cast<uint8_t>(random());
    if (shape >= 2 && shape < 6) s = static_cast<uint8_t>(std::lround(normal(random)));
    if (shape == 6) s = random() % 2 == 0 ? 0 : 255;
    if (shape == 7) s = 9;
    if (shape == 8) s = random() % 1000 == 0 ? static_cast<uint8_t>(random()) : 200;
  }
  return out;
}

double EntropyBytes(const std::vector<uint8_t>& symbols) {
  std::vector<double> counts(256);
  for (const uint8_t s : symbols) ++counts[s];
  double bits = 0;
  for (const double c : counts) {
    if (c > 0) bits += c * std::log2(static_cast<double>(symbols.size()) / c);
  }
  return bits / 8;
}

TEST(Rans, WhatWentInComesOut) {
  std::mt19937_64 random(testing::TestSeed());
  RansScratch scratch;
  for (const size_t n : {1, 2, 3, 4, 5, 17, 63, 64, 255, 256, 257, 1000, 4096, 65536}) {
    for (int shape = 0; shape < 9; ++shape) {
      SCOPED_TRACE(std::to_string(n) + " of shape " + std::to_string(shape));
      const std::vector<uint8_t> symbols = Make(n, shape, random);
      std::string bytes;
      AppendRans(bytes, symbols);
      bytes += "behind";
      ByteReader reader(bytes);
      std::vector<uint8_t> got(n);
      ASSERT_TRUE(TakeRans(reader, n, got.data(), scratch));
      EXPECT_EQ(got, symbols);
      EXPECT_EQ(reader.rest(), "behind");
    }
  }
}

TEST(Rans, IsWithinAPercentOfTheEntropy) {
  std::mt19937_64 random(7);
  for (int shape = 0; shape < 7; ++shape) {
    const std::vector<uint8_t> symbols = Make(16'384, shape, random);
    std::string bytes;
    AppendRans(bytes, symbols);
    const double table_bytes = 24 + (shape == 1 ? 160 : 24);
    EXPECT_LT(static_cast<double>(bytes.size()), EntropyBytes(symbols) * 1.01 + table_bytes) << shape;
  }
}

TEST(Rans, DamageIsContained) {
  std::mt19937_64 random(testing::TestSeed());
  RansScratch scratch;
  std::vector<uint8_t> got(2'000);
  size_t refused = 0;
  constexpr size_t kRounds = 20'000;
  for (size_t round = 0; round < kRounds; ++round) {
    const size_t n = 1 + random() % 400;
    const std::vector<uint8_t> symbols = Make(n, static_cast<int>(random() % 9), random);
    std::string bytes;
    AppendRans(bytes, symbols);
    bytes[random() % bytes.size()] ^= static_cast<char>(1 + random() % 255);
    if (round % 3 == 0) bytes.resize(random() % bytes.size());
    ByteReader reader(bytes);
    refused += TakeRans(reader, round % 5 == 0 ? 1 + random() % 2'000 : n, got.data(), scratch) ? 0 : 1;
  }
  // The final states are a check of their own; what slips through are changes of a byte that all are, or of what frequencies
  // say.
  EXPECT_GT(refused, kRounds * 7 / 10);
}

}  // namespace
}  // namespace auspex::storage
