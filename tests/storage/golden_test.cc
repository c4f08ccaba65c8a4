// Blocks as older builds wrote them. A change that makes one of these fail is a new format version, with files of its own.
#include <bit>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/block.h"

namespace auspex::storage {
namespace {

struct Golden {
  std::string name;
  std::vector<int64_t> t_ms;
  std::vector<double> values;
  Effort effort = Effort::kFast;
};

// One per transform of the value column, two with the entropy coder, one of them with runs; integers alone, so that every
// machine makes the same.
std::vector<Golden> Goldens() {
  std::vector<Golden> all(9);
  all[0].name = "constant";
  all[1].name = "decimal";
  all[2].name = "decimal_ulps";
  all[3].name = "bits";
  all[4].name = "exceptions";
  all[5].name = "one";
  all[6].name = "dense_runs";
  all[7].name = "dense_tokens";
  all[8].name = "dense_table";
  uint64_t state = 1;
  const auto next = [&] { return state = state * 6364136223846793005u + 1442695040888963407u, state >> 33; };
  for (Golden& golden : all) {
    double sum = 0;
    golden.effort = golden.name.starts_with("dense") ? Effort::kDense : Effort::kFast;
    for (int64_t i = 0; i < (golden.name == "one" ? 1 : 300); ++i) {
      golden.t_ms.push_back(1'767'225'600'000 + i * 15'000 + (golden.name == "bits" ? static_cast<int64_t>(next() % 7) : 0));
      double value = 3.25;
      if (golden.name == "decimal") value = static_cast<double>(next() % 100'000) / 1000;
      if (golden.name == "decimal_ulps") value = sum += 0.1;
      if (golden.name == "bits") value = std::bit_cast<double>((uint64_t{1023} << 52) | (next() << 20) | (next() & 0xfffff));
      if (golden.name == "dense_runs") value = static_cast<double>(50 + next() % 3 + next() % 3);
      if (golden.name == "dense_tokens") {
        const uint64_t octave = uint64_t{1} << (next() % 8 + next() % 8);
        value = static_cast<double>(octave + next() % octave);
      }
      if (golden.name == "dense_table") value = static_cast<double>((next() % 13) * (next() % 13) * 7919) / 1000;
      if (golden.name == "exceptions") value = i % 40 == 7 ? StaleMarker() : i % 50 == 3 ? -0.0 : static_cast<double>(i / 3);
      golden.values.push_back(value);
    }
  }
  return all;
}

std::string PathOf(const Golden& golden) { return AUSPEX_SOURCE_DIR "/tests/storage/golden/block_v2_" + golden.name + ".bin"; }

TEST(Golden, BlocksOfVersion2AreReadAndWrittenAsBefore) {
  BlockScratch scratch;
  SampleColumns columns;
  for (const Golden& golden : Goldens()) {
    SCOPED_TRACE(golden.name);
    const std::string encoded = EncodeBlock(golden.t_ms, golden.values, golden.effort);
    std::ifstream file(PathOf(golden), std::ios::binary);
    std::stringstream stored;
    stored << file.rdbuf();
    if (!file) {
      std::ofstream(PathOf(golden), std::ios::binary) << encoded;
      ADD_FAILURE() << "there was no file: written now, look at it and add it";
      continue;
    }
    // None of them needs zstd, whose output may differ between its versions.
    EXPECT_EQ(stored.str(), encoded);
    const std::string bytes = stored.str();
    const auto view = BlockView::Parse(bytes);
    ASSERT_TRUE(view.ok()) << view.status().ToString();
    ASSERT_TRUE(view->Decode(scratch, columns).ok());
    EXPECT_EQ(columns.t_ms, golden.t_ms);
    for (size_t i = 0; i < golden.values.size(); ++i) {
      ASSERT_EQ(std::bit_cast<uint64_t>(columns.values[i]), std::bit_cast<uint64_t>(golden.values[i])) << i;
    }
  }
}

}  // namespace
}  // namespace auspex::storage
