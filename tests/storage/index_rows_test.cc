#include "storage/index_rows.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace auspex::storage {
namespace {

struct Stored {
  uint32_t ordinal;
  TenantId tenant;
  uint32_t group;
  std::vector<SymbolPair> pairs;
  friend bool operator==(const Stored&, const Stored&) = default;
};

const std::vector<std::pair<uint32_t, std::string>> kTexts = {
    {0, "__name__"}, {1, "up"}, {7, "instance"}, {6, "host-1"}, {0xffff'fff0, std::string(300, 'x')}};
const std::vector<Stored> kStored = {{5, 0, 1, {{0, 1}, {7, 6}}},
                                     {6, 0, 1, {{0, 1}, {7, 9}, {8, 3}}},
                                     {4, 3, 2, {}},
                                     {0xffff'fe00, 0xffff'ffff, 0xffff'ffff, {{0, 0xffff'ffff}}}};

std::vector<std::string> Rows() {
  IndexRowWriter writer;
  for (const auto& [id, text] : kTexts) writer.AddSymbol(id, text);
  for (const Stored& series : kStored) writer.AddSeries({series.ordinal, series.tenant, series.group, series.pairs});
  for (const uint32_t number : {9u, 10u, 3u}) writer.AddRemoved(number);
  EXPECT_EQ(writer.entries_count(), 12u);
  return writer.Take();
}

TEST(IndexRows, ComeBackAsTheyWere) {
  const std::vector<std::string> rows = Rows();
  ASSERT_EQ(rows.size(), 3u);
  std::vector<std::pair<uint32_t, std::string>> texts;
  ASSERT_TRUE(VisitSymbols(rows[0], [&](uint32_t id, std::string_view text) { texts.emplace_back(id, text); }).ok());
  EXPECT_EQ(texts, kTexts);
  std::vector<Stored> stored;
  ASSERT_TRUE(VisitSeries(rows[1], [&](const IndexedSeries& series) {
                stored.push_back({series.ordinal, series.tenant, series.group, {series.pairs.begin(), series.pairs.end()}});
              }).ok());
  EXPECT_EQ(stored, kStored);
  std::vector<uint32_t> removed;
  EXPECT_TRUE(IsRemovalRow(rows[2]));
  ASSERT_TRUE(VisitRemoved(rows[2], [&](uint32_t number) { removed.push_back(number); }).ok());
  EXPECT_EQ(removed, (std::vector<uint32_t>{9, 10, 3}));
}

TEST(IndexRows, AreSplitBeforeTheyGetLarge) {
  IndexRowWriter writer;
  for (uint32_t id = 0; id < 30'000; ++id) writer.AddSymbol(id, "value-" + std::to_string(id));
  const std::vector<std::string> rows = writer.Take();
  EXPECT_GT(rows.size(), 4u);
  uint32_t next = 0;
  for (const std::string& row : rows) {
    EXPECT_LT(row.size(), size_t{33} << 10);
    ASSERT_TRUE(VisitSymbols(row, [&](uint32_t id, std::string_view text) {
                  EXPECT_EQ(id, next);
                  EXPECT_EQ(text, "value-" + std::to_string(next));
                  ++next;
                }).ok());
  }
  EXPECT_EQ(next, 30'000u);
}

TEST(IndexRows, DamageIsNamed) {
  const std::vector<std::string> rows = Rows();
  const auto none = [](auto&&...) {};
  for (const std::string& row : rows) {
    for (size_t n = 0; n < row.size(); ++n) {
      const std::string_view part = std::string_view(row).substr(0, n);
      for (const Status& status : {VisitSymbols(part, none), VisitSeries(part, none), VisitRemoved(part, none)}) {
        EXPECT_TRUE(status.ok() || status.code() == StatusCode::kCorruption) << status.ToString();
      }
    }
  }
  EXPECT_EQ(VisitSeries(rows[0], none).message(), "series: kind: stored 1, expected 2");
  std::string newer = rows[0];
  newer[0] = 9;
  EXPECT_EQ(VisitSymbols(newer, none).message(), "symbols: version: stored 9, newest known 2");
  EXPECT_EQ(VisitSymbols(rows[0].substr(0, rows[0].size() - 1), none).code(), StatusCode::kCorruption);
  EXPECT_EQ(ReadIndexRowKey("series", "abc").status().message(), "series: key of 3 bytes, expected 8");
  EXPECT_EQ(*ReadIndexRowKey("series", IndexRowKey(77)), 77u);
}

TEST(IndexRows, Version2IsWrittenAsBefore) {
  std::string all;
  for (const std::string& row : Rows()) all += row;
  const std::string path = AUSPEX_SOURCE_DIR "/tests/storage/golden/index_rows_v2.bin";
  std::ifstream file(path, std::ios::binary);
  std::stringstream stored;
  stored << file.rdbuf();
  if (!file) {
    std::ofstream(path, std::ios::binary) << all;
    FAIL() << "there was no file: written now, look at it and add it";
  }
  EXPECT_EQ(stored.str(), all);
}

}  // namespace
}  // namespace auspex::storage
