#include <bit>

#include <gtest/gtest.h>

#include "server/ingest.h"
#include "tests/server/decoded.h"

namespace auspex::server {
namespace {

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string Bytes(uint8_t tag, std::string_view content) {
  std::string out(1, static_cast<char>(tag));
  for (size_t length = content.size();; length >>= 7) {
    if (length < 0x80) {
      out.push_back(static_cast<char>(length));
      break;
    }
    out.push_back(static_cast<char>((length & 0x7f) | 0x80));
  }
  return out + std::string(content);
}
std::string Label(std::string_view name, std::string_view value) { return Bytes(0x0a, Bytes(0x0a, name) + Bytes(0x12, value)); }
std::string Sample(double value, int64_t t_ms) {
  std::string out(1, '\x09');
  const auto bits = std::bit_cast<uint64_t>(value);
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(bits >> shift));
  out.push_back('\x10');
  auto rest = static_cast<uint64_t>(t_ms);
  for (; rest >= 0x80; rest >>= 7) out.push_back(static_cast<char>((rest & 0x7f) | 0x80));
  out.push_back(static_cast<char>(rest));
  return Bytes(0x12, out);
}
std::string Series(std::string_view content) { return Bytes(0x0a, content); }

Decoded Decode(std::string_view body) {
  Decoded out;
  SeriesCache cache;
  out.status = DecodeRemoteWrite(body, IngestTarget{cache, out.batch, {}, 0}, out.report);
  return out;
}

TEST(IngestRemoteWriteTest, ReadsWhatPrometheusSends) {
  const std::string body = Series(Label("__name__", "up") + Label("job", "api") + Sample(1, 1'700'000'000'123) +
                                  Sample(StaleMarker(), 1'700'000'015'123)) +
                           Series(Label("__name__", "x") + Sample(-0.5, 1'700'000'000'000));
  const Decoded got = Decode(body);
  ASSERT_TRUE(got.status.ok()) << got.status.ToString();
  EXPECT_EQ(got.report.rejected, 0u);
  ASSERT_EQ(got.batch.samples_count(), 3u);
  EXPECT_EQ(got.batch.LabelsOf(got.batch.series()[0]).ToString(), "up{job=\"api\"}");
  EXPECT_EQ(got.batch.t_ms()[0], 1'700'000'000'123);
  EXPECT_EQ(got.batch.values()[0], 1);
  EXPECT_TRUE(IsStaleMarker(got.batch.values()[1]));
  EXPECT_EQ(got.batch.LabelsOf(got.batch.series()[2]).ToString(), "x");
}

TEST(IngestRemoteWriteTest, ReadsLiteralBytes) {
  // WriteRequest{TimeSeries{Label{"__name__","up"}, Sample{value 1, timestamp 1000}}}
  const Decoded got = Decode(FromHex("0a1e0a0e0a085f5f6e616d655f5f12027570120c09000000000000f03f10e807"));
  ASSERT_TRUE(got.status.ok()) << got.status.ToString();
  EXPECT_EQ(got.Rows(), "up @1000 1\n");
}

TEST(IngestRemoteWriteTest, FieldsInAnyOrderAndUnknownOnes) {
  const std::string body =
      Series(Sample(2, 5) + Bytes(0x7a, "unknown") + Label("a", "1") + Bytes(0x1a, "exemplar") + Label("__name__", "m")) +
      Bytes(0x1a, "metadata");
  const Decoded got = Decode(body);
  ASSERT_TRUE(got.status.ok()) << got.status.ToString();
  EXPECT_EQ(got.Rows(), "m{a=\"1\"} @5 2\n");
  EXPECT_EQ(got.report.skipped, 2u);
}

TEST(IngestRemoteWriteTest, BadSeriesDoNotSinkGoodOnes) {
  const std::string good = Series(Label("__name__", "good") + Sample(1, 1));
  const auto expect = [&](const std::string& bad, uint64_t rejected, std::string_view part) {
    const Decoded got = Decode(good + Series(bad) + good);
    ASSERT_TRUE(got.status.ok()) << got.status.ToString();
    EXPECT_EQ(got.Rows(), "good @1 1\ngood @1 1\n");
    EXPECT_EQ(got.report.rejected, rejected);
    EXPECT_NE(got.report.first_rejected.message().find(part), std::string::npos) << got.report.first_rejected.message();
    EXPECT_NE(got.report.first_rejected.message().find("series 1"), std::string::npos) << got.report.first_rejected.message();
  };
  expect(Label("__name__", "m") + Label("a", "1") + Label("a", "2") + Sample(1, 1) + Sample(2, 2), 2,
         "label \"a\": given twice");
  expect(Label("__name__", "m") + Label("", "1") + Sample(1, 1), 1, "empty name");
  expect(Label("__name__", "m") + Label("a", "\xff") + Sample(1, 1), 1, "not UTF-8");
  expect(Sample(1, 1), 1, "without labels");
  expect(Label("__name__", "m") + Sample(1, -5), 1, "time");
  expect(Label("__name__", "m") + Sample(1, 1'700'000'000'000'000'000), 1, "another unit");
  expect(Label("__name__", "m") + Label("a", std::string(20'000, 'x')) + Sample(1, 1), 1, "the limit is");
}

TEST(IngestRemoteWriteTest, BrokenBytesAreRefusedWhole) {
  const std::string body = Series(Label("__name__", "up") + Label("job", "api") + Sample(1, 1'700'000'000'123));
  for (size_t length = 1; length < body.size(); ++length) {
    const Decoded got = Decode(std::string_view(body).substr(0, length));
    EXPECT_EQ(got.status.code(), StatusCode::kInvalidArgument) << length;
  }
  EXPECT_TRUE(Decode("").status.ok());
  EXPECT_FALSE(Decode("this is not protobuf at all").status.ok());
}

TEST(IngestRemoteWriteTest, KnownSeriesAreResolvedOnce) {
  size_t resolved = 0;
  SeriesCache cache([&](const Labels&) -> Result<SeriesRef> { return SeriesRef{++resolved}; });
  const std::string body = Series(Label("__name__", "a") + Sample(1, 1)) + Series(Label("__name__", "b") + Sample(2, 2));
  WriteBatch batch;
  IngestReport report;
  const IngestTarget target{cache, batch, {}, 0};
  ASSERT_TRUE(DecodeRemoteWrite(body, target, report).ok());
  ASSERT_TRUE(DecodeRemoteWrite(body, target, report).ok());
  EXPECT_EQ(resolved, 2u);
  ASSERT_EQ(batch.samples_count(), 4u);
  EXPECT_EQ(batch.series()[0], batch.series()[2]);
  EXPECT_EQ(batch.series()[1], batch.series()[3]);
  EXPECT_NE(batch.series()[0].id, batch.series()[1].id);
}

TEST(IngestRemoteWriteTest, StoreErrorsEndTheRequest) {
  SeriesCache cache([](const Labels&) -> Result<SeriesRef> { return FailedPrecondition("read-only"); });
  WriteBatch batch;
  IngestReport report;
  const Status status =
      DecodeRemoteWrite(Series(Label("__name__", "a") + Sample(1, 1)), IngestTarget{cache, batch, {}, 0}, report);
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace auspex::server
