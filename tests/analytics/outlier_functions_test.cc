#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/analytics/asked.h"

namespace auspex {
namespace {

using testing::Asked;
using Values = std::map<std::string, double>;
constexpr int64_t kMinute = Asked::kMinute;
constexpr int64_t kHour = Asked::kHour;
constexpr int64_t kNow = Asked::kNow;

/// load{job, instance}: constant values at the last two hours' minutes.
void LoadConstants(Asked& asked, const std::string& job, const std::vector<double>& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    const Labels labels =
        Labels::Of({{"__name__", "load"}, {"instance", std::string(1, static_cast<char>('a' + i))}, {"job", job}});
    asked.Load(labels, 121, kMinute, [&](size_t) { return values[i]; });
  }
}

std::string Load(const std::string& instance, const std::string& job) {
  return "load{instance=\"" + instance + "\", job=\"" + job + "\"}";
}

TEST(Outliers, MadByHand) {
  Asked asked;
  // Median 3; distances 2 1 0 1 7: median absolute deviation 1.
  LoadConstants(asked, "api", {1, 2, 3, 4, 10});
  EXPECT_EQ(asked.Values("outliers_mad(2, load)"), (Values{{Load("e", "api"), 10}}));
  EXPECT_EQ(asked.Values("outliers_mad(1.5, load)"), (Values{{Load("a", "api"), 1}, {Load("e", "api"), 10}}));
  EXPECT_EQ(asked.Values("outliers_mad(7, load)"), Values());
}

TEST(Outliers, IqrByHand) {
  Asked asked;
  // Quartiles 2 and 4: fences at -1 and 7.
  LoadConstants(asked, "api", {1, 2, 3, 4, 7.5});
  EXPECT_EQ(asked.Values("outliers_iqr(load)"), (Values{{Load("e", "api"), 7.5}}));
  LoadConstants(asked, "db", {1, 2, 3, 4, 7});
  EXPECT_EQ(asked.Values("outliers_iqr(load) by (job)"), (Values{{Load("e", "api"), 7.5}}));
}

TEST(Outliers, KTakesTheFarthest) {
  Asked asked;
  LoadConstants(asked, "api", {1, 2, 3, 4, 10});
  LoadConstants(asked, "db", {5, 5, 5, -20});
  EXPECT_EQ(asked.Values("outliersk(1, load) by (job)"), (Values{{Load("e", "api"), 10}, {Load("d", "db"), -20}}));
  EXPECT_EQ(asked.Values("outliersk(1, load)"), (Values{{Load("d", "db"), -20}}));
  EXPECT_EQ(asked.Values("outliersk(0, load)"), Values());
  EXPECT_EQ(asked.Values("outliersk(100, load)").size(), 9U);
}

TEST(Outliers, ClustersByHand) {
  Asked asked;
  LoadConstants(asked, "api", {10, 11, 12, 10.5, 11.5, 30});
  EXPECT_EQ(asked.Values("outliers_dbscan(3, load)"), (Values{{Load("f", "api"), 30}}));
  // Two halves that differ are two ways of being normal; two of eight are not.
  LoadConstants(asked, "db", {1, 1.1, 1.2, 1.1, 50, 50.1, 50.2, 50.1});
  EXPECT_EQ(asked.Values("outliers_dbscan(0.1, load{job=\"db\"})"), Values());
  LoadConstants(asked, "web", {1, 1.1, 1.2, 1.1, 1.15, 1.05, 50, 50.1});
  EXPECT_EQ(asked.Values("outliers_dbscan(3, load{job=\"web\"})").size(), 2U);
  LoadConstants(asked, "tiny", {1, 1, 50});
  EXPECT_EQ(asked.Values("outliers_dbscan(3, load{job=\"tiny\"})"), Values());
  LoadConstants(asked, "same", {7, 7, 7, 7, 7, 7});
  EXPECT_EQ(asked.Values("outliers_dbscan(3, load{job=\"same\"})"), Values());
}

// Of an instant vector whole rows are looked at: one bad step shows the whole series. Of a range vector the window is.
TEST(Outliers, RowsAndWindows) {
  Asked asked;
  for (int i = 0; i < 6; ++i) {
    const Labels labels = Labels::Of({{"__name__", "load"}, {"instance", std::string(1, static_cast<char>('a' + i))}});
    asked.Load(labels, 121, kMinute, [i](size_t k) { return 10 + i + (i == 2 && k >= 60 && k < 70 ? 100 : 0); });
  }
  const query::Engine engine(asked.store(), asked.registry(), {});
  const auto rows = engine.Range("outliers_mad(5, load)", kNow - kHour - 30 * kMinute, kNow, kMinute);
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->series.size(), 1U);
  EXPECT_EQ(rows->series[0].values.size(), 91U);
  EXPECT_EQ(asked.Values("outliers_mad(5, load)"), Values());
  EXPECT_EQ(asked.Values("outliers_mad(5, load)", kNow - 55 * kMinute).size(), 1U);
  // A window of an hour sees it for an hour.
  EXPECT_EQ(asked.Values("outliers_mad(5, load[1h])"), (Values{{"load{instance=\"c\"}", 12}}));
  EXPECT_EQ(asked.Values("outliers_mad(5, load[10m])"), Values());
  EXPECT_EQ(asked.Values("outliers_dbscan(3, load[1h])"), (Values{{"load{instance=\"c\"}", 12}}));
  for (const char* text : {"outliers_mad(5, load[20m])", "outliers_iqr(load[20m])", "outliersk(2, load[20m])",
                           "outliers_dbscan(3, load[20m])", "outliers_dbscan(3, rate(load[5m])[20m:1m])"}) {
    asked.ExpectSameBits(text, kNow - 2 * kHour + 20 * kMinute, kNow, 3 * kMinute);
  }
}

// Other clocks, gaps, non-finite values: compared where both have something.
TEST(Outliers, SeriesOfDifferentClocks) {
  Asked asked;
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal(0, 1);
  for (int i = 0; i < 8; ++i) {
    const Labels labels =
        Labels::Of({{"__name__", "p95"}, {"instance", std::string(1, static_cast<char>('a' + i))}, {"job", "api"}});
    asked.Load(
        labels, 120, 15'000,
        [&](size_t k) {
          if (i == 1 && k % 7 == 0) return std::nan("");
          if (i == 2 && k == 5) return HUGE_VAL;
          return 100 + normal(random) + (i == 4 ? 12 : 0);
        },
        kNow - i * 1700);
  }
  asked.Load(Labels::Of({{"__name__", "p95"}, {"instance", "new"}, {"job", "api"}}), 3, 15'000, [](size_t) { return 100; });
  EXPECT_EQ(asked.Values("outliers_dbscan(3, p95[15m]) by (job)").size(), 1U);
  EXPECT_EQ(asked.Values("outliers_dbscan(3, p95[15m]) by (job)").begin()->first, "p95{instance=\"e\", job=\"api\"}");
}

// Scale, shift and another series of the same kind do not change who stands out.
TEST(Outliers, VerdictsDoNotDependOnTheUnit) {
  Asked asked;
  LoadConstants(asked, "api", {10, 11, 12, 10.5, 11.5, 30});
  for (const char* aggregate : {"outliers_mad(3, ", "outliers_iqr(", "outliersk(1, ", "outliers_dbscan(3, "}) {
    for (const char* expression : {"load", "load * 1000", "load - 5000", "0 - load", "load * 0.001"}) {
      const auto found = asked.Values(aggregate + std::string(expression) + ")");
      ASSERT_EQ(found.size(), 1U) << aggregate << expression;
      EXPECT_NE(found.begin()->first.find("instance=\"f\""), std::string::npos) << aggregate << expression;
    }
  }
}

TEST(Outliers, OddParametersAreSaid) {
  Asked asked;
  LoadConstants(asked, "api", {1, 2, 3, 4, 10});
  const auto answer = asked.Answer("outliers_mad(0 - 1, load)");
  EXPECT_TRUE(answer.series.empty());
  ASSERT_EQ(answer.annotations.warnings.size(), 1U);
  EXPECT_EQ(answer.annotations.warnings[0], "outliers_mad: tolerance must not be negative (1:14)");
  EXPECT_EQ(asked.Error("outliers_iqr(2, load)").code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(asked.Values("outliers_mad(3, nothing)").empty());
}

}  // namespace
}  // namespace auspex
