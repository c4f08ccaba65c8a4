#include "storage/head.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

#include "storage/merge.h"
#include "tests/support/seed.h"

namespace auspex::storage {
namespace {

constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

TEST(Merge, TheYoungerWinsButAMarkerNeverReplacesANumber) {
  const double stale = StaleMarker();
  const struct { double older, younger, want; } rows[] = {{1, 2, 2}, {1, stale, 1}, {stale, 2, 2}, {stale, stale, stale}};
  for (const auto& row : rows) {
    SampleColumns base{{10}, {row.older}};
    MergeOver(base, std::vector<int64_t>{10}, std::vector<double>{row.younger});
    EXPECT_EQ(base.t_ms, std::vector<int64_t>{10});
    EXPECT_EQ(std::bit_cast<uint64_t>(base.values[0]), std::bit_cast<uint64_t>(row.want));
  }
}

TEST(Merge, LaysOverAnywhere) {
  SampleColumns base{{10, 20, 30}, {1, 2, 3}};
  MergeOver(base, std::vector<int64_t>{40, 50}, std::vector<double>{4, 5});
  MergeOver(base, std::vector<int64_t>{5, 20, 25, 60}, std::vector<double>{-5, -2, -25, -6});
  EXPECT_EQ(base.t_ms, (std::vector<int64_t>{5, 10, 20, 25, 30, 40, 50, 60}));
  EXPECT_EQ(base.values, (std::vector<double>{-5, 1, -2, -25, 3, 4, 5, -6}));
}

TEST(Head, AnyOrderReadsAsAMapAndAPinDoesNotMove) {
  std::mt19937_64 random(testing::TestSeed());
  Head head;
  std::map<int64_t, double> model[3];
  std::vector<std::pair<HeadPin, std::map<int64_t, double>>> pins;
  int64_t now_ms = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto ordinal = static_cast<uint32_t>(random() % 3);
    const int64_t t = random() % 4 == 0 ? static_cast<int64_t>(random() % 30'000) : now_ms += 2;
    const double value = random() % 5 == 0 ? StaleMarker() : static_cast<double>(i);
    head.Append(std::span(&ordinal, 1), std::span(&t, 1), std::span(&value, 1));
    const auto [at, added] = model[ordinal].emplace(t, value);
    if (!added) at->second = Resolve(at->second, value);
    if (i % 1'000 == 0) pins.emplace_back(head.Pin(1), model[1]);
  }
  EXPECT_EQ(head.samples_count(), 20'000u);
  SampleColumns columns;
  BlockScratch scratch;
  const auto expect = [&](const HeadPin& pin, const std::map<int64_t, double>& want, int64_t begin_ms, int64_t end_ms) {
    columns.Clear();
    pin.ReadOver(begin_ms, end_ms, scratch, columns);
    size_t i = 0;
    for (auto it = want.lower_bound(begin_ms); it != want.lower_bound(end_ms); ++it, ++i) {
      ASSERT_LT(i, columns.t_ms.size());
      ASSERT_EQ(columns.t_ms[i], it->first);
      ASSERT_EQ(std::bit_cast<uint64_t>(columns.values[i]), std::bit_cast<uint64_t>(it->second));
    }
    ASSERT_EQ(i, columns.t_ms.size());
  };
  for (const auto& [pin, want] : pins) expect(pin, want, kFirst, kEnd);
  for (uint32_t ordinal = 0; ordinal < 3; ++ordinal) {
    expect(head.Pin(ordinal), model[ordinal], kFirst, kEnd);
    expect(head.Pin(ordinal), model[ordinal], 5'000, 15'001);
  }
  EXPECT_TRUE(head.Pin(99).empty());
  EXPECT_FALSE(head.MayHave(99, kFirst, kEnd));
}

TEST(Head, AnIdleSeriesIsSmall) {
  Head head;
  std::vector<uint32_t> ordinals(10'000);
  std::vector<int64_t> t(10'000, 1);
  std::vector<double> v(10'000, 1);
  for (uint32_t i = 0; i < ordinals.size(); ++i) ordinals[i] = i;
  head.Append(ordinals, t, v);
  EXPECT_LT(head.bytes() / ordinals.size(), 40u);
  for (int64_t& each : t) each += 15'000;
  head.Append(ordinals, t, v);
  EXPECT_LT(head.bytes() / ordinals.size(), 40u);
}

TEST(Head, AnActiveSeriesIsCompressedAsItGrows) {
  Head head;
  std::mt19937_64 random(testing::TestSeed());
  std::map<int64_t, double> model;
  constexpr int kSamples = 100'000;
  for (int i = 0; i < kSamples; ++i) {
    const uint32_t ordinal = 700;
    const int64_t t = int64_t{i} * 15'000;
    const double value = static_cast<double>(random() % 100);
    head.Append(std::span(&ordinal, 1), std::span(&t, 1), std::span(&value, 1));
    model.emplace(t, value);
  }
  EXPECT_LT(static_cast<double>(head.bytes()) / kSamples, 2.0);
  EXPECT_FALSE(head.Has(699));
  SampleColumns columns;
  BlockScratch scratch;
  head.Pin(700).ReadOver(15'000, 15'000 * int64_t{kSamples - 1}, scratch, columns);
  ASSERT_EQ(columns.t_ms.size(), size_t{kSamples - 2});
  for (size_t i = 0; i < columns.t_ms.size(); ++i) ASSERT_EQ(columns.values[i], model.at(columns.t_ms[i]));
}

TEST(Head, TimesFarApartAreNoFewSamples) {
  Head head;
  const std::vector<uint32_t> ordinals(3, 5);
  const std::vector<int64_t> t = {-8'640'000'000'000'000, 8'640'000'000'000'000, 0};
  const std::vector<double> v = {1, 2, 3};
  head.Append(ordinals, t, v);
  SampleColumns columns;
  BlockScratch scratch;
  head.Pin(5).ReadOver(kFirst, kEnd, scratch, columns);
  EXPECT_EQ(columns.t_ms, (std::vector<int64_t>{t[0], t[2], t[1]}));
  EXPECT_EQ(columns.values, (std::vector<double>{1, 3, 2}));
}

}  // namespace
}  // namespace auspex::storage
