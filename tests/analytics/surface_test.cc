// Every function of the surface on every kind of series that a database sees.
#include <cmath>
#include <random>

#include "tests/analytics/asked.h"

namespace auspex {
namespace {

using testing::Asked;

constexpr int64_t kMinute = Asked::kMinute;
constexpr int64_t kHour = Asked::kHour;
constexpr int64_t kNow = Asked::kNow;

Labels Named(const std::string& name, const std::string& host) { return Labels::Of({{"__name__", name}, {"host", host}}); }

/// Functions of one series; V stands for its window.
const char* const kOfOneSeries[] = {
    "anomaly_score(V)",
    "anomaly(V)",
    "anomaly_flag(V)",
    "anomaly_rate(V, \"eval=10m\")",
    "anomaly_expected(V)",
    "anomaly_lower(V)",
    "anomaly_upper(V)",
    "anomaly_bounds(V)",
    "changepoint(V)",
    "changepoint_time(V)",
    "changepoint_shift(V)",
    "forecast(V, 1h)",
    "forecast_lower(V, 1h, 0.9)",
    "forecast_upper(V, 1h, 0.9)",
    "forecast_exhaustion(V, 1e6)",
    "forecast_exhaustion_earliest(V, 1e6)",
    "forecast_exhaustion_latest(V, 1e6)",
    "seasonality(V)",
    "seasonality_strength(V)",
    "decompose(V, \"trend\")",
    "decompose(V, \"seasonal\")",
    "decompose(V, \"residual\")",
    "decompose(V, \"baseline\")",
};

/// Functions that compare: a window with the one before, or series with each other.
const char* const kOfMore[] = {
    "window_diff(V, 2h)",
    "window_diff(V, 2h, \"volume\")",
    "window_diff(V, 2h, \"anomaly_rate\")",
    "correlate(T, V)",
    "contributors(V, 2h)",
    "new_series(V, 2h)",
    "outliers_mad(3, V)",
    "outliers_iqr(V)",
    "outliers_dbscan(3, V)",
    "outliersk(1, V)",
};

/// T stands for the window of one series of those.
std::string With(std::string text, const std::string& window) {
  if (const size_t at = text.find('T'); at != std::string::npos) {
    std::string target = window;
    target.insert(target.find('['), "{host=\"a\"}");
    text.replace(at, 1, target);
  }
  for (size_t at = text.find('V'); at != std::string::npos; at = text.find('V', at + window.size())) {
    text.replace(at, 1, window);
  }
  return text;
}

std::vector<std::string> All(const std::string& window) {
  std::vector<std::string> out;
  for (const char* text : kOfOneSeries) out.push_back(With(text, window));
  for (const char* text : kOfMore) out.push_back(With(text, window));
  return out;
}

class Surface : public ::testing::Test {
 protected:
  Surface() {
    std::mt19937_64 random(3);
    std::normal_distribution<double> normal(0, 1);
    constexpr size_t kCount = 600;  // minutes
    for (const char* host : {"a", "b", "c"}) {
      asked.Load(Named("constant", host), kCount, kMinute, [](size_t) { return 7.25; });
      asked.Load(Named("steps", host), kCount, kMinute, [&](size_t i) { return normal(random) + (i < 400 ? 20 : 60); });
      double total = 0;
      asked.Load(Named("requests_total", host), kCount, kMinute, [&](size_t i) {
        total = i % 250 == 0 ? 0 : total + 60 + normal(random);
        return total;
      });
      int64_t t_ms = kNow - 10 * kHour;
      for (int i = 0; t_ms <= kNow; ++i) {
        asked.Append(Named("uneven", host), t_ms, i % 29 == 0 ? std::nan("") : 50 + 5 * std::sin(i * 0.3) + normal(random));
        t_ms += kMinute / 2 + static_cast<int64_t>(random() % 90'000) + (i == 200 ? kHour : 0);
      }
      asked.Load(Named("tiny", host), 4, kMinute, [](size_t i) { return static_cast<double>(i); });
    }
  }

  /// Nothing is NaN; infinite is only a time that does not come.
  void ExpectSound(const std::string& text) {
    for (const auto& series : asked.Answer(text).series) {
      for (const double value : series.values) {
        EXPECT_FALSE(std::isnan(value)) << text;
        if (text.find("exhaustion") == std::string::npos) {
          EXPECT_TRUE(std::isfinite(value)) << text;
        }
      }
    }
  }

  Asked asked;
};

TEST_F(Surface, AnswersSoundlyOnEveryKindOfSeries) {
  for (const char* window : {"constant[4h]", "steps[4h]", "uneven[4h]", "rate(requests_total[5m])[4h:1m]", "uneven[4h:3m]",
                             "steps[4h] offset 30m", "tiny[4h]", "absent_metric[4h]"}) {
    for (const std::string& text : All(window)) ExpectSound(text);
  }
}

TEST_F(Surface, SaysWhenThereIsTooLittleHistory) {
  for (const char* text : kOfOneSeries) {
    const std::string asked_for = With(text, "tiny[4h]");
    const auto answer = asked.Answer(asked_for);
    EXPECT_TRUE(answer.series.empty()) << asked_for;
    ASSERT_EQ(answer.annotations.warnings.size(), 1U) << asked_for;
    EXPECT_NE(answer.annotations.warnings[0].find("too little history for tiny"), std::string::npos)
        << answer.annotations.warnings[0];
  }
}

TEST_F(Surface, AConstantIsNoNews) {
  const auto all = [&](const std::string& text, double want) {
    const auto values = asked.Values(text);
    EXPECT_EQ(values.size(), 3U) << text;
    for (const auto& [labels, value] : values) EXPECT_EQ(value, want) << text << " " << labels;
  };
  all("anomaly_score(constant[4h])", 0);
  all("anomaly_flag(constant[4h])", 0);
  all("anomaly_expected(constant[4h])", 7.25);
  all("forecast(constant[4h], 1h)", 7.25);
  all("forecast_lower(constant[4h], 1h)", 7.25);
  all("forecast_upper(constant[4h], 3h)", 7.25);
  all("forecast_exhaustion(constant[4h], 100)", HUGE_VAL);
  all("forecast_exhaustion(constant[4h], 7)", HUGE_VAL);  // it would have to fall
  all("forecast_exhaustion(constant[4h], 7, \"dir=up\")", 0);
  all("changepoint(constant[4h])", 0);
  all("seasonality_strength(constant[4h])", 0);
  all("decompose(constant[4h], \"baseline\")", 7.25);
  all("decompose(constant[4h], \"residual\")", 0);
  all("window_diff(constant[2h], 3h)", 0);
  for (const char* text : {"anomaly(constant[4h])", "changepoint_time(constant[4h])", "changepoint_shift(constant[4h])",
                           "seasonality(constant[4h])", "outliers_mad(3, constant[4h])", "outliers_iqr(constant[4h])",
                           "outliers_dbscan(3, constant[4h])", "new_series(constant[1h], 4h)",
                           "correlate(constant{host=\"a\"}[4h], constant[4h])"}) {
    EXPECT_TRUE(asked.Values(text).empty()) << text;
  }
}

TEST_F(Surface, NestsAnywhere) {
  for (const std::string& text : All("uneven[3h]")) {
    ExpectSound("sum(" + text + ") + 0 or vector(0)");
    ExpectSound("max_over_time((" + text + ")[20m:10m])");
    ExpectSound("topk(1, abs(" + text + ")) by (host) > bool 0.5");
  }
}

TEST_F(Surface, InstantAndRangeGiveTheSameBits) {
  for (const char* window : {"steps[3h]", "rate(requests_total[5m])[3h:2m]"}) {
    for (const std::string& text : All(window)) {
      if (asked.Values(text).empty()) continue;
      asked.ExpectSameBits(text, kNow - 6 * kMinute, kNow, 3 * kMinute);
    }
  }
}

// What a forecast looks at where the range is shorter than what it needs to know: the stored samples before it.
TEST_F(Surface, ForecastsKnowMoreThanTheirRange) {
  const auto day = [](size_t i) {
    return 100 + 40 * std::sin(2 * M_PI * static_cast<double>(i) / 288) + 0.5 * static_cast<double>(i % 3);
  };
  constexpr size_t kSixDays = 6 * 288;
  asked.Load(Named("daily", "a"), kSixDays, 5 * kMinute, day);
  const double want = day(kSixDays + 71);  // six hours on
  EXPECT_NEAR(asked.Value("forecast(daily[2h], 6h)"), want, 4);
  EXPECT_GT(std::abs(asked.Value("forecast(daily[2h], 6h, \"history=none\")") - want), 10);
  EXPECT_GT(std::abs(asked.Value("forecast(daily[2h:5m], 6h)") - want), 10);
  EXPECT_EQ(asked.Value("forecast(daily[2h], 6h)"), asked.Value("forecast(daily[4d], 6h)"));
  asked.ExpectSameBits("forecast_upper(daily[2h], 6h)", kNow - kHour, kNow, 20 * kMinute);
  asked.ExpectSameBits("forecast_exhaustion(daily[2h], 1000)", kNow - kHour, kNow, 30 * kMinute);
  // A disk that fills by 1 an hour with a season of 5: 4 h of its rising flank alone would say twice as fast.
  asked.Load(Named("disk", "a"), kSixDays, 5 * kMinute, [](size_t i) {
    return 100 + static_cast<double>(i) / 12 + 5 * std::sin(2 * M_PI * static_cast<double>(i) / 288);
  });
  EXPECT_NEAR(asked.Value("forecast_exhaustion(disk[4h], 500)") / 3600, 500 - 100 - kSixDays / 12.0, 12);
  // Gone is gone, whatever it was before.
  EXPECT_TRUE(asked.Values("forecast(daily[2h], 6h)", kNow + 3 * kHour).empty());
  const Status wrong = asked.Error("forecast(daily[2h], 6h, \"history=x\")");
  EXPECT_NE(wrong.message().find("option history: found \"x\""), std::string::npos) << wrong.message();
}

}  // namespace
}  // namespace auspex
