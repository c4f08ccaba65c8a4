// Every kernel against the obvious loop, on sizes that leave tails of every length.
#include "storage/kernels.h"

#include <bit>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "storage/base/bytes.h"
#include "storage/decimal.h"
#include "tests/support/seed.h"

namespace auspex::storage {
namespace {

const std::vector<size_t> kSizes = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 1000};

// Small and large ones, and the ends of the range.
std::vector<int64_t> Integers(size_t n, std::mt19937_64& random) {
  std::vector<int64_t> out(n);
  for (int64_t& v : out) {
    v = static_cast<int64_t>(random() >> (random() % 64));
    if (random() % 2 == 0) v = -v;
    if (random() % 20 == 0) v = std::numeric_limits<int64_t>::min() + static_cast<int64_t>(random() % 3);
    if (random() % 20 == 0) v = std::numeric_limits<int64_t>::max() - static_cast<int64_t>(random() % 3);
    if (random() % 20 == 0) v = (int64_t{1} << 53) + static_cast<int64_t>(random() % 5) - 2;
  }
  return out;
}

std::vector<uint64_t> Bits(const std::vector<double>& values) {
  std::vector<uint64_t> out;
  for (const double v : values) out.push_back(std::bit_cast<uint64_t>(v));
  return out;
}

std::vector<uint64_t> Unsigned(const std::vector<int64_t>& v) { return {v.begin(), v.end()}; }

TEST(Kernels, DoublesAreTheSameBitsAsThePlainConversion) {
  std::mt19937_64 random(testing::TestSeed());
  for (const size_t n : kSizes) {
    for (const double divisor : {1.0, 10.0, 1000.0, 1e17}) {
      const std::vector<int64_t> v = Integers(n, random);
      std::vector<double> fast(n);
      std::vector<double> plain(n);
      ToDoubles(v.data(), divisor, n, fast.data());
      ToDoublesPlain(v.data(), divisor, n, plain.data());
      EXPECT_EQ(Bits(fast), Bits(plain)) << n << " / " << divisor;
    }
    const std::vector<int64_t> v = Integers(n, random);
    std::vector<double> doubles(n);
    std::vector<double> want;
    FromOrdered(v.data(), n, doubles.data());
    for (const int64_t ordered : v) want.push_back(std::bit_cast<double>(Unordered(ordered)));
    EXPECT_EQ(Bits(doubles), Bits(want));
  }
}

TEST(Kernels, IntegersAreTheSameAsInThePlainLoop) {
  std::mt19937_64 random(testing::TestSeed());
  for (const size_t n : kSizes) {
    SCOPED_TRACE(n);
    const uint64_t a = random();
    const uint64_t b = random();
    const std::vector<uint64_t> in = Unsigned(Integers(n, random));
    std::vector<uint8_t> bytes(n);
    for (uint8_t& v : bytes) v = static_cast<uint8_t>(random());

    std::vector<int64_t> line(n);
    FillLine(static_cast<int64_t>(a), static_cast<int64_t>(b), n, line.data());
    std::vector<uint64_t> scaled = in;
    Scale(a, b, n, scaled.data());
    std::vector<uint64_t> widened(n);
    Widen(bytes.data(), n, widened.data());
    std::vector<uint64_t> with_high = in;
    OrHigh(bytes.data(), 37, n, with_high.data());
    std::vector<uint64_t> zigzag = in;
    SumZigZag(a, b, n, zigzag.data());
    std::vector<uint64_t> above = in;
    SumAbove(a, b, n, above.data());
    uint64_t sum_zigzag = a;
    uint64_t sum_above = a;
    for (size_t i = 0; i < n; ++i) {
      EXPECT_EQ(static_cast<uint64_t>(line[i]), a + i * b);
      EXPECT_EQ(scaled[i], in[i] * a + b);
      EXPECT_EQ(widened[i], bytes[i]);
      EXPECT_EQ(with_high[i], in[i] | uint64_t{bytes[i]} << 37);
      EXPECT_EQ(zigzag[i], sum_zigzag += static_cast<uint64_t>(UnZigZag(in[i])) + b);
      EXPECT_EQ(above[i], sum_above += in[i] + b);
    }
  }
}

TEST(Kernels, IncreasingFindsTheOnePairThatIsNot) {
  for (const size_t n : kSizes) {
    std::vector<int64_t> v(n);
    FillLine(-500, 3, n, v.data());
    EXPECT_TRUE(Increasing(v.data(), n));
    for (size_t i = 1; i < n; ++i) {
      const int64_t kept = v[i];
      v[i] = v[i - 1];
      EXPECT_FALSE(Increasing(v.data(), n)) << i << " of " << n;
      v[i] = kept;
    }
  }
}

}  // namespace
}  // namespace auspex::storage
