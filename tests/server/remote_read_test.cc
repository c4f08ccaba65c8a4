#include <bit>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <snappy.h>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>

#include "server/routes.h"
#include "server/xor_chunk.h"
#include "tests/support/seed.h"

namespace auspex::server {
namespace {

using Samples = std::vector<std::pair<int64_t, uint64_t>>;  // (t_ms, bits of the value)
using Answer = std::map<std::string, Samples>;              // by labels

/// Reads a chunk bit by bit, as the format says.
class ChunkReader {
 public:
  explicit ChunkReader(std::string_view bytes) : bytes_(bytes) {}
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
        value ^= Xor();
      }
      out.emplace_back(t_ms, value);
    }
    return out;
  }

 private:
  uint64_t Bits(int count) {
    uint64_t out = 0;
    for (int i = 0; i < count; ++i, ++at_) out = out << 1 | (static_cast<uint8_t>(bytes_.at(at_ / 8)) >> (7 - at_ % 8) & 1);
    return out;
  }
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
    const int width = ones == 1 ? 14 : ones == 2 ? 17 : ones == 3 ? 20 : 64;
    const uint64_t raw = Bits(width);
    if (width == 64 || raw <= uint64_t{1} << (width - 1)) return static_cast<int64_t>(raw);
    return static_cast<int64_t>(raw) - (int64_t{1} << width);
  }
  uint64_t Xor() {
    if (Bits(1) == 0) return 0;
    if (Bits(1) == 1) {
      leading_ = static_cast<int>(Bits(5));
      const int count = static_cast<int>(Bits(6));
      trailing_ = 64 - leading_ - (count == 0 ? 64 : count);
    }
    return Bits(64 - leading_ - trailing_) << trailing_;
  }

  std::string_view bytes_;
  size_t at_ = 0;
  int leading_ = 0;
  int trailing_ = 0;
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

  RecordedResponse& Ask(bool streamed, const std::string& pattern = "a|b") {
    std::string message;
    protozero::pbf_writer request(message);
    {
      protozero::pbf_writer query(request, 1);
      query.add_int64(1, 1'000'000);
      query.add_int64(2, 1'000'000 + 499 * 10'000);
      const std::tuple<int, std::string, std::string> matchers[] = {{0, "__name__", "m"}, {2, "host", pattern}};
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
