#include "storage/histogram_block.h"

#include <cmath>
#include <fstream>
#include <random>

#include <gtest/gtest.h>

#include "storage/histogram_head.h"
#include "tests/support/histogram_notation.h"
#include "tests/support/seed.h"

namespace auspex::storage {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
constexpr int64_t kBegin = std::numeric_limits<int64_t>::min();

HistogramPtr Make(std::string_view notation) {
  return std::make_shared<const Histogram>(*testing::ParseHistogramNotation(notation));
}

Result<HistogramColumns> Decoded(std::string_view bytes, int64_t begin_ms = kBegin, int64_t end_ms = kEnd) {
  AUSPEX_ASSIGN_OR_RETURN(const HistogramBlockView view, HistogramBlockView::Parse(bytes));
  ValueScratch scratch;
  HistogramColumns out;
  AUSPEX_RETURN_IF_ERROR(view.DecodeInto(begin_ms, end_ms, scratch, out));
  return out;
}

bool Same(const Histogram& a, const Histogram& b) { return SameHistogram(a, b) && a.hint == b.hint; }

// A counter that grows, changes its resolution and is restarted now and then.
HistogramColumns RandomColumns(std::mt19937_64& random, size_t n) {
  HistogramColumns columns;
  Histogram now = *testing::ParseHistogramNotation("schema:2 z_bucket_w:0.001 offset:-3 buckets:[1 2 0 4] n_buckets:[1]");
  int64_t t_ms = static_cast<int64_t>(random() % 1000) - 500;
  for (size_t i = 0; i < n; ++i) {
    t_ms += 1 + static_cast<int64_t>(random() % 60'000);
    for (double& count : now.positive.count) count += static_cast<double>(random() % 5);
    now.count += static_cast<double>(random() % 20);
    now.sum += static_cast<double>(random() % 1000) / 10;
    now.zero_count += static_cast<double>(random() % 2);
    switch (random() % 20) {
      case 0:
        now.positive.Push(now.positive.index.back() + 1 + static_cast<int32_t>(random() % 3), 1);
        break;
      case 1:
        if (now.schema > -4) ReduceResolution(now, now.schema - 1);
        break;
      case 2:
        now.sum = std::nan("");
        break;
      case 3:
        now.hint = static_cast<CounterReset>(random() % 4);
        break;
      case 4:
        now.count = 1e300;
        break;
      default:
        break;
    }
    columns.Push(t_ms, std::make_shared<const Histogram>(now));
    if (random() % 40 == 0) columns.Push(++t_ms, Make("schema:-53 count:2 sum:3 custom_values:[0.5 1 2] buckets:[1 0 1]"));
  }
  return columns;
}

TEST(HistogramBlockTest, GivesBackWhatWasWritten) {
  const uint64_t seed = testing::TestSeed();
  std::mt19937_64 random(seed);
  for (int round = 0; round < 60; ++round) {
    const HistogramColumns columns = RandomColumns(random, 1 + random() % 200);
    for (const Effort effort : {Effort::kFast, Effort::kDense}) {
      const std::string bytes = EncodeHistogramBlock(columns.t_ms, columns.histograms, effort);
      const Result<HistogramColumns> got = Decoded(bytes);
      ASSERT_TRUE(got.ok()) << "seed " << seed << ": " << got.status().ToString();
      ASSERT_EQ(got->t_ms, columns.t_ms);
      for (size_t i = 0; i < columns.size(); ++i) {
        ASSERT_TRUE(Same(*got->histograms[i], *columns.histograms[i])) << "seed " << seed << " sample " << i;
      }
    }
  }
}

TEST(HistogramBlockTest, AnswersOnlyTheTimesAskedFor) {
  HistogramColumns columns;
  for (int64_t t = 0; t < 100; t += 10) columns.Push(t, Make("count:1 buckets:[1]"));
  const std::string bytes = EncodeHistogramBlock(columns.t_ms, columns.histograms, Effort::kDense);
  EXPECT_EQ(Decoded(bytes, 15, 40)->t_ms, (std::vector<int64_t>{20, 30}));
  EXPECT_TRUE(Decoded(bytes, 200, 300)->empty());
}

TEST(HistogramBlockTest, SlowCountersTakeFewBytes) {
  HistogramColumns columns;
  Histogram now = *testing::ParseHistogramNotation("schema:3 buckets:[9 8 7 6 5 4 3 2 1 1]");
  for (int64_t i = 0; i < 1000; ++i) {
    now.positive.count[static_cast<size_t>(i) % 10] += 1;
    now.count += 1;
    columns.Push(i * 15'000, std::make_shared<const Histogram>(now));
  }
  const std::string bytes = EncodeHistogramBlock(columns.t_ms, columns.histograms, Effort::kDense);
  RecordProperty("bytes_per_histogram", std::to_string(static_cast<double>(bytes.size()) / 1000));
  EXPECT_LT(bytes.size(), 3000u) << "14 columns of a counter that grows by one";
}

TEST(HistogramBlockTest, EveryPrefixAndFlippedByteIsRefused) {
  std::mt19937_64 random(7);
  const HistogramColumns columns = RandomColumns(random, 20);
  const std::string bytes = EncodeHistogramBlock(columns.t_ms, columns.histograms, Effort::kDense);
  for (size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(Decoded(bytes.substr(0, n)).ok()) << n;
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x10);
    EXPECT_FALSE(Decoded(flipped).ok()) << i;
  }
}

TEST(HistogramBlockTest, BlocksAreCutByCells) {
  auto wide = std::make_shared<Histogram>();
  for (int32_t i = 0; i < 60'000; ++i) wide->positive.Push(i, 1);
  const std::vector<HistogramPtr> many(100, wide);
  const size_t n = HistogramsForBlock(many);
  EXPECT_GT(n, 1u);
  EXPECT_LE(n * 60'001, kHistogramBlockCells + kMaxHistogramBuckets);
  const std::vector<HistogramPtr> narrow(5000, Make("count:1 buckets:[1]"));
  EXPECT_EQ(HistogramsForBlock(narrow), kHistogramBlockSamples);
}

TEST(HistogramBlockTest, TheLastOfOneTimeIsKept) {
  HistogramColumns columns;
  columns.Push(20, Make("count:1"));
  columns.Push(10, Make("count:2"));
  columns.Push(20, Make("count:3"));
  SortAndKeepLast(columns);
  EXPECT_EQ(columns.t_ms, (std::vector<int64_t>{10, 20}));
  EXPECT_EQ(columns.histograms[1]->count, 3);
}

// The bytes of version 1 must stay readable. After a change of format: write a new file beside this one.
TEST(HistogramBlockTest, GoldenFile) {
  HistogramColumns columns;
  columns.Push(1'700'000'000'000,
               Make("schema:1 count:7 sum:12.5 z_bucket:1 z_bucket_w:0.001 offset:-1 buckets:[1 2 0 1] n_buckets:[2]"));
  columns.Push(1'700'000'015'000,
               Make("schema:1 count:9 sum:14 z_bucket:1 z_bucket_w:0.001 offset:-1 buckets:[1 3 0 2] n_buckets:[2]"));
  columns.Push(1'700'000'030'000,
               Make("schema:-53 count:3 sum:8.25 custom_values:[5 10] buckets:[1 1 1] counter_reset_hint:gauge"));
  const std::string path = AUSPEX_SOURCE_DIR "/tests/storage/golden/histogram_block_v1.bin";
  const std::string bytes = EncodeHistogramBlock(columns.t_ms, columns.histograms, Effort::kFast);
  if (std::getenv("AUSPEX_WRITE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  std::ifstream file(path, std::ios::binary);
  const std::string stored((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const Result<HistogramColumns> got = Decoded(stored);
  ASSERT_TRUE(got.ok()) << got.status().ToString();
  ASSERT_EQ(got->t_ms, columns.t_ms);
  for (size_t i = 0; i < columns.size(); ++i) EXPECT_TRUE(Same(*got->histograms[i], *columns.histograms[i])) << i;
}

TEST(HistogramRecordTest, GivesBackWhatWasWritten) {
  std::mt19937_64 random(3);
  const HistogramColumns columns = RandomColumns(random, 30);
  HistogramRows rows;
  for (size_t i = 0; i < columns.size(); ++i) {
    rows.ordinals.push_back(static_cast<uint32_t>(i * 7));
    rows.t_ms.push_back(columns.t_ms[i]);
    rows.histograms.push_back(columns.histograms[i]);
  }
  const std::string bytes = EncodeHistogramRecord(rows);
  EXPECT_TRUE(IsHistogramRecord(bytes));
  HistogramRows got;
  ASSERT_TRUE(DecodeHistogramRecord(5, bytes, got).ok());
  EXPECT_EQ(got.ordinals, rows.ordinals);
  EXPECT_EQ(got.t_ms, rows.t_ms);
  for (size_t i = 0; i < columns.size(); ++i) EXPECT_TRUE(Same(*got.histograms[i], *rows.histograms[i])) << i;
  for (size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(DecodeHistogramRecord(5, bytes.substr(0, n), got).ok()) << n;
}

TEST(HistogramHeadTest, PinsKeepWhatTheySaw) {
  HistogramHead head;
  const auto append = [&](int64_t t_ms) { head.Append({{3}, {t_ms}, {Make("count:1")}}); };
  for (int64_t t = 0; t < 300; ++t) append(t);
  const HistogramPin pin = head.Pin(3);
  for (int64_t t = 300; t < 1000; ++t) append(t);
  HistogramColumns seen;
  pin.ReadInto(kBegin, kEnd, seen);
  EXPECT_EQ(seen.size(), 300u);
  seen.Clear();
  head.Pin(3).ReadInto(990, kEnd, seen);
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_TRUE(head.MayHave(3, 999, 1000));
  EXPECT_FALSE(head.MayHave(3, 1000, 2000));
  EXPECT_FALSE(head.Has(4));
}

}  // namespace
}  // namespace auspex::storage
