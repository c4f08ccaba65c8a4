#include <bit>

#include <gtest/gtest.h>

#include "server/ingest.h"
#include "server/value_text.h"
#include "tests/server/decoded.h"

namespace auspex::server {
namespace {

constexpr int64_t kNowMs = 1'700'000'000'000;

Decoded Decode(std::string_view body, bool openmetrics = false) {
  Decoded out;
  SeriesCache cache;
  out.status = DecodeTextExposition(body, openmetrics, IngestTarget{cache, out.batch, {}, kNowMs}, out.report);
  return out;
}

// The example of the exposition format's own page.
TEST(IngestTextExpositionTest, ReadsTheFormatsOwnExample) {
  const Decoded got = Decode(R"(# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf 3982045
http_request_duration_seconds_bucket{le="0.05",} 24054
)");
  ASSERT_TRUE(got.status.ok());
  EXPECT_EQ(got.report.rejected, 0u) << got.report.first_rejected.message();
  EXPECT_EQ(got.Rows(),
            "http_requests_total{code=\"200\", method=\"post\"} @1395066363000 1027\n"
            "http_requests_total{code=\"400\", method=\"post\"} @1395066363000 3\n"
            "msdos_file_access_time_seconds{error=\"Cannot find file:\\n\\\"FILE.TXT\\\"\", path=\"C:\\\\DIR\\\\FILE.TXT\"} "
            "@1700000000000 1458255915\n"
            "metric_without_timestamp_and_labels @1700000000000 12.47\n"
            "something_weird{problem=\"division by zero\"} @3982045 inf\n"
            "http_request_duration_seconds_bucket{le=\"0.05\"} @1700000000000 24054\n");
}

TEST(IngestTextExpositionTest, OtherForms) {
  const auto expect = [](std::string_view line, std::string_view want, bool openmetrics = false) {
    const Decoded got = Decode(line, openmetrics);
    EXPECT_EQ(got.report.rejected, 0u) << line << ": " << got.report.first_rejected.message();
    EXPECT_EQ(got.Rows(), want) << line;
  };
  expect("a 1", "a @1700000000000 1\n");
  expect("a{} 1 5", "a @5 1\n");
  expect("a {b=\"c\"} 1 5", "a{b=\"c\"} @5 1\n");
  expect("a{ b = \"c\" , d=\"e\" } 1 5", "a{b=\"c\", d=\"e\"} @5 1\n");
  expect("a{b=\"}\"}1 5\r\n", "a{b=\"}\"} @5 1\n");
  expect("a\t1\t5", "a @5 1\n");
  expect("{\"http.requests\",\"my label\"=\"x\"} 1 5", "{\"http.requests\", \"my label\"=\"x\"} @5 1\n");
  expect("a{b=\"\"} 1 5", "a @5 1\n");
  expect("a_total 1 1.5 # {trace_id=\"x\"} 0.5 1.2\n# EOF\n", "a_total @1500 1\n", true);
  expect("a 1 # {trace_id=\"x\"} 0.5\n", "a @1700000000000 1\n", true);
  const Decoded nan = Decode("a NaN 5");
  ASSERT_EQ(nan.batch.samples_count(), 1u);
  EXPECT_EQ(std::bit_cast<uint64_t>(nan.batch.values()[0]), kNormalNanBits);
}

TEST(IngestTextExpositionTest, BadLinesAreNamedAndGoodOnesKept) {
  const auto expect = [](std::string_view bad, std::string_view part) {
    const Decoded got = Decode("a 1 1\n" + std::string(bad) + "\nb 2 2\n");
    ASSERT_TRUE(got.status.ok());
    EXPECT_EQ(got.Rows(), "a @1 1\nb @2 2\n") << bad;
    EXPECT_EQ(got.report.rejected, 1u) << bad;
    const std::string& message = got.report.first_rejected.message();
    EXPECT_TRUE(message.starts_with("line 2: ")) << message;
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect("m", "found nothing, expected a number");
  expect("m x", "\"x\"");
  expect("m 1 x", "\"x\"");
  expect("m 1 1.5", "milliseconds");
  expect("m 1 2 3", "expected the end of the line");
  expect("m 1 -5", "1970");
  expect("m{a=\"b\" 1", "not closed");
  expect("m{a=b} 1", "quoted value");
  expect("m{a} 1", "expected label=\"value\"");
  expect("m{=\"b\"} 1", "expected label=\"value\"");
  expect("m{a=\"b\"c=\"d\"} 1", "expected ','");
  expect("m{a=\"1\",a=\"2\"} 1", "given twice");
  expect("{a=\"1\"} 1", "metric name");
  expect("m{a=\"\xff\"} 1", "UTF-8");
  expect("m " + std::string(2 << 20, '1'), "limit");
}

TEST(IngestTextExpositionTest, EveryPrefixIsReadOrRefused) {
  const std::string body = "# HELP a b\na{b=\"c\\n\\\"d\\\\\",\"q q\"=\"x\"} 1.5e3 1700000000000 # {t=\"x\"} 1\n{\"n\"} 2\n";
  for (size_t length = 0; length <= body.size(); ++length) {
    for (const bool openmetrics : {false, true}) {
      const Decoded got = Decode(std::string_view(body).substr(0, length), openmetrics);
      EXPECT_TRUE(got.status.ok()) << length;
      EXPECT_LE(got.batch.samples_count() + got.report.rejected, 2u) << length;
    }
  }
}

}  // namespace
}  // namespace auspex::server
