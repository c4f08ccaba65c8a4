#include <bit>
#include <cmath>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>

#include <gtest/gtest.h>

#include "storage/coarse_block.h"
#include "storage/partition.h"
#include "tests/support/seed.h"

namespace auspex::storage {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kStartMs = 1'767'225'600'000;

bool Same(const RunSummary& a, const RunSummary& b) {
  const auto bits = [](double v) { return std::bit_cast<uint64_t>(v); };
  return a.t_first_ms == b.t_first_ms && a.t_last_ms == b.t_last_ms && a.count == b.count && bits(a.min) == bits(b.min) &&
         bits(a.max) == bits(b.max) && bits(a.first) == bits(b.first) && bits(a.last) == bits(b.last) &&
         bits(a.sum) == bits(b.sum) && bits(a.reset_sum) == bits(b.reset_sum) && a.resets_count == b.resets_count;
}

std::vector<RunSummary> HoursOf(const std::vector<int64_t>& t, const std::vector<double>& values) {
  std::vector<RunSummary> runs;
  Summarize(t, values, kHourMs, runs);
  return runs;
}

TEST(Summarize, StretchesAreOpenOnTheLeft) {
  const auto runs = HoursOf({kStartMs, kStartMs + 1, kStartMs + kHourMs, kStartMs + kHourMs + 1}, {1, 2, 3, 4});
  ASSERT_EQ(runs.size(), 3u);
  EXPECT_EQ(runs[0].t_last_ms, kStartMs);
  EXPECT_EQ(runs[1].count, 2u);
  EXPECT_EQ(runs[1].sum, 5);
  EXPECT_EQ(runs[2].first, 4);
  EXPECT_EQ(TickAtOrAbove(-1, 10), 0);
  EXPECT_EQ(TickAtOrAbove(-10, 10), -10);
  EXPECT_EQ(TickAtOrAbove(-11, 10), -10);
  EXPECT_EQ(TickAtOrAbove(1, 10), 10);
}

TEST(Summarize, SpecialValuesCountAsTheyDoInAWalk) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const auto one = [](const std::vector<double>& values) {
    std::vector<int64_t> t(values.size());
    for (size_t i = 0; i < t.size(); ++i) t[i] = kStartMs + 1 + static_cast<int64_t>(i);
    const auto runs = HoursOf(t, values);
    return runs.empty() ? RunSummary() : runs.front();
  };
  EXPECT_EQ(one({StaleMarker(), StaleMarker()}).count, 0u);
  EXPECT_EQ(one({StaleMarker(), 5, StaleMarker(), 3}).count, 2u);
  EXPECT_EQ(one({5, StaleMarker(), 3}).reset_sum, 5);
  EXPECT_EQ(one({nan, 2, nan}).min, 2);
  EXPECT_EQ(one({nan, 2, nan}).max, 2);
  EXPECT_TRUE(std::isnan(one({nan, nan}).min));
  EXPECT_TRUE(std::isnan(one({nan, 2}).sum));
  EXPECT_EQ(one({1, inf}).sum, inf);
  EXPECT_TRUE(std::isnan(one({-inf, inf}).sum));
  EXPECT_EQ(one({1e100, 1, -1e100}).sum, 1) << "what rounding takes is kept";
  const RunSummary resets = one({5, 1, 7, 2, 2});
  EXPECT_EQ(resets.resets_count, 2u);
  EXPECT_EQ(resets.reset_sum, 12);
}

TEST(CoarseBlock, EveryBitComesBackAndNoPrefixIsTaken) {
  std::mt19937_64 random(testing::TestSeed());
  ValueScratch scratch;
  std::vector<RunSummary> got;
  for (int round = 0; round < 60; ++round) {
    const Tier tier = round % 2 == 0 ? Tier::kHour : Tier::kFiveMinutes;
    std::vector<int64_t> t;
    std::vector<double> values;
    int64_t at = round % 7 == 0 ? -5 * kHourMs : kStartMs;
    for (size_t i = 0, n = 1 + random() % 3'000; i < n; ++i) {
      at += 1 + static_cast<int64_t>(random() % (round % 3 == 0 ? 20'000 : 400'000));
      t.push_back(at);
      const uint64_t kind = random() % 20;
      values.push_back(round % 5 == 0                ? std::bit_cast<double>(random())
                       : kind == 0                   ? StaleMarker()
                       : kind == 1 && round % 5 == 1 ? -0.0
                                                     : static_cast<double>(random() % 1'000) / 8);
    }
    std::vector<RunSummary> runs;
    Summarize(t, values, ResolutionOf(tier), runs);
    if (runs.empty()) continue;
    const std::string bytes = EncodeCoarseBlock(tier, runs);
    const Status status = DecodeCoarseBlock(tier, bytes, scratch, got);
    ASSERT_TRUE(status.ok()) << status.ToString();
    ASSERT_EQ(got.size(), runs.size());
    for (size_t i = 0; i < runs.size(); ++i) ASSERT_TRUE(Same(got[i], runs[i])) << round << " " << i;
    EXPECT_FALSE(DecodeCoarseBlock(tier == Tier::kHour ? Tier::kFiveMinutes : Tier::kHour, bytes, scratch, got).ok());
    const size_t stride = 1 + bytes.size() / 40;
    for (size_t n = 0; n < bytes.size(); n += stride) {
      EXPECT_FALSE(DecodeCoarseBlock(tier, std::string_view(bytes).substr(0, n), scratch, got).ok()) << n;
    }
    std::string flipped = bytes;
    flipped[random() % bytes.size()] ^= 4;
    EXPECT_FALSE(DecodeCoarseBlock(tier, flipped, scratch, got).ok());
  }
}

TEST(CoarseBlock, GoldenFile) {
  std::vector<RunSummary> runs;
  std::vector<int64_t> t;
  std::vector<double> values;
  for (int64_t i = 0; i < 12; ++i) {
    t.push_back(kStartMs + 1'000 + i * 900'000);
    values.push_back(static_cast<double>((i * 7) % 5) / 4);
  }
  Summarize(t, values, kHourMs, runs);
  const std::string encoded = EncodeCoarseBlock(Tier::kHour, runs);
  const std::string path = AUSPEX_SOURCE_DIR "/tests/storage/golden/coarse_block_v1.bin";
  std::ifstream file(path, std::ios::binary);
  std::stringstream stored;
  stored << file.rdbuf();
  if (!file) {
    std::ofstream(path, std::ios::binary) << encoded;
    FAIL() << "there was no file: written now, look at it and add it";
  }
  EXPECT_EQ(stored.str(), encoded);
  ValueScratch scratch;
  std::vector<RunSummary> got;
  ASSERT_TRUE(DecodeCoarseBlock(Tier::kHour, stored.str(), scratch, got).ok());
  ASSERT_EQ(got.size(), runs.size());
  for (size_t i = 0; i < runs.size(); ++i) EXPECT_TRUE(Same(got[i], runs[i])) << i;
}

}  // namespace
}  // namespace auspex::storage
