#include "storage/block.h"

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "storage/bit_pack.h"
#include "tests/support/seed.h"

namespace auspex::storage {
namespace {

using Random = std::mt19937_64;

struct Column {
  std::string name;
  std::vector<double> values;
};

std::vector<double> Make(size_t n, const std::function<double(size_t)>& value) {
  std::vector<double> out(n);
  for (size_t i = 0; i < n; ++i) out[i] = value(i);
  return out;
}

// The shapes that telemetry has, and those that it should not have.
std::vector<Column> Columns(size_t n, Random& random) {
  const auto pick = [&](uint64_t m) { return random() % m; };
  const auto normal = [&] { return std::normal_distribution<double>()(random); };
  double walk = 50;
  double total = 0;
  double fine = 0;
  return {
      {"constant", Make(n, [](size_t) { return 3.25; })},
      {"integer walk", Make(n, [&](size_t) { return std::floor(walk += normal()); })},
      {"counter", Make(n, [&](size_t) { return total += static_cast<double>(20 + pick(500)); })},
      {"decimals", Make(n, [&](size_t) { return static_cast<double>(pick(100000)) / 1000.0; })},
      {"sums of decimals", Make(n, [&](size_t) { return fine += 0.1; })},
      {"doubles", Make(n, [&](size_t) { return normal() * 1e6; })},
      {"pages", Make(n, [&](size_t) { return static_cast<double>(pick(1000)) * 4096; })},
      {"sparse", Make(n, [&](size_t) { return pick(20) == 0 ? total += 1 : total; })},
      {"huge integers", Make(n, [&](size_t) { return 9007199254740992.0 + static_cast<double>(pick(100)) * 2; })},
      {"any bits", Make(n, [&](size_t) { return std::bit_cast<double>(random()); })},
      {"specials", Make(n,
                        [&](size_t i) {
                          const double special[] = {StaleMarker(),
                                                    -0.0,
                                                    0.0,
                                                    std::numeric_limits<double>::infinity(),
                                                    -std::numeric_limits<double>::infinity(),
                                                    std::bit_cast<double>(0xfff8000000001234),
                                                    std::numeric_limits<double>::denorm_min(),
                                                    std::numeric_limits<double>::max()};
                          return pick(10) == 0 ? special[pick(8)] : static_cast<double>(i);
                        })},
      {"only stale markers and one number", Make(n, [&](size_t i) { return i == n / 2 ? 1.0 : StaleMarker(); })},
  };
}

std::vector<int64_t> Times(size_t n, int shape, Random& random) {
  std::vector<int64_t> out(n);
  int64_t t = shape == 3 ? -5'000'000 : 1'767'225'600'000;
  for (int64_t& at : out) {
    at = t;
    if (shape == 0) t += 15'000;
    if (shape == 1) t += 10'000 + static_cast<int64_t>(random() % 5) - 2;
    if (shape == 2) t += random() % 10 == 0 ? 30'000 : 15'000;
    if (shape == 3) t += 1 + static_cast<int64_t>(random() % 100'000'000);
  }
  return out;
}

void ExpectSame(const SampleColumns& got, const std::vector<int64_t>& t, const std::vector<double>& v) {
  ASSERT_EQ(got.t_ms, t);
  ASSERT_EQ(got.values.size(), v.size());
  for (size_t i = 0; i < v.size(); ++i) ASSERT_EQ(std::bit_cast<uint64_t>(got.values[i]), std::bit_cast<uint64_t>(v[i])) << i;
}

TEST(Block, EveryShapeComesBackBitForBit) {
  Random random(testing::TestSeed());
  BlockScratch scratch;
  SampleColumns got;
  for (const size_t n : {1, 2, 3, 5, 17, 64, 255, 256, 257, 512, 4096}) {
    for (const Column& column : Columns(n, random)) {
      for (int shape = 0; shape < 4; ++shape) {
        for (const Effort effort : {Effort::kFast, Effort::kDense}) {
          SCOPED_TRACE(column.name + " " + std::to_string(n) + " times " + std::to_string(shape));
          const std::vector<int64_t> t = Times(n, shape, random);
          const std::string bytes = EncodeBlock(t, column.values, effort);
          const auto view = BlockView::Parse(bytes);
          ASSERT_TRUE(view.ok()) << view.status().ToString();
          EXPECT_EQ(view->samples_count(), n);
          EXPECT_EQ(view->tmin_ms(), t.front());
          EXPECT_EQ(view->tmax_ms(), t.back());
          const Status status = view->Decode(scratch, got);
          ASSERT_TRUE(status.ok()) << status.ToString();
          ExpectSame(got, t, column.values);
        }
      }
    }
  }
}

TEST(Block, DenseIsSmall) {
  Random random(7);
  const std::vector<int64_t> t = Times(4096, 0, random);
  const std::vector<Column> columns = Columns(4096, random);
  const auto bytes_per_sample = [&](size_t i) {
    return static_cast<double>(EncodeBlock(t, columns[i].values, Effort::kDense).size()) / 4096;
  };
  EXPECT_LT(bytes_per_sample(0), 0.03) << columns[0].name;
  EXPECT_LT(bytes_per_sample(1), 0.35) << columns[1].name;
  EXPECT_LT(bytes_per_sample(2), 1.20) << columns[2].name;
  EXPECT_LT(bytes_per_sample(3), 2.20) << columns[3].name;
  EXPECT_LT(bytes_per_sample(4), 2.50) << columns[4].name;
  EXPECT_LT(bytes_per_sample(6), 1.40) << columns[6].name;
  EXPECT_LT(bytes_per_sample(7), 0.12) << columns[7].name;
}

TEST(Block, NoPrefixAndNoFlippedBitIsBelieved) {
  Random random(testing::TestSeed());
  for (const Column& column : Columns(70, random)) {
    const std::string bytes = EncodeBlock(Times(70, 1, random), column.values, Effort::kDense);
    for (size_t n = 0; n < bytes.size(); ++n) {
      EXPECT_EQ(BlockView::Parse(std::string_view(bytes).substr(0, n)).status().code(), StatusCode::kCorruption) << n;
    }
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      EXPECT_FALSE(BlockView::Parse(flipped).ok()) << bit;
    }
  }
}

// Behind the checksum: bytes that were never a column must give an error or numbers, never a crash.
TEST(Block, ColumnsOfGarbageAreContained) {
  Random random(testing::TestSeed());
  ValueScratch scratch;
  std::vector<double> values(4096);
  std::vector<int64_t> integers(4096);
  for (int round = 0; round < 20'000; ++round) {
    const size_t n = 1 + random() % 300;
    std::string bytes;
    if (round % 2 == 0) {
      AppendValues(bytes, Columns(n, random)[random() % 12].values, Effort::kDense);
      for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
      bytes.resize(random() % (bytes.size() + 1));
    } else {
      bytes.resize(random() % 64);
      for (char& c : bytes) c = static_cast<char>(random() % (round % 4 == 1 ? 256 : 5));
    }
    ByteReader as_values(bytes);
    static_cast<void>(TakeValues(as_values, n, values.data(), scratch));
    ByteReader as_integers(bytes);
    static_cast<void>(TakeInts(as_integers, n, integers.data(), scratch.entropy));
  }
}

TEST(Block, AWindowOfABlockIsLaidOverOlderSamples) {
  const std::vector<int64_t> t = {10, 20, 30, 40};
  const std::vector<double> v = {1, 2, StaleMarker(), 4};
  const std::string bytes = EncodeBlock(t, v, Effort::kFast);
  BlockScratch scratch;
  SampleColumns out{{5, 20, 30, 50}, {-1, -2, -3, -5}};
  ASSERT_TRUE(BlockView::Parse(bytes)->DecodeOver(20, 40, scratch, out).ok());
  EXPECT_EQ(out.t_ms, (std::vector<int64_t>{5, 20, 30, 50}));
  EXPECT_EQ(out.values, (std::vector<double>{-1, 2, -3, -5}));  // the marker does not replace the number
}

TEST(BitPack, TheFastReaderAgreesWithThePlainOne) {
  Random random(testing::TestSeed());
  for (int width = 0; width <= 64; ++width) {
    for (const size_t n : {1, 7, 8, 9, 64, 100}) {
      std::vector<uint64_t> values(n);
      for (uint64_t& v : values) v = width == 0 ? 0 : random() >> (64 - width);
      std::string bytes;
      AppendPacked(bytes, values, width);
      ASSERT_EQ(bytes.size(), PackedBytes(n, width));
      bytes.resize(bytes.size() + 8, static_cast<char>(0xff));
      std::vector<uint64_t> fast(n);
      std::vector<uint64_t> plain(n);
      Unpack(reinterpret_cast<const uint8_t*>(bytes.data()), n, width, fast.data());
      UnpackPlain(reinterpret_cast<const uint8_t*>(bytes.data()), n, width, plain.data());
      EXPECT_EQ(fast, values) << width;
      EXPECT_EQ(plain, values) << width;
    }
  }
}

}  // namespace
}  // namespace auspex::storage
