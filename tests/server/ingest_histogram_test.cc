#include <bit>

#include <gtest/gtest.h>

#include "server/ingest.h"
#include "tests/server/decoded.h"
#include "tests/support/histogram_notation.h"

// Native histograms in both versions of remote write, encoded here by hand.

namespace auspex::server {
namespace {

std::string Varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>((value & 0x7f) | 0x80));
  out.push_back(static_cast<char>(value));
  return out;
}
std::string Zigzag(int64_t value) {
  return Varint((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}
std::string Doubles(std::vector<double> values) {
  std::string out;
  for (const double value : values) {
    const auto bits = std::bit_cast<uint64_t>(value);
    for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(bits >> shift));
  }
  return out;
}
std::string Int(int field, uint64_t value) { return Varint(static_cast<uint64_t>(field) << 3) + Varint(value); }
std::string SInt(int field, int64_t value) { return Varint(static_cast<uint64_t>(field) << 3) + Zigzag(value); }
std::string Double(int field, double value) { return Varint(static_cast<uint64_t>(field) << 3 | 1) + Doubles({value}); }
std::string Bytes(int field, std::string_view content) {
  return Varint(static_cast<uint64_t>(field) << 3 | 2) + Varint(content.size()) + std::string(content);
}
std::string Ints(int field, std::vector<int64_t> values, bool zigzag) {
  std::string out;
  for (const int64_t value : values) out += zigzag ? Zigzag(value) : Varint(static_cast<uint64_t>(value));
  return Bytes(field, out);
}
std::string Span(int field, int64_t offset, uint64_t length) { return Bytes(field, SInt(1, offset) + Int(2, length)); }

std::string Label(std::string_view name, std::string_view value) { return Bytes(1, Bytes(1, name) + Bytes(2, value)); }
std::string SeriesV1(std::string_view content) { return Bytes(1, content); }

// Counts 1 2 | 0 | 4 with an index that is left out, negative 3: as an integer histogram and as a float one.
const std::string kIntHistogram = Int(1, 12) + Double(3, 18.5) + SInt(4, 1) + Double(5, 0.001) + Int(6, 2) + Span(8, 0, 1) +
                                  Ints(9, {3}, true) + Span(11, -1, 2) + Span(11, 1, 1) + Ints(12, {1, 1, 2}, true) +
                                  Int(15, 1'000);
const std::string kFloatHistogram = Double(2, 12) + Double(3, 18.5) + SInt(4, 1) + Double(5, 0.001) + Double(7, 2) +
                                    Span(8, 0, 1) + Bytes(10, Doubles({3})) + Span(11, -1, 2) + Span(11, 1, 1) +
                                    Bytes(13, Doubles({1, 2, 4})) + Int(15, 1'000);
constexpr std::string_view kNotation =
    "schema:1 count:12 sum:18.5 z_bucket:2 z_bucket_w:0.001 offset:-1 buckets:[1 2 0 4] n_buckets:[3]";

Histogram Notation(std::string_view text) { return *testing::ParseHistogramNotation(text); }

Decoded Decode(std::string_view body) {
  Decoded out;
  SeriesCache cache;
  out.status = DecodeRemoteWrite(body, IngestTarget{cache, out.batch, {}, 0}, out.report);
  return out;
}
Decoded DecodeV2(std::string_view body) {
  Decoded out;
  SeriesCache cache;
  out.status = DecodeRemoteWriteV2(body, IngestTarget{cache, out.batch, {}, 0}, out.report);
  return out;
}
Decoded One(std::string_view histogram) { return Decode(SeriesV1(Label("__name__", "h") + Bytes(4, histogram))); }

TEST(IngestHistogramTest, IntegerAndFloatMeanTheSame) {
  for (const std::string& message : {kIntHistogram, kFloatHistogram}) {
    const Decoded got = One(message);
    ASSERT_TRUE(got.status.ok()) << got.status.ToString();
    EXPECT_EQ(got.report.rejected, 0u) << got.report.first_rejected.ToString();
    EXPECT_EQ(got.batch.samples_count(), 0u);
    ASSERT_EQ(got.batch.histograms().size(), 1u);
    const WriteBatch::HistogramRow& row = got.batch.histograms()[0];
    EXPECT_EQ(row.t_ms, 1'000);
    EXPECT_EQ(got.batch.LabelsOf(row.series).ToString(), "h");
    Histogram compact = *row.histogram;
    Compact(compact);
    Histogram expected = Notation(kNotation);
    Compact(expected);
    EXPECT_TRUE(SameHistogram(compact, expected));
  }
}

TEST(IngestHistogramTest, CustomBounds) {
  const Decoded got = One(Int(1, 6) + Double(3, 20) + SInt(4, -53) + Span(11, 0, 3) + Ints(12, {1, 1, 1}, true) +
                          Bytes(16, Doubles({5, 10})) + Int(15, 7));
  ASSERT_EQ(got.batch.histograms().size(), 1u) << got.report.first_rejected.ToString();
  EXPECT_TRUE(SameHistogram(*got.batch.histograms()[0].histogram,
                            Notation("schema:-53 count:6 sum:20 custom_values:[5 10] buckets:[1 2 3]")));
}

TEST(IngestHistogramTest, AStaleHistogramIsAStaleSample) {
  const Decoded got = One(Int(1, 0) + Double(3, StaleMarker()) + Int(15, 9));
  ASSERT_EQ(got.batch.samples_count(), 1u);
  EXPECT_TRUE(IsStaleMarker(got.batch.values()[0]));
  EXPECT_EQ(got.batch.t_ms()[0], 9);
  EXPECT_TRUE(got.batch.histograms().empty());
}

TEST(IngestHistogramTest, OnlyTheGaugeHintIsKept) {
  EXPECT_EQ(One(kIntHistogram + Int(14, 3)).batch.histograms()[0].histogram->hint, CounterReset::kGauge);
  EXPECT_EQ(One(kIntHistogram + Int(14, 1)).batch.histograms()[0].histogram->hint, CounterReset::kUnknown);
}

TEST(IngestHistogramTest, FinerResolutionsAreReduced) {
  const Decoded got = One(Int(1, 3) + SInt(4, 9) + Span(11, 1, 3) + Ints(12, {1, 0, 0}, true) + Int(15, 1));
  ASSERT_EQ(got.batch.histograms().size(), 1u) << got.report.first_rejected.ToString();
  const Histogram& histogram = *got.batch.histograms()[0].histogram;
  EXPECT_EQ(histogram.schema, 8);
  EXPECT_EQ(histogram.positive.index, (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(histogram.positive.count, (std::vector<double>{2, 1}));
}

TEST(IngestHistogramTest, BadOnesAreToldByName) {
  const auto expect = [](std::string_view message, std::string_view part) {
    const std::string good = SeriesV1(Label("__name__", "good") + Bytes(2, Double(1, 1) + Int(2, 1)));
    const Decoded got = Decode(good + SeriesV1(Label("__name__", "bad_one") + Bytes(4, message)) + good);
    ASSERT_TRUE(got.status.ok()) << got.status.ToString();
    EXPECT_EQ(got.batch.samples_count(), 2u);
    EXPECT_TRUE(got.batch.histograms().empty());
    EXPECT_EQ(got.report.rejected, 1u);
    const std::string text{got.report.first_rejected.message()};
    EXPECT_NE(text.find(part), std::string::npos) << text;
    EXPECT_NE(text.find("bad_one"), std::string::npos) << text;
  };
  const std::string time = Int(15, 1);
  expect(Int(1, 3) + Span(11, 0, 3) + Ints(12, {1, 1}, true) + time, "spans need 3 buckets, have 2 buckets");
  expect(Int(1, 3) + Span(11, 0, 1) + Span(11, -1, 1) + Ints(12, {1, 0}, true) + time, "offset is negative");
  expect(Int(1, 3) + SInt(4, 77) + time, "schema");
  expect(Int(1, 3) + SInt(4, -53) + Bytes(16, Doubles({5, 5})) + time, "custom");
  expect(Int(1, 1) + Span(11, 0, 2) + Ints(12, {1, -2}, true) + time, "negative");
  expect(kIntHistogram + Int(15, 1'700'000'000'000'000'000), "another unit");
  expect(Int(1, 1) + Span(11, 0, 4'000'000'000) + time, "spans need");
}

TEST(IngestHistogramTest, BrokenBytesAreRefusedWhole) {
  const std::string body = SeriesV1(Label("__name__", "h") + Bytes(4, kIntHistogram));
  for (size_t length = 1; length < body.size(); ++length) {
    EXPECT_EQ(Decode(std::string_view(body).substr(0, length)).status.code(), StatusCode::kInvalidArgument) << length;
  }
}

// Symbols: 0 "" 1 __name__ 2 requests_total 3 job 4 api 5 Requests served. 6 trace_id 7 abc 8 latency
std::string Symbols() {
  std::string out;
  for (const auto text : {"", "__name__", "requests_total", "job", "api", "Requests served.", "trace_id", "abc", "latency"}) {
    out += Bytes(4, text);
  }
  return out;
}

TEST(IngestRemoteWriteV2Test, SamplesHistogramsExemplarsAndMetadata) {
  const std::string first = Ints(1, {1, 2, 3, 4}, false) + Bytes(2, Double(1, 5) + Int(2, 1'000)) +
                            Bytes(2, Double(1, 6) + Int(2, 2'000)) +
                            Bytes(4, Ints(1, {6, 7}, false) + Double(2, 0.5) + Int(3, 1'500)) +
                            Bytes(5, Int(1, 1) + Int(3, 5)) + Int(6, 500);
  const std::string second = Ints(1, {1, 8}, false) + Bytes(3, kFloatHistogram) + Bytes(5, Int(1, 3));
  for (const std::string& body :
       {Symbols() + Bytes(5, first) + Bytes(5, second), Bytes(5, first) + Bytes(5, second) + Symbols()}) {
    const Decoded got = DecodeV2(body);
    ASSERT_TRUE(got.status.ok()) << got.status.ToString();
    EXPECT_EQ(got.report.rejected, 0u) << got.report.first_rejected.ToString();
    EXPECT_EQ(got.Rows(), "requests_total{job=\"api\"} @1000 5\nrequests_total{job=\"api\"} @2000 6\n");
    ASSERT_EQ(got.batch.histograms().size(), 1u);
    EXPECT_EQ(got.batch.LabelsOf(got.batch.histograms()[0].series).ToString(), "latency");
    ASSERT_EQ(got.batch.metadata().size(), 2u);
    EXPECT_EQ(got.batch.metadata()[0].metric, "requests_total");
    EXPECT_EQ(got.batch.metadata()[0].type, "counter");
    EXPECT_EQ(got.batch.metadata()[0].help, "Requests served.");
    EXPECT_EQ(got.batch.metadata()[1].type, "histogram");
  }
}

TEST(IngestRemoteWriteV2Test, BadSeriesDoNotSinkGoodOnes) {
  const std::string good = Bytes(5, Ints(1, {1, 2}, false) + Bytes(2, Double(1, 1) + Int(2, 1)));
  const auto expect = [&](std::string_view series, std::string_view part) {
    const Decoded got = DecodeV2(Symbols() + good + Bytes(5, series) + good);
    ASSERT_TRUE(got.status.ok()) << got.status.ToString();
    EXPECT_EQ(got.batch.samples_count(), 2u);
    EXPECT_EQ(got.report.rejected, 1u);
    EXPECT_NE(got.report.first_rejected.message().find(part), std::string::npos) << got.report.first_rejected.message();
  };
  const std::string sample = Bytes(2, Double(1, 1) + Int(2, 1));
  expect(Ints(1, {1, 2, 3}, false) + sample, "by turns");
  expect(Ints(1, {1, 99}, false) + sample, "there are 9 symbols");
  expect(sample, "without labels");
  expect(Ints(1, {1, 2}, false) + Bytes(3, Int(1, 3) + Span(11, 0, 3) + Int(15, 1)), "requests_total");
}

TEST(IngestRemoteWriteV2Test, BrokenBytesAreRefusedWhole) {
  const std::string body = Symbols() + Bytes(5, Ints(1, {1, 2}, false) + Bytes(3, kIntHistogram));
  for (size_t length = Symbols().size() + 1; length < body.size(); ++length) {
    EXPECT_EQ(DecodeV2(std::string_view(body).substr(0, length)).status.code(), StatusCode::kInvalidArgument) << length;
  }
  EXPECT_FALSE(DecodeV2(Bytes(4, "first symbol must be empty") + Bytes(5, "")).status.ok());
}

}  // namespace
}  // namespace auspex::server
