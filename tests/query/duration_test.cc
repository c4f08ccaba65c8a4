#include <gtest/gtest.h>

#include <limits>

#include "auspex/query/parser.h"

namespace auspex::query {
namespace {

TEST(Duration, ReadsUnitsLargestFirst) {
  const struct {
    std::string_view text;
    int64_t ms;
  } cases[] = {{"0", 0},
               {"0s", 0},
               {"5ms", 5},
               {"1s", 1000},
               {"2m", 120'000},
               {"3h", 10'800'000},
               {"1d", 86'400'000},
               {"1w", 604'800'000},
               {"1y", 31'536'000'000},
               {"1d2h3m4s5ms", 93'784'005},
               {"90m", 5'400'000},
               {"1h0m", 3'600'000},
               {"1y1ms", 31'536'000'001},
               {"1.5h", 5'400'000}};
  for (const auto& [text, ms] : cases) {
    const auto read = ParseDurationMs(text);
    ASSERT_TRUE(read.ok()) << text << ": " << read.status().message();
    EXPECT_EQ(*read, ms) << text;
  }
}

TEST(Duration, RefusesWhatIsNone) {
  for (const std::string_view text : {"", "5", "m", "5x", "5mm", "1m1h", "1h1h", "-1h", "1h ", " 1h", "1 h", "1H", "300y",
                                      "99999999999999999999s", "9223372036854775807w"}) {
    EXPECT_EQ(ParseDurationMs(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(Duration, PrintsAsPrometheus) {
  const struct {
    int64_t ms;
    std::string_view text;
  } cases[] = {
      {0, "0s"},           {1, "1ms"},          {1000, "1s"},           {5'400'000, "1h30m"},     {86'400'000, "1d"},
      {604'800'000, "1w"}, {691'200'000, "8d"}, {31'536'000'000, "1y"}, {31'622'400'000, "366d"}, {93'784'005, "1d2h3m4s5ms"},
      {-300'000, "-5m"}};
  for (const auto& [ms, text] : cases) EXPECT_EQ(PrintDurationMs(ms), text);
  EXPECT_EQ(PrintDurationMs(std::numeric_limits<int64_t>::min()).front(), '-');
  for (int64_t ms = 1; ms < 4'000'000'000'000; ms = ms * 3 + 7) EXPECT_EQ(ParseDurationMs(PrintDurationMs(ms)).value(), ms);
}

}  // namespace
}  // namespace auspex::query
