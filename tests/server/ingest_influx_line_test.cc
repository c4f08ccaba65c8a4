#include <gtest/gtest.h>

#include "server/ingest.h"
#include "tests/server/decoded.h"

namespace auspex::server {
namespace {

constexpr int64_t kNowMs = 1'700'000'000'000;

Decoded Decode(std::string_view body, int64_t precision_ns = 1) {
  Decoded out;
  SeriesCache cache;
  out.status = DecodeInfluxLine(body, precision_ns, IngestTarget{cache, out.batch, {}, kNowMs}, out.report);
  return out;
}

// Lines written by hand in the form in which Telegraf sends them for its cpu, mem and system inputs.
TEST(IngestInfluxLineTest, ReadsWhatTelegrafSends) {
  const Decoded got = Decode(
      "cpu,cpu=cpu0,host=web-1 usage_user=2.5,usage_idle=97 1700000000000000000\n"
      "mem,host=web-1 total=16777216i,used_percent=41.5 1700000010000000000\n"
      "system,host=web-1 uptime=86400i,uptime_format=\"1 day,  0:00\" 1700000010000000000\n");
  ASSERT_TRUE(got.status.ok());
  EXPECT_EQ(got.report.rejected, 0u) << got.report.first_rejected.message();
  EXPECT_EQ(got.report.skipped, 1u);
  EXPECT_EQ(got.Rows(),
            "cpu_usage_user{cpu=\"cpu0\", host=\"web-1\"} @1700000000000 2.5\n"
            "cpu_usage_idle{cpu=\"cpu0\", host=\"web-1\"} @1700000000000 97\n"
            "mem_total{host=\"web-1\"} @1700000010000 16777216\n"
            "mem_used_percent{host=\"web-1\"} @1700000010000 41.5\n"
            "system_uptime{host=\"web-1\"} @1700000010000 86400\n");
}

TEST(IngestInfluxLineTest, ValuesAndTimes) {
  const auto expect = [](std::string_view line, std::string_view want, int64_t precision_ns = 1) {
    const Decoded got = Decode(line, precision_ns);
    EXPECT_EQ(got.report.rejected, 0u) << line << ": " << got.report.first_rejected.message();
    EXPECT_EQ(got.Rows(), want) << line;
  };
  expect("m value=1", "m_value @1700000000000 1\n");
  expect("m f=-1.5e3 5000000", "m_f @5 -1500\n");
  expect("m f=12u 0", "m_f @0 12\n");
  expect("m f=-9223372036854775808i 0", "m_f @0 -9.223372036854776e+18\n");
  expect("m f=t,g=FALSE,h=True 0", "m_f @0 1\nm_g @0 0\nm_h @0 1\n");
  expect("m f=1 1700000000", "m_f @1700000000000 1\n", 1'000'000'000);
  expect("m f=1 1700000000123", "m_f @1700000000123 1\n", 1'000'000);
  expect("m f=1 472222", "m_f @1699999200000 1\n", 3'600'000'000'000);
  expect("m f=1 999999", "m_f @0 1\n");  // ns below a ms are cut
  expect("m f=1 1\r\nm f=2 1\r\n", "m_f @0 1\nm_f @0 2\n");
  expect("# comment\n\n  m f=1 1  \n", "m_f @0 1\n");
  expect("m s=\"only text, = and \\\" quotes\" 1", "");
  expect("m s=\"two\nlines\",f=1 1000000\nm f=2 2000000", "m_f @1 1\nm_f @2 2\n");
}

TEST(IngestInfluxLineTest, Escapes) {
  const Decoded got = Decode(R"(my\ m\,x,tag\ a\=b=v\,1\ \=,path=C:\dir f\ 1=1 0)");
  EXPECT_EQ(got.report.rejected, 0u) << got.report.first_rejected.message();
  ASSERT_EQ(got.batch.samples_count(), 1u);
  const Labels& labels = got.batch.LabelsOf(got.batch.series()[0]);
  EXPECT_EQ(labels.MetricName(), "my m,x_f 1");
  EXPECT_EQ(labels.Get("tag a=b"), "v,1 =");
  EXPECT_EQ(labels.Get("path"), R"(C:\dir)");
}

TEST(IngestInfluxLineTest, BadLinesAreNamedAndGoodOnesKept) {
  const auto expect = [](std::string_view bad, std::string_view part) {
    const Decoded got = Decode("a f=1 1000000\n" + std::string(bad) + "\nb f=2 2000000\n");
    ASSERT_TRUE(got.status.ok());
    EXPECT_EQ(got.Rows(), "a_f @1 1\nb_f @2 2\n") << bad;
    EXPECT_EQ(got.report.rejected, 1u) << bad;
    const std::string& message = got.report.first_rejected.message();
    EXPECT_TRUE(message.starts_with("line 2: ")) << message;
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect("justaname", "expected a space and fields");
  expect("m f", "expected '='");
  expect("m =1", "field without a name");
  expect("m f=", "found nothing");
  expect("m f=abc 1", "\"abc\"");
  expect("m f=nan 1", "\"nan\"");
  expect("m f=1x 1", "\"1x\"");
  expect("m f=99999999999999999999i 1", "field \"f\"");
  expect("m f=1,g=oops 1", "field \"g\"");  // the whole line is refused
  expect("m f=1 yesterday", "\"yesterday\"");
  expect("m f=1 1.5", "\"1.5\"");
  expect("m f=1 1 2", "expected an integer at the end");
  expect("m f=1 -1", "1970");
  expect("m f=\"open 1", "not closed");
  expect("m,tag f=1 1", "tag \"tag\"");
  expect("m,=v f=1 1", "expected name=value");
  expect(",t=v f=1 1", "measurement without a name");
  expect("m,__name__=x f=1 1", "reserved");
  expect("m,t=1,t=2 f=1 1", "given twice");
  expect("m,t=\xff f=1 1", "UTF-8");
}

TEST(IngestInfluxLineTest, EveryPrefixIsReadOrRefused) {
  const std::string body = "my\\ m,tag\\ a=v\\,1 f=1.5,s=\"te\\\"xt\",b=t 1700000000000000000\nm f=2i 1700000000000000000\n";
  for (size_t length = 0; length <= body.size(); ++length) {
    const Decoded got = Decode(std::string_view(body).substr(0, length));
    EXPECT_TRUE(got.status.ok()) << length;
    EXPECT_LE(got.batch.samples_count() + got.report.rejected, 3u) << length;
  }
}

TEST(IngestInfluxLineTest, Precisions) {
  EXPECT_EQ(ParseLinePrecision("").value(), 1);
  EXPECT_EQ(ParseLinePrecision("ns").value(), 1);
  EXPECT_EQ(ParseLinePrecision("us").value(), 1'000);
  EXPECT_EQ(ParseLinePrecision("u").value(), 1'000);
  EXPECT_EQ(ParseLinePrecision("ms").value(), 1'000'000);
  EXPECT_EQ(ParseLinePrecision("s").value(), 1'000'000'000);
  EXPECT_EQ(ParseLinePrecision("m").value(), 60'000'000'000);
  EXPECT_EQ(ParseLinePrecision("h").value(), 3'600'000'000'000);
  EXPECT_FALSE(ParseLinePrecision("d").ok());
}

}  // namespace
}  // namespace auspex::server
