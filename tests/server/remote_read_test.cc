#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <snappy.h>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>

#include "server/histogram_chunk.h"
#include "server/ingest_histogram.h"
#include "server/routes.h"
#include "server/xor_chunk.h"
#include "tests/support/histogram_notation.h"
#include "tests/support/seed.h"

namespace auspex::server {
namespace {

using Samples = std::vector<std::pair<int64_t, uint64_t>>;  // (t_ms, bits of the value)
using Answer = std::map<std::string, Samples>;              // by labels

/// Reads a chunk bit by bit, as the format says.
class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes) {}

 protected:
  struct Window {
    int leading = 0;
    int trailing = 0;
  };
  uint64_t Bits(int count) {
    uint64_t out = 0;
    for (int i = 0; i < count; ++i, ++at_) out = out << 1 | (static_cast<uint8_t>(bytes_.at(at_ / 8)) >> (7 - at_ % 8) & 1);
    return out;
  }
  // `width` bits of two's complement whose highest value is 2^(width - 1).
  int64_t Signed(int width) {
    const uint64_t raw = Bits(width);
    if (width == 64 || raw <= uint64_t{1} << (width - 1)) return static_cast<int64_t>(raw);
    return static_cast<int64_t>(raw) - (int64_t{1} << width);
  }
  uint64_t Xor(Window& window) {
    if (Bits(1) == 0) return 0;
    if (Bits(1) == 1) {
      window.leading = static_cast<int>(Bits(5));
      const int count = static_cast<int>(Bits(6));
      window.trailing = 64 - window.leading - (count == 0 ? 64 : count);
    }
    return Bits(64 - window.leading - window.trailing) << window.trailing;
  }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
};

class ChunkReader : public BitReader {
 public:
  using BitReader::BitReader;
  Samples Read() {
    const uint64_t count = Bits(16);
    Samples out;
    int64_t t_ms = 0;
    int64_t delta = 0;
    uint64_t value = 0;
    for (uint64_t i = 0; i < count; ++i) {
      if (i == 0) {
        const uint64_t raw = Varuint();
        t_ms = static_cast<int64_t>(raw >> 1) ^ -static_cast<int64_t>(raw & 1);
        value = Bits(64);
      } else {
        delta = i == 1 ? static_cast<int64_t>(Varuint()) : delta + DeltaOfDelta();
        t_ms += delta;
        value ^= Xor(window_);
      }
      out.emplace_back(t_ms, value);
    }
    return out;
  }

 private:
  uint64_t Varuint() {
    uint64_t out = 0;
    for (int shift = 0;; shift += 7) {
      const uint64_t byte = Bits(8);
      out |= (byte & 0x7f) << shift;
      if (byte < 0x80) return out;
    }
  }
  int64_t DeltaOfDelta() {
    int ones = 0;
    while (ones < 4 && Bits(1) == 1) ++ones;
    if (ones == 0) return 0;
    return Signed(ones == 1 ? 14 : ones == 2 ? 17 : ones == 3 ? 20 : 64);
  }

  Window window_;
};

/// The histograms of a chunk, and the flags of its head.
class HistogramChunkReader : public BitReader {
 public:
  using BitReader::BitReader;
  std::vector<std::pair<int64_t, Histogram>> Read(CounterReset& hint) {
    const uint64_t count = Bits(16);
    const uint64_t flags = Bits(8) >> 6;
    hint = flags == 0   ? CounterReset::kUnknown
           : flags == 1 ? CounterReset::kNotReset
           : flags == 2 ? CounterReset::kReset
                        : CounterReset::kGauge;
    Histogram histogram;
    const uint64_t threshold = Bits(8);
    histogram.zero_threshold = threshold == 0     ? 0
                               : threshold == 255 ? std::bit_cast<double>(Bits(64))
                                                  : std::ldexp(0.5, static_cast<int>(threshold) - 243);
    histogram.schema = static_cast<int32_t>(VarbitInt());
    ReadSpans(histogram.positive);
    ReadSpans(histogram.negative);
    if (histogram.custom()) {
      for (uint64_t bounds = VarbitUint(); bounds > 0; --bounds) {
        const uint64_t thousandths = VarbitUint();
        histogram.custom_values.push_back(thousandths == 0 ? std::bit_cast<double>(Bits(64))
                                                           : static_cast<double>(thousandths - 1) / 1000);
      }
    }
    std::vector<double*> columns = {&histogram.count, &histogram.zero_count, &histogram.sum};
    for (double& one : histogram.positive.count) columns.push_back(&one);
    for (double& one : histogram.negative.count) columns.push_back(&one);
    std::vector<Window> windows(columns.size());
    std::vector<std::pair<int64_t, Histogram>> out;
    int64_t t_ms = 0;
    int64_t delta = 0;
    for (uint64_t i = 0; i < count; ++i) {
      if (i > 0) delta += VarbitInt();
      t_ms = i == 0 ? VarbitInt() : t_ms + delta;
      for (size_t c = 0; c < columns.size(); ++c) {
        const uint64_t bits = i == 0 ? Bits(64) : std::bit_cast<uint64_t>(*columns[c]) ^ Xor(windows[c]);
        *columns[c] = std::bit_cast<double>(bits);
      }
      out.emplace_back(t_ms, histogram);
    }
    return out;
  }

 private:
  static constexpr int kWidths[] = {0, 3, 6, 9, 12, 18, 25, 56, 64};
  int Width() {
    int ones = 0;
    while (ones < 8 && Bits(1) == 1) ++ones;
    return kWidths[ones];
  }
  int64_t VarbitInt() {
    const int width = Width();
    return width == 0 ? 0 : Signed(width);
  }
  uint64_t VarbitUint() { return Bits(Width()); }
  void ReadSpans(HistogramBuckets& buckets) {
    int64_t index = 0;
    for (uint64_t spans = VarbitUint(); spans > 0; --spans) {
      const uint64_t length = VarbitUint();
      index += VarbitInt();
      for (uint64_t i = 0; i < length; ++i) buckets.Push(static_cast<int32_t>(index++), 0);
    }
  }
};

TEST(XorChunkTest, ReadsBackAsItWas) {
  std::mt19937_64 random(testing::TestSeed());
  for (int round = 0; round < 200; ++round) {
    std::vector<int64_t> t_ms;
    std::vector<double> values;
    int64_t t = static_cast<int64_t>(random() % 2'000'000'000'000) - 1'000;
    double value = 0;
    for (size_t i = 0, count = 1 + random() % 130; i < count; ++i) {
      t += random() % 5 == 0 ? 1 + static_cast<int64_t>(random() % (uint64_t{1} << (random() % 40))) : 15'000;
      switch (random() % 4) {
        case 0:
          value = std::bit_cast<double>(random());
          break;
        case 1:
          value = static_cast<double>(random() % 100);
          break;
        default:
          break;
      }
      t_ms.push_back(t);
      values.push_back(value);
    }
    const Samples got = ChunkReader(EncodeXorChunk(t_ms, values)).Read();
    ASSERT_EQ(got.size(), t_ms.size());
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].first, t_ms[i]);
      EXPECT_EQ(got[i].second, std::bit_cast<uint64_t>(values[i]));
    }
  }
}

HistogramPtr Notation(std::string_view text) {
  return std::make_shared<const Histogram>(testing::ParseHistogramNotation(text).value());
}

TEST(HistogramChunkTest, ReadsBackAsItWas) {
  const std::vector<std::vector<std::string>> chunks = {
      {"schema:1 count:7 sum:3.25 z_bucket:2 z_bucket_w:0.001 offset:-3 buckets:[1 0 4] n_offset:5 n_buckets:[1 2]",
       "schema:1 count:9 sum:5.5 z_bucket:2 z_bucket_w:0.001 offset:-3 buckets:[1 2 4] n_offset:5 n_buckets:[1 2]",
       "schema:1 count:12.5 sum:NaN z_bucket:4.5 z_bucket_w:0.001 offset:-3 buckets:[1 3 4] n_offset:5 n_buckets:[1 2]"},
      {"schema:-4 count:0 sum:0 z_bucket_w:0.25"},
      {"schema:-53 count:3 sum:1e300 custom_values:[-1 0 0.005 2.5 1e9] buckets:[1 0 2]"},
      {"counter_reset_hint:gauge count:3 sum:4 buckets:[3]", "counter_reset_hint:gauge count:1 sum:1 buckets:[1]"}};
  for (const auto& texts : chunks) {
    std::vector<HistogramPtr> histograms;
    std::vector<int64_t> t_ms;
    for (const std::string& text : texts) {
      histograms.push_back(Notation(text));
      t_ms.push_back(1'700'000'000'000 + static_cast<int64_t>(t_ms.size() * t_ms.size()) * 15'000);
    }
    ASSERT_EQ(ChunkableCount(histograms), histograms.size()) << texts.front();
    for (const CounterReset hint :
         {CounterReset::kUnknown, CounterReset::kReset, CounterReset::kNotReset, CounterReset::kGauge}) {
      CounterReset read_hint{};
      const auto read = HistogramChunkReader(EncodeHistogramChunk(t_ms, histograms, hint)).Read(read_hint);
      EXPECT_EQ(read_hint, hint);
      ASSERT_EQ(read.size(), histograms.size());
      for (size_t i = 0; i < read.size(); ++i) {
        EXPECT_EQ(read[i].first, t_ms[i]);
        EXPECT_TRUE(SameHistogram(read[i].second, *histograms[i])) << texts[i];
      }
    }
  }
}

TEST(HistogramChunkTest, EndsWhereItsReaderWouldBeMisled) {
  const auto count = [](std::vector<std::string> texts) {
    std::vector<HistogramPtr> histograms;
    for (const std::string& text : texts) histograms.push_back(text == "number" ? nullptr : Notation(text));
    return ChunkableCount(histograms);
  };
  EXPECT_EQ(count({"count:1 buckets:[1]", "count:2 buckets:[2]"}), 2u);
  EXPECT_EQ(count({"count:1 buckets:[1]", "number"}), 1u);
  EXPECT_EQ(count({"count:2 buckets:[2]", "count:1 buckets:[1]"}), 1u);                           // starts again
  EXPECT_EQ(count({"count:1 buckets:[1]", "count:3 buckets:[1 2]"}), 1u);                         // another bucket
  EXPECT_EQ(count({"count:1 buckets:[1]", "schema:1 count:1 buckets:[1]"}), 1u);                  // another resolution
  EXPECT_EQ(count({"count:1 buckets:[1]", "count:2 buckets:[2] counter_reset_hint:gauge"}), 1u);  // no counter
}

TEST(XorChunkTest, Checksum) { EXPECT_EQ(Crc32c("123456789"), 0xe3069283u); }

class RemoteReadTest : public ::testing::Test {
 protected:
  RemoteReadTest()
      : service_(Clock::System()),
        router_({.listen_host = "127.0.0.1", .loopback = true, .allowed_hosts = {}, .cors_origins = {}}, service_.metrics(),
                Clock::System(), 1 << 20) {
    AddRoutes(router_, service_);
  }
  void SetUp() override {
    Options options;
    options.in_memory = true;
    options.memory_budget_bytes = uint64_t{64} << 20;
    database_ = Database::Open(options).value();
    service_.Attach(*database_);
    WriteBatch batch;
    for (const char* host : {"a", "b", "c"}) {
      const Labels labels = Labels::Of({{kMetricName, "m"}, {"host", host}});
      const SeriesRef ref = batch.AddSeries(labels);
      for (int i = 0; i < 500; ++i) {
        const double value = i % 100 == 50 ? std::nan("") : std::sqrt(i) + host[0];
        batch.Add(ref, 1'000'000 + i * 10'000, value);
        if (host[0] != 'c') all_[labels.ToString()].emplace_back(1'000'000 + i * 10'000, std::bit_cast<uint64_t>(value));
      }
    }
    ASSERT_TRUE(database_->Append(batch).ok());
  }

  RecordedResponse& Ask(bool streamed, const std::string& pattern = "a|b", const std::string& metric = "m") {
    std::string message;
    protozero::pbf_writer request(message);
    {
      protozero::pbf_writer query(request, 1);
      query.add_int64(1, 1'000'000);
      query.add_int64(2, 1'000'000 + 499 * 10'000);
      const std::tuple<int, std::string, std::string> matchers[] = {{0, "__name__", metric}, {2, "host", pattern}};
      for (const auto& [type, name, value] : matchers) {
        protozero::pbf_writer matcher(query, 3);
        matcher.add_enum(1, type);
        matcher.add_string(2, name);
        matcher.add_string(3, value);
      }
    }
    if (streamed) request.add_enum(2, 1);
    Request sent;
    sent.method = "POST";
    sent.path = "/api/v1/read";
    snappy::Compress(message.data(), message.size(), &sent.body);
    sent.headers.Add("host", "localhost");
    sent.headers.Add("content-encoding", "snappy");
    response_ = std::make_unique<RecordedResponse>();
    router_.Handle(sent, *response_);
    return *response_;
  }

  static std::string LabelsOf(protozero::pbf_reader label, Labels& labels) {
    std::string name;
    std::string value;
    while (label.next()) {
      std::string& text = label.tag() == 1 ? name : value;  // a read field has no tag any more
      text = label.get_string();
    }
    labels = labels.With(name, value);
    return labels.ToString();
  }

  Service service_;
  Router router_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<RecordedResponse> response_;
  Answer all_;
};

TEST_F(RemoteReadTest, Samples) {
  const RecordedResponse& response = Ask(false);
  ASSERT_EQ(response.status(), 200) << response.body();
  EXPECT_EQ(response.headers().Get("Content-Type"), "application/x-protobuf");
  EXPECT_EQ(response.headers().Get("Content-Encoding"), "snappy");
  std::string body;
  ASSERT_TRUE(snappy::Uncompress(response.body().data(), response.body().size(), &body));
  Answer got;
  protozero::pbf_reader answer(body);
  while (answer.next(1)) {
    protozero::pbf_reader result = answer.get_message();
    while (result.next(1)) {
      protozero::pbf_reader series = result.get_message();
      Labels labels;
      Samples samples;
      while (series.next()) {
        const bool label = series.tag() == 1;
        protozero::pbf_reader part = series.get_message();
        if (label) {
          LabelsOf(part, labels);
          continue;
        }
        double value = 0;
        int64_t t_ms = 0;
        while (part.next()) {
          if (part.tag() == 1) {
            value = part.get_double();
          } else {
            t_ms = part.get_int64();
          }
        }
        samples.emplace_back(t_ms, std::bit_cast<uint64_t>(value));
      }
      got[labels.ToString()] = samples;
    }
  }
  EXPECT_EQ(got, all_);
}

TEST_F(RemoteReadTest, StreamedChunks) {
  const RecordedResponse& response = Ask(true);
  ASSERT_EQ(response.status(), 200) << response.body();
  EXPECT_EQ(response.headers().Get("Content-Type"), "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse");
  Answer got;
  const std::string& body = response.body();
  for (const char* at = body.data(); at < body.data() + body.size();) {
    const uint64_t size = protozero::decode_varint(&at, body.data() + body.size());
    uint32_t crc = 0;
    for (int i = 0; i < 4; ++i) crc = crc << 8 | static_cast<uint8_t>(*at++);
    const std::string_view frame(at, size);
    at += size;
    ASSERT_EQ(crc, Crc32c(frame));
    protozero::pbf_reader message(frame.data(), frame.size());
    while (message.next()) {
      if (message.tag() != 1) {
        EXPECT_EQ(message.get_int64(), 0);
        continue;
      }
      protozero::pbf_reader series = message.get_message();
      Labels labels;
      while (series.next()) {
        const bool label = series.tag() == 1;
        protozero::pbf_reader part = series.get_message();
        if (label) {
          LabelsOf(part, labels);
          continue;
        }
        while (part.next()) {
          if (part.tag() != 4) {
            part.skip();
            continue;
          }
          const protozero::data_view data = part.get_view();
          const Samples samples = ChunkReader({data.data(), data.size()}).Read();
          Samples& all = got[labels.ToString()];
          all.insert(all.end(), samples.begin(), samples.end());
        }
      }
    }
  }
  EXPECT_EQ(got, all_);
}

// A series that changes between numbers and histograms, and whose histograms start again and get more buckets.
class RemoteReadHistogramTest : public RemoteReadTest {
 protected:
  using Points = std::vector<std::pair<int64_t, std::pair<double, HistogramPtr>>>;

  void SetUp() override {
    RemoteReadTest::SetUp();
    WriteBatch batch;
    const SeriesRef ref = batch.AddSeries(Labels::Of({{kMetricName, "h"}, {"host", "a"}}));
    for (const char* text : {"count:3 sum:4 buckets:[1 2]", "count:5 sum:6 buckets:[2 3]", "7", "count:6 sum:7.5 buckets:[2 4]",
                             "count:1 sum:1 buckets:[1 0]", "count:4 sum:9 buckets:[1 0 3]",
                             "counter_reset_hint:gauge schema:-53 count:2 sum:3 custom_values:[0.5 2] buckets:[0 2]"}) {
      const int64_t t_ms = 1'000'000 + static_cast<int64_t>(points_.size()) * 10'000;
      if (std::string_view(text) == "7") {
        points_.push_back({t_ms, {7, nullptr}});
        batch.Add(ref, t_ms, 7);
      } else {
        points_.push_back({t_ms, {0, Notation(text)}});
        batch.AddHistogram(ref, t_ms, points_.back().second.second);
      }
    }
    ASSERT_TRUE(database_->Append(batch).ok());
  }

  void ExpectPoints(const Points& got) const {
    ASSERT_EQ(got.size(), points_.size());
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].first, points_[i].first);
      const auto& [number, histogram] = got[i].second;
      ASSERT_EQ(histogram == nullptr, points_[i].second.second == nullptr) << i;
      if (histogram == nullptr) {
        EXPECT_EQ(number, points_[i].second.first);
      } else {
        EXPECT_TRUE(SameHistogram(*histogram, *points_[i].second.second)) << i;
      }
    }
  }

  Points points_;
};

TEST_F(RemoteReadHistogramTest, Samples) {
  std::string body;
  const RecordedResponse& response = Ask(false, "a", "h");
  ASSERT_EQ(response.status(), 200) << response.body();
  ASSERT_TRUE(snappy::Uncompress(response.body().data(), response.body().size(), &body));
  protozero::pbf_reader answer(body);
  ASSERT_TRUE(answer.next(1));
  protozero::pbf_reader result = answer.get_message();
  ASSERT_TRUE(result.next(1));
  protozero::pbf_reader series = result.get_message();
  Points got;
  while (series.next()) {
    const auto tag = series.tag();
    protozero::pbf_reader part = series.get_message();
    if (tag == 2) {
      double value = 0;
      ASSERT_TRUE(part.next(1));
      value = part.get_double();
      ASSERT_TRUE(part.next(2));
      got.push_back({part.get_int64(), {value, nullptr}});
    } else if (tag == 4) {
      const auto sample = ReadHistogramMessage(part);
      ASSERT_TRUE(sample.ok()) << sample.status().message();
      got.push_back({sample->t_ms, {0, sample->histogram}});
      EXPECT_EQ(sample->histogram->hint == CounterReset::kGauge, sample->histogram->custom());
    }
  }
  std::sort(got.begin(), got.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  ExpectPoints(got);
}

TEST_F(RemoteReadHistogramTest, StreamedChunks) {
  const RecordedResponse& response = Ask(true, "a", "h");
  ASSERT_EQ(response.status(), 200) << response.body();
  const char* at = response.body().data();
  const uint64_t size = protozero::decode_varint(&at, at + response.body().size());
  protozero::pbf_reader message(at + 4, size);
  ASSERT_TRUE(message.next(1));
  protozero::pbf_reader series = message.get_message();
  Points got;
  std::vector<CounterReset> hints;
  while (series.next(2)) {
    protozero::pbf_reader chunk = series.get_message();
    std::array<int64_t, 4> numbers{};
    std::string data;
    while (chunk.next()) {
      if (chunk.tag() == 4) {
        data = chunk.get_bytes();
      } else {
        const auto tag = chunk.tag();
        numbers.at(tag) = chunk.get_int64();
      }
    }
    const size_t first = got.size();
    if (numbers[3] == 1) {
      for (const auto& [t_ms, bits] : ChunkReader(data).Read()) got.push_back({t_ms, {std::bit_cast<double>(bits), nullptr}});
    } else {
      ASSERT_EQ(numbers[3], 3);
      CounterReset hint{};
      for (auto& [t_ms, histogram] : HistogramChunkReader(data).Read(hint)) {
        got.push_back({t_ms, {0, std::make_shared<const Histogram>(histogram)}});
      }
      hints.push_back(hint);
    }
    EXPECT_EQ(numbers[1], got[first].first);
    EXPECT_EQ(numbers[2], got.back().first);
  }
  ExpectPoints(got);
  // Two, one after the number, one that starts again, one with another bucket, a gauge.
  EXPECT_THAT(hints, ::testing::ElementsAre(CounterReset::kUnknown, CounterReset::kUnknown, CounterReset::kReset,
                                            CounterReset::kNotReset, CounterReset::kGauge));
}

TEST_F(RemoteReadTest, WhatIsWrongIsSaid) {
  EXPECT_EQ(Ask(false, "a(").status(), 400);
  EXPECT_THAT(response_->body(), ::testing::HasSubstr("bad_data"));
  Request garbage;
  garbage.method = "POST";
  garbage.path = "/api/v1/read";
  garbage.body = "\xff\xff\xff garbage";
  garbage.headers.Add("host", "localhost");
  RecordedResponse response;
  router_.Handle(garbage, response);
  EXPECT_EQ(response.status(), 400);
}

}  // namespace
}  // namespace auspex::server
