#include "server/value_text.h"

#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace auspex::server {
namespace {

TEST(ValueTextTest, TimesAsPrometheusReadsThem) {
  const auto expect = [](std::string_view text, int64_t want_ms) {
    const auto got = ParseTimeMs(text);
    ASSERT_TRUE(got.ok()) << text << ": " << got.status().ToString();
    EXPECT_EQ(*got, want_ms) << text;
  };
  expect("0", 0);
  expect("1435781451", 1'435'781'451'000);
  expect("1435781451.781", 1'435'781'451'781);
  expect("1.435781451781e9", 1'435'781'451'781);
  expect("-1.5", -1500);
  expect("2015-07-01T20:10:51.781Z", 1'435'781'451'781);
  expect("2015-07-01T20:10:51Z", 1'435'781'451'000);
  expect("2015-07-01T22:10:51+02:00", 1'435'781'451'000);
  expect("2015-07-01T19:40:51.5-00:30", 1'435'781'451'500);
  expect("1970-01-01T00:00:00.123456789Z", 123);
  expect("2024-02-29T00:00:00Z", 1'709'164'800'000);
}

TEST(ValueTextTest, RefusesWhatIsNoTime) {
  for (const std::string_view text :
       {"", "abc", "NaN", "Inf", "1e300", "2015-07-01", "2015-13-01T00:00:00Z", "2015-02-29T00:00:00Z", "2015-07-01T24:00:00Z",
        "2015-07-01T00:00:00", "2015-07-01T00:00:00.Z", "1 2", "0x10"}) {
    const auto got = ParseTimeMs(text);
    ASSERT_FALSE(got.ok()) << text;
    EXPECT_EQ(got.status().message(), fmt::format("cannot parse \"{}\" to a valid timestamp", text));
  }
}

TEST(ValueTextTest, Durations) {
  const auto expect = [](std::string_view text, int64_t want_ms) {
    const auto got = ParseDurationMs(text);
    ASSERT_TRUE(got.ok()) << text;
    EXPECT_EQ(*got, want_ms) << text;
  };
  expect("15", 15'000);
  expect("0.5", 500);
  expect("0.001", 1);
  expect("1.001", 1001);
  expect("15s", 15'000);
  expect("1h30m", 5'400'000);
  expect("250ms", 250);
  expect("1y2w3d4h5m6s7ms", 365 * 86'400'000LL + 17 * 86'400'000LL + 4 * 3'600'000LL + 306'007);
  expect("0", 0);
  expect("-5", -5000);
  for (const std::string_view text : {"", "s", "5x", "5m1h", "1m1m", "1.5h", "-5m", "99999999999999999y", "NaN", "1e300"}) {
    EXPECT_FALSE(ParseDurationMs(text).ok()) << text;
  }
}

TEST(ValueTextTest, Floats) {
  EXPECT_EQ(ParseDouble("1"), 1.0);
  EXPECT_EQ(ParseDouble("+1.5e3"), 1500.0);
  EXPECT_EQ(ParseDouble("-.5"), -0.5);
  EXPECT_EQ(ParseDouble("+Inf"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(ParseDouble("-inf"), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(ParseDouble("1e999"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(ParseDouble("1e-999"), 0.0);
  EXPECT_EQ(ParseDouble("4.9406564584124654e-324"), std::numeric_limits<double>::denorm_min());
  ASSERT_TRUE(ParseDouble("NaN").has_value());
  EXPECT_EQ(std::bit_cast<uint64_t>(*ParseDouble("NaN")), kNormalNanBits);
  for (const std::string_view text : {"", "+", "-", "+-1", "1x", "nan(1)", "1e", "0x10", "1,5", " 1", "1 "}) {
    EXPECT_FALSE(ParseDouble(text).has_value()) << text;
  }
}

TEST(ValueTextTest, FormatsTimes) {
  EXPECT_EQ(FormatTime(1'435'781'451'781), "2015-07-01T20:10:51.781Z");
  EXPECT_EQ(FormatTime(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatTime(-1), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace auspex::server
