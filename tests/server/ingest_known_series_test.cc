// Bodies whose series are known, in the order in which they came before or in another, read as they do the first time.
#include <bit>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "server/content_encoding.h"
#include "server/ingest.h"
#include "server/plain_number.h"
#include "server/value_text.h"
#include "tests/server/decoded.h"
#include "tests/support/remote_write.h"
#include "tests/support/seed.h"

namespace auspex::server {
namespace {

constexpr int64_t kNowMs = 1'700'000'000'000;

/// A store that gives every label set a number.
struct Numbers {
  std::map<Labels, uint64_t> of;
  std::vector<Labels> labels;
  SeriesCache::Resolve Resolver() {
    return [this](const Labels& asked) -> Result<SeriesRef> {
      const auto [at, added] = of.try_emplace(asked, labels.size() + 1);
      if (added) labels.push_back(asked);
      return SeriesRef{at->second};
    };
  }
  std::string Rows(const WriteBatch& batch) const {
    std::string out;
    for (size_t i = 0; i < batch.samples_count(); ++i) {
      out += fmt::format("{} @{} {:016x}\n", labels[batch.series()[i].id - 1].ToString(), batch.t_ms()[i],
                         std::bit_cast<uint64_t>(batch.values()[i]));
    }
    return out;
  }
};

/// Decodes `body` with a new cache, and again and again with one that knows other bodies.
template <typename Decode>
void ExpectTheSame(const std::vector<std::string>& bodies, Decode decode, size_t max_entries = 1000) {
  Numbers numbers;
  SeriesCache warm(numbers.Resolver(), max_entries);
  for (int round = 0; round < 3; ++round) {
    for (const std::string& body : bodies) {
      SeriesCache cold(numbers.Resolver());
      WriteBatch want;
      WriteBatch got;
      IngestReport want_report;
      IngestReport got_report;
      ASSERT_TRUE(decode(body, IngestTarget{cold, want, {}, kNowMs}, want_report).ok());
      ASSERT_TRUE(decode(body, IngestTarget{warm, got, {}, kNowMs}, got_report).ok());
      EXPECT_EQ(numbers.Rows(got), numbers.Rows(want)) << body;
      EXPECT_EQ(got_report.rejected, want_report.rejected);
      EXPECT_EQ(got_report.skipped, want_report.skipped);
      EXPECT_EQ(got_report.first_rejected.message(), want_report.first_rejected.message());
    }
  }
}

Status DecodeLine(std::string_view body, const IngestTarget& target, IngestReport& report) {
  return DecodeInfluxLine(body, 1, target, report);
}

TEST(IngestKnownSeriesTest, LinesInAnyForm) {
  ExpectTheSame(
      {
          "cpu,host=a u=1i,s=2.5 1700000000000000000\ncpu,host=b u=1i,s=-2 1700000000000000000\n",
          "cpu,host=b u=3i,s=2.5 1700000000000000000\ncpu,host=a u=-1i,s=1e3 1700000000000000000\n",
          "cpu,host=a s=7,u=8 1700000000000000000\r\ncpu,host=b  u=9\n\n# comment\ncpu,host=a u=10,s=11",
          "cpu,host=a u=1,s=\"text, with = and space\",t=true 1700000000000000000\ncpu,host=a u=t 5\n",
          "cpu,ho\\ st=a\\,b u=1 1\ncpu,ho\\ st=a\\,b u=2 2000000\ncpu,host=a u=x 1\ncpu,host=a u=1 1 1\n",
          "cpu,host=a u=99999999999999999999i\ncpu,host=a u=18446744073709551615u,s=-0 1\ncpu,host=a u=-0i,s=-0.0 1\n",
          "cpu,host=a u=0.1,s=12345678901234567.8 1\ncpu,host=a u=1.,s=.5 1\ncpu,host=a u=0x10 1\n",
          "cpu,host=a u=1,s=2 -5\ncpu,host=a u=1,s=2 999999999999999999999\ncpu,host=a u=1,s=2 x\ncpu,host=ab u=1\ncpu u=1\n",
      },
      DecodeLine);
}

TEST(IngestKnownSeriesTest, LinesInRandomOrderAndACacheThatIsTooSmall) {
  std::mt19937_64 random(testing::TestSeed());
  std::vector<std::string> bodies;
  for (int i = 0; i < 20; ++i) {
    std::string body;
    for (int line = 0; line < 40; ++line) {
      body += fmt::format("m{},host={} a={},b={}i 170000000000{:07}\n", random() % 2, i % 3 == 0 ? random() % 5 : line % 5,
                          static_cast<double>(random() % 100000) / 1000, random() % 1000, random() % 10'000'000);
    }
    bodies.push_back(body);
  }
  ExpectTheSame(bodies, DecodeLine);
  ExpectTheSame(bodies, DecodeLine, 7);
}

TEST(IngestKnownSeriesTest, RemoteWriteInRandomOrder) {
  std::mt19937_64 random(testing::TestSeed());
  std::vector<std::string> bodies;
  for (int i = 0; i < 20; ++i) {
    std::vector<testing::RemoteSeries> series;
    for (int k = 0; k < 30; ++k) {
      testing::RemoteSeries one;
      const std::string host = std::to_string(i % 3 == 0 ? random() % 30 : static_cast<uint64_t>(k));
      one.labels = Labels::Make({{"__name__", "m"}, {"host", host}, {"zone", random() % 4 == 0 ? "z" : ""}}).value();
      for (uint64_t n = random() % 3; n > 0; --n) {
        const uint64_t kind = random() % 4;
        one.samples.push_back({kind == 0 ? 0 : static_cast<int64_t>(kNowMs + static_cast<int64_t>(random() % 100)),
                               kind == 1 ? 0.0 : static_cast<double>(random() % 1000)});
      }
      series.push_back(std::move(one));
    }
    bodies.push_back(DecodeContent("snappy", testing::RemoteWriteBody(series), 1 << 20).value());
  }
  ExpectTheSame(bodies, DecodeRemoteWrite);
  ExpectTheSame(bodies, DecodeRemoteWrite, 5);
}

TEST(IngestKnownSeriesTest, PlainNumbersAreThoseOfTheGeneralParser) {
  std::mt19937_64 random(testing::TestSeed());
  size_t plain_count = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string text = random() % 4 == 0 ? "-" : "";
    for (uint64_t n = random() % 12; n > 0; --n) text.push_back(static_cast<char>('0' + random() % 10));
    if (random() % 2 == 0) {
      text.push_back('.');
      for (uint64_t n = random() % 9; n > 0; --n) text.push_back(static_cast<char>('0' + random() % 10));
    }
    if (random() % 16 == 0) text += "e5";
    const char* at = text.data();
    double got = 0;
    if (!TakePlainNumber(at, text.data() + text.size(), got) || at != text.data() + text.size()) continue;
    ++plain_count;
    const auto want = ParseDouble(text);
    ASSERT_TRUE(want.has_value()) << text;
    ASSERT_EQ(std::bit_cast<uint64_t>(got), std::bit_cast<uint64_t>(*want)) << text;
  }
  EXPECT_GT(plain_count, 50'000u);
}

}  // namespace
}  // namespace auspex::server
