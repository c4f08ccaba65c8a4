#include "storage/series_index.h"

#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace auspex::storage {
namespace {

using enum Matcher::Op;

Labels Make(const std::string& name, const std::string& instance, const std::string& zone = "") {
  return Labels::Of({{"__name__", name}, {"instance", instance}, {"zone", zone}});
}

class SeriesIndexTest : public ::testing::Test {
 protected:
  uint32_t Add(const Labels& labels, TenantId tenant = 0) {
    uint32_t ordinal = 0;
    EXPECT_TRUE(index_.ResolveAll(tenant, {&labels, 1}, {&ordinal, 1}).ok());
    return ordinal;
  }
  std::vector<uint32_t> Match(const std::vector<Matcher>& matchers, TenantId tenant = 0) {
    uint32_t end = 0;
    const Roaring found = index_.Match(tenant, matchers, end);
    Roaring one_by_one;  // the plain twin
    index_.MatchFrom(0, tenant, matchers, one_by_one, end);
    EXPECT_EQ(found, one_by_one);
    return {found.begin(), found.end()};
  }
  struct Rows {
    std::vector<std::string> symbols;
    std::vector<std::string> series;
  };
  Rows Store(std::span<const uint32_t> ordinals, std::vector<uint32_t>* written = nullptr) {
    IndexRowWriter symbols;
    IndexRowWriter series;
    std::vector<uint32_t> own;
    index_.Unstored(ordinals, symbols, series, own);
    index_.MarkStored(own);
    if (written != nullptr) *written = own;
    return {symbols.Take(), series.Take()};
  }
  static void Remove(std::span<const uint32_t> numbers, std::vector<std::string>& rows) {
    IndexRowWriter removed;
    for (const uint32_t number : numbers) removed.AddRemoved(number);
    for (std::string& row : removed.Take()) rows.push_back(std::move(row));
  }
  /// The series that are lost.
  static std::vector<uint32_t> Load(const Rows& rows, SeriesIndex& index, bool two_threads) {
    for (const std::string& row : rows.symbols) EXPECT_TRUE(index.LoadSymbols(row).ok());
    for (const std::string& row : rows.series) EXPECT_TRUE(index.LoadSeries(row).ok());
    std::vector<uint32_t> lost;
    index.FinishLoading(two_threads, [&](uint32_t ordinal, const Status& status) {
      EXPECT_EQ(status.code(), StatusCode::kCorruption);
      lost.push_back(ordinal);
    });
    return lost;
  }
  SeriesIndex index_;
};

TEST_F(SeriesIndexTest, EveryMatcherAgreesWithLookingAtEverySeries) {
  for (int i = 0; i < 40; ++i) {
    const std::string instance = "host-" + std::to_string(i % 20);
    const std::string zone = i % 3 == 0 ? "" : "z" + std::to_string(i % 3);
    Add(Make(i < 20 ? "up" : "load", instance, zone));
  }
  Add(Make("up", "host-0"), /*tenant=*/5);
  EXPECT_EQ(Match({}).size(), 40u);
  EXPECT_EQ(Match({}, 5), std::vector<uint32_t>{40});
  EXPECT_EQ(Match({}, 6), std::vector<uint32_t>{});
  const struct {
    Matcher::Op op;
    const char* name;
    const char* value;
    size_t want;
  } rows[] = {
      {kEqual, "__name__", "up", 20},
      {kEqual, "__name__", "nope", 0},
      {kEqual, "zone", "", 14},
      {kNotEqual, "zone", "", 26},
      {kNotEqual, "zone", "z1", 27},
      {kRegex, "zone", "z[12]", 26},
      {kRegex, "zone", "z1|", 27},
      {kRegex, "zone", ".*", 40},
      {kRegex, "zone", ".+", 26},
      {kNotRegex, "zone", "z1", 27},
      {kNotRegex, "zone", "z1|", 13},
      {kRegex, "instance", "host-1.*", 22},
      {kNotRegex, "instance", "host-1.*", 18},
      {kEqual, "absent", "", 40},
      {kNotEqual, "absent", "", 0},
      {kRegex, "absent", "x*", 40},
      {kNotRegex, "absent", "x", 40},
      {kRegex, "instance", "host-(1|2)", 4},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(Matcher::Of(row.op, row.name, row.value).ToString());
    EXPECT_EQ(Match({Matcher::Of(row.op, row.name, row.value)}).size(), row.want);
    EXPECT_LE(Match({Matcher::Of(kEqual, "__name__", "up"), Matcher::Of(row.op, row.name, row.value)}).size(), row.want);
  }
}

TEST_F(SeriesIndexTest, TheSameLabelsAreTheSameSeries) {
  const uint32_t first = Add(Make("up", "a"));
  EXPECT_EQ(Add(Make("up", "a")), first);
  EXPECT_NE(Add(Make("up", "b")), first);
  EXPECT_NE(Add(Make("up", "a"), 1), first);
  EXPECT_EQ(index_.LabelsOf(first), Make("up", "a"));
  EXPECT_EQ(index_.IdOf(first).group, index_.IdOf(Add(Make("up", "b"))).group);
  EXPECT_NE(index_.IdOf(first).group, index_.IdOf(Add(Make("load", "a"))).group);
  EXPECT_TRUE(index_.Belongs(first, 0));
  EXPECT_FALSE(index_.Belongs(first, 1));
  EXPECT_FALSE(index_.Belongs(99, 0));
}

TEST_F(SeriesIndexTest, RowsLoadIntoTheSameIndex) {
  std::vector<uint32_t> ordinals;
  for (int i = 0; i < 100; ++i)
    ordinals.push_back(Add(Make(i % 2 == 0 ? "up" : "load", std::to_string(i)), static_cast<TenantId>(i % 3)));
  ordinals.erase(ordinals.begin() + 50);  // a series that never got a sample is not stored
  std::vector<uint32_t> written;
  const Rows rows = Store(ordinals, &written);
  EXPECT_EQ(written, ordinals);
  EXPECT_TRUE(Store(ordinals).symbols.empty());
  EXPECT_TRUE(Store(ordinals).series.empty());

  for (const bool two_threads : {false, true}) {
    SeriesIndex loaded;
    EXPECT_EQ(Load(rows, loaded, two_threads), std::vector<uint32_t>{});
    EXPECT_EQ(loaded.series_count(), 99u);
    EXPECT_EQ(loaded.ordinals_end(), 100u);
    for (const uint32_t ordinal : ordinals) {
      EXPECT_EQ(loaded.LabelsOf(ordinal), index_.LabelsOf(ordinal));
      EXPECT_EQ(loaded.IdOf(ordinal), index_.IdOf(ordinal));
      EXPECT_EQ(loaded.TenantOf(ordinal), index_.TenantOf(ordinal));
      uint32_t again = 0;
      const Labels labels = index_.LabelsOf(ordinal);
      ASSERT_TRUE(loaded.ResolveAll(index_.TenantOf(ordinal), {&labels, 1}, {&again, 1}).ok());
      EXPECT_EQ(again, ordinal);
    }
    EXPECT_FALSE(loaded.Belongs(50, 2));
    for (TenantId tenant = 0; tenant < 4; ++tenant) {
      for (const Matcher& matcher : {Matcher::Of(kEqual, "__name__", "up"), Matcher::Of(kRegex, "instance", "1.*"),
                                     Matcher::Of(kEqual, "instance", "51"), Matcher::Of(kNotEqual, "instance", "")}) {
        uint32_t end = 0;
        Roaring want = index_.Match(tenant, {&matcher, 1}, end);
        want.remove(50);
        EXPECT_EQ(loaded.Match(tenant, {&matcher, 1}, end), want) << matcher.ToString();
      }
    }
    // A new series of a known metric joins its group, one of a new metric does not.
    for (const char* metric : {"up", "new"}) {
      const Labels labels = Make(metric, "another");
      uint32_t ordinal = 0;
      ASSERT_TRUE(loaded.ResolveAll(0, {&labels, 1}, {&ordinal, 1}).ok());
      EXPECT_EQ(loaded.IdOf(ordinal).group == index_.IdOf(0).group, std::string(metric) == "up");
    }
  }
}

TEST_F(SeriesIndexTest, ManySeriesLoadLikeFew) {
  // More than one slice of postings, and labels that some series lack.
  std::vector<uint32_t> ordinals;
  for (int i = 0; i < 70'000; ++i)
    ordinals.push_back(
        Add(Make(i % 7 == 0 ? "up" : "load", "i" + std::to_string(i), i % 3 == 0 ? "" : "z" + std::to_string(i % 50))));
  SeriesIndex loaded;
  EXPECT_EQ(Load(Store(ordinals), loaded, /*two_threads=*/true), std::vector<uint32_t>{});
  for (const Matcher& matcher :
       {Matcher::Of(kEqual, "zone", "z7"), Matcher::Of(kEqual, "zone", ""), Matcher::Of(kRegex, "instance", ".*77"),
        Matcher::Of(kEqual, "instance", "i69999"), Matcher::Of(kNotEqual, "__name__", "up")}) {
    uint32_t end = 0;
    EXPECT_EQ(loaded.Match(0, {&matcher, 1}, end), index_.Match(0, {&matcher, 1}, end)) << matcher.ToString();
  }
  EXPECT_EQ(loaded.symbols_count(), index_.symbols_count());
}

TEST_F(SeriesIndexTest, WhatHasLeftStaysAwayAndItsSymbolsAreGivenAgain) {
  std::vector<uint32_t> ordinals;
  for (int i = 0; i < 10; ++i) ordinals.push_back(Add(Make("up", "i" + std::to_string(i))));
  Rows rows = Store(ordinals);
  index_.SetToday(5);
  std::vector<uint32_t> series;
  std::vector<uint32_t> symbols;
  index_.Evict(std::vector<uint32_t>{2, 3, 4}, /*day=*/5, series, symbols);
  EXPECT_EQ(series, (std::vector<uint32_t>{2, 3, 4}));
  EXPECT_EQ(symbols.size(), 3u);  // what they had of their own
  Remove(series, rows.series);
  Remove(symbols, rows.symbols);
  const uint32_t later = Add(Make("up", "later"));
  EXPECT_EQ(later, 10u);
  const Rows more = Store({&later, 1});
  rows.series.insert(rows.series.end(), more.series.begin(), more.series.end());
  rows.symbols.insert(rows.symbols.end(), more.symbols.begin(), more.symbols.end());

  const auto check = [&](const Rows& stored) {
    SeriesIndex loaded;
    EXPECT_EQ(Load(stored, loaded, /*two_threads=*/false), std::vector<uint32_t>{});
    EXPECT_EQ(loaded.series_count(), 8u);
    EXPECT_EQ(loaded.symbols_count(), index_.symbols_count());
    for (uint32_t ordinal = 0; ordinal < 11; ++ordinal) {
      ASSERT_EQ(loaded.Known(ordinal), ordinal < 2 || ordinal > 4) << ordinal;
      if (loaded.Known(ordinal)) {
        EXPECT_EQ(loaded.LabelsOf(ordinal), index_.LabelsOf(ordinal));
      }
    }
  };
  check(rows);
  // Tidied up: a row with something that left is written anew without it, behind all others; the removals go.
  Rows tidied;
  IndexRowWriter left;
  EXPECT_EQ(*index_.SymbolsLeft(rows.symbols[0], left), 3u);
  tidied.symbols = {rows.symbols[2]};
  for (std::string& row : left.Take()) tidied.symbols.push_back(std::move(row));
  EXPECT_EQ(*index_.SeriesLeft(rows.series[0], left), 3u);
  tidied.series = {rows.series[2]};
  for (std::string& row : left.Take()) tidied.series.push_back(std::move(row));
  check(tidied);
}

TEST_F(SeriesIndexTest, ASeriesWithoutItsSymbolsIsLostAlone) {
  Rows rows = Store(std::vector<uint32_t>{Add(Make("up", "a")), Add(Make("up", "b"))});
  const Rows third = Store(std::vector<uint32_t>{Add(Make("load", "c"))});
  rows.series.insert(rows.series.end(), third.series.begin(), third.series.end());
  SeriesIndex loaded;
  EXPECT_EQ(Load(rows, loaded, /*two_threads=*/true), std::vector<uint32_t>{2});
  EXPECT_EQ(loaded.series_count(), 2u);
  EXPECT_EQ(loaded.LabelsOf(1), Make("up", "b"));
  EXPECT_FALSE(loaded.Known(2));
  EXPECT_EQ(loaded.ordinals_end(), 3u);  // never given to another series
}

TEST_F(SeriesIndexTest, OfADamagedRowNothingIsTaken) {
  const Rows rows = Store(std::vector<uint32_t>{Add(Make("up", "a")), Add(Make("up", "b"))});
  for (size_t n = 0; n < rows.series[0].size(); ++n) {
    SeriesIndex loaded;
    const auto status = loaded.LoadSeries(std::string_view(rows.series[0]).substr(0, n)).status();
    if (status.ok()) continue;  // whole series, or none
    EXPECT_EQ(status.code(), StatusCode::kCorruption);
    EXPECT_EQ(loaded.series_count(), 0u);
  }
}

}  // namespace
}  // namespace auspex::storage
