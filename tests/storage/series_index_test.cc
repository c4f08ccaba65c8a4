#include "storage/series_index.h"

#include <map>

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
  std::map<std::string, std::string> symbols;
  std::map<std::string, std::string> series;
  std::vector<uint32_t> written;
  const auto into = [](auto& rows) {
    return [&](std::string_view key, std::string_view value) { rows[std::string(key)] = value; };
  };
  index_.UnstoredRows(ordinals, into(symbols), into(series), written);
  EXPECT_EQ(written, ordinals);
  index_.MarkStored(written);
  std::vector<uint32_t> again;
  index_.UnstoredRows(ordinals, into(symbols), into(series), again);
  EXPECT_TRUE(again.empty());

  SeriesIndex loaded;
  for (const auto& [key, value] : symbols) ASSERT_TRUE(loaded.LoadSymbol(key, value).ok());
  for (const auto& [key, value] : series) {
    const Status status = loaded.LoadSeries(key, value);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  EXPECT_EQ(loaded.series_count(), 99u);
  for (const uint32_t ordinal : ordinals) {
    EXPECT_EQ(loaded.LabelsOf(ordinal), index_.LabelsOf(ordinal));
    EXPECT_EQ(loaded.IdOf(ordinal), index_.IdOf(ordinal));
    EXPECT_EQ(loaded.TenantOf(ordinal), index_.TenantOf(ordinal));
  }
  EXPECT_FALSE(loaded.Belongs(50, 2));
  for (const auto& [key, value] : series) {
    for (size_t n = 0; n < value.size(); ++n) {
      EXPECT_EQ(loaded.LoadSeries(key, std::string_view(value).substr(0, n)).code(), StatusCode::kCorruption);
    }
    break;
  }
}

}  // namespace
}  // namespace auspex::storage
