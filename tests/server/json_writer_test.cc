#include "server/json_writer.h"

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "server/value_text.h"
#include "tests/support/histogram_notation.h"

namespace auspex::server {
namespace {

std::string Value(double value) {
  std::string out;
  AppendSampleValue(out, value);
  return out;
}

// As Prometheus 2.42 answers vector(x).
TEST(JsonWriterTest, SampleValuesAsPrometheusPrintsThem) {
  EXPECT_EQ(Value(0), "0");
  EXPECT_EQ(Value(-0.0), "-0");
  EXPECT_EQ(Value(1), "1");
  EXPECT_EQ(Value(-42), "-42");
  EXPECT_EQ(Value(1e6), "1000000");
  EXPECT_EQ(Value(0.1), "0.1");
  EXPECT_EQ(Value(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(Value(1e-6), "0.000001");
  EXPECT_EQ(Value(1.4357814517000001e-6), "0.0000014357814517000001");
  EXPECT_EQ(Value(1e-7), "1e-07");
  EXPECT_EQ(Value(-1.5e-9), "-1.5e-09");
  EXPECT_EQ(Value(1e15), "1000000000000000");
  EXPECT_EQ(Value(-1e15), "-1000000000000000");
  EXPECT_EQ(Value(static_cast<double>(int64_t{9007199254740993})), "9007199254740992");
  EXPECT_EQ(Value(123456789012345678.0), "123456789012345680");
  EXPECT_EQ(Value(1e17 + 16), "100000000000000020");
  EXPECT_EQ(Value(1e20), "100000000000000000000");
  EXPECT_EQ(Value(1e21), "1e+21");
  EXPECT_EQ(Value(1e22), "1e+22");
  EXPECT_EQ(Value(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
  EXPECT_EQ(Value(std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(Value(std::numeric_limits<double>::infinity()), "+Inf");
  EXPECT_EQ(Value(-std::numeric_limits<double>::infinity()), "-Inf");
}

TEST(JsonWriterTest, EverySampleValueReadsBackToTheSameBits) {
  const char* given = std::getenv("AUSPEX_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  SCOPED_TRACE("AUSPEX_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 200'000; ++i) {
    // Any bits; and, half of the time, magnitudes near those where the form changes.
    double value = std::bit_cast<double>(random());
    if (i % 2 == 0) value = std::ldexp(static_cast<double>(random() >> 11), static_cast<int>(random() % 80) - 75);
    if (!std::isfinite(value)) continue;
    const std::string text = Value(value);
    const auto back = ParseDouble(text);
    ASSERT_TRUE(back.has_value()) << text;
    ASSERT_EQ(std::bit_cast<uint64_t>(*back), std::bit_cast<uint64_t>(value)) << text;
  }
}

TEST(JsonWriterTest, Seconds) {
  const auto seconds = [](int64_t t_ms) {
    std::string out;
    AppendSeconds(out, t_ms);
    return out;
  };
  EXPECT_EQ(seconds(1'435'781'451'781), "1435781451.781");
  EXPECT_EQ(seconds(1'435'781'451'700), "1435781451.700");
  EXPECT_EQ(seconds(1'435'781'451'007), "1435781451.007");
  EXPECT_EQ(seconds(1'435'781'451'000), "1435781451");
  EXPECT_EQ(seconds(-1), "-0.001");
}

TEST(JsonWriterTest, Strings) {
  const auto quoted = [](std::string_view text) {
    std::string out;
    AppendJsonString(out, text);
    return out;
  };
  EXPECT_EQ(quoted("a\"b\\c\n\t\r"), R"("a\"b\\c\n\t\r")");
  EXPECT_EQ(quoted(std::string_view("\0\x1f", 2)), R"("\u0000\u001f")");
  EXPECT_EQ(quoted("größe 漢 😀"), "\"größe 漢 😀\"");
  EXPECT_EQ(quoted("\xff|\xc3"), "\"\xef\xbf\xbd|\xef\xbf\xbd\"");
}

TEST(JsonWriterTest, PutsCommas) {
  RecordedResponse response;
  JsonWriter json(response);
  json.BeginObject();
  json.Member("a", 1 == 1);
  json.Key("b");
  json.BeginArray();
  json.Sample(1500, 2.5);
  json.BeginObject();
  json.EndObject();
  json.Null();
  json.EndArray();
  json.Key("c");
  json.LabelObject(Labels::Of({{"__name__", "up"}, {"job", "api"}}));
  json.EndObject();
  ASSERT_TRUE(json.Finish());
  EXPECT_EQ(response.body(), R"({"a":true,"b":[[1.500,"2.5"],{},null],"c":{"__name__":"up","job":"api"}})");
}

TEST(JsonWriterTest, HistogramsAsPrometheusPrintsThem) {
  RecordedResponse response;
  JsonWriter json(response);
  json.BeginArray();
  json.Sample(1500, *testing::ParseHistogramNotation(
                        "schema:0 count:6 sum:20.5 z_bucket:1 z_bucket_w:0.5 buckets:[2 0 1] n_buckets:[2]"));
  json.Sample(1500, Histogram());
  json.EndArray();
  ASSERT_TRUE(json.Finish());
  EXPECT_EQ(response.body(), R"([[1.500,{"count":"6","sum":"20.5","buckets":[[1,"-1","-0.5","2"],[3,"-0.5","0.5","1"],)"
                             R"([0,"0.5","1","2"],[0,"2","4","1"]]}],[1.500,{"count":"0","sum":"0"}]])");
}

}  // namespace
}  // namespace auspex::server
