// The functions through the language: text, store, engine.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <map>
#include <random>

#include "auspex/analytics/functions.h"
#include "auspex/query/engine.h"
#include "auspex/storage/write_batch.h"
#include "tests/support/model_store.h"

namespace auspex {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kStart = 19'700 * kDay;

class AnomalyQuery : public ::testing::Test {
 protected:
  AnomalyQuery() : registry_(query::FunctionRegistry::BuiltIn()) {
    EXPECT_TRUE(analytics::RegisterAnalyticsFunctions(registry_).ok());
    std::mt19937_64 random(5);
    std::normal_distribution<double> normal(0, 3);
    for (const char* instance : {"a", "b"}) {
      const auto ref = store_.Resolve(kDefaultTenant, Labels::Of({{"__name__", "x"}, {"instance", instance}}));
      EXPECT_TRUE(ref.ok());
      WriteBatch batch;
      for (int64_t i = 0; i < 5 * 288; ++i) {
        const double phase = 2 * M_PI * static_cast<double>(i % 288) / 288;
        const double spike = *instance == 'b' && i == 5 * 288 - 1 ? 90 : 0;
        batch.Add(*ref, kStart + i * 5 * kMinute, 100 - 40 * std::cos(phase) + normal(random) + spike);
      }
      EXPECT_TRUE(store_.Append(batch).ok());
    }
    end_ms_ = kStart + (5 * 288 - 1) * 5 * kMinute;
  }

  query::QueryResult Instant(const std::string& text, int64_t t_ms) {
    const query::Engine engine(store_, registry_, {});
    auto result = engine.Instant(text, t_ms);
    EXPECT_TRUE(result.ok()) << text << ": " << result.status().ToString();
    return result.ok() ? *std::move(result) : query::QueryResult();
  }

  testing::ModelStore store_;
  query::FunctionRegistry registry_;
  int64_t end_ms_ = 0;
};

TEST_F(AnomalyQuery, TheFilterKeepsTheSeriesThatIsIll) {
  const auto result = Instant("anomaly(x[1d])", end_ms_);
  ASSERT_EQ(result.series.size(), 1U);
  EXPECT_EQ(result.series[0].labels, Labels::Of({{"instance", "b"}}));
  EXPECT_GT(result.series[0].values[0], 1);
  EXPECT_EQ(Instant("anomaly_score(x[1d], 3, \"dir=below\") > 1", end_ms_).series.size(), 0U);
  EXPECT_EQ(Instant("anomaly_score(x[1d], \"dir=above\") > 1", end_ms_).series.size(), 1U);
}

TEST_F(AnomalyQuery, WorksOnSubqueriesAndInsideExpressions) {
  EXPECT_EQ(Instant("anomaly(max_over_time(x[5m])[2d:5m])", end_ms_).series.size(), 1U);
  EXPECT_EQ(Instant("count(anomaly_score(x[1d]) >= 0)", end_ms_).series[0].values[0], 2);
  EXPECT_EQ(Instant("anomaly(x[1d] offset 1h)", end_ms_ + kHour).series.size(), 1U);
  EXPECT_EQ(Instant("forecast_exhaustion(x[2d], 1000) / 86400", end_ms_).series.size(), 2U);
}

TEST_F(AnomalyQuery, InstantAndRangeGiveTheSameBits) {
  const query::Engine engine(store_, registry_, {});
  for (const char* text :
       {"anomaly_score(x[1d])", "anomaly_upper(x[6h])", "anomaly_expected(x[36h], \"season=none\")",
        "anomaly_score(x[6h], \"algo=mad\")", "forecast(x[1d], 1h)", "forecast_exhaustion_earliest(x[1d], 300)"}) {
    const int64_t step_ms = 47 * kMinute;
    const auto range = engine.Range(text, kStart + kDay, end_ms_, step_ms);
    ASSERT_TRUE(range.ok()) << range.status().ToString();
    std::map<int64_t, std::map<Labels, uint64_t>> wanted;
    for (const auto& series : range->series) {
      for (size_t i = 0; i < series.t_ms.size(); ++i)
        wanted[series.t_ms[i]][series.labels] = std::bit_cast<uint64_t>(series.values[i]);
    }
    ASSERT_FALSE(wanted.empty()) << text;
    for (int64_t t_ms = kStart + kDay; t_ms <= end_ms_; t_ms += 5 * step_ms) {
      std::map<Labels, uint64_t> found;
      for (const auto& series : Instant(text, t_ms).series) found[series.labels] = std::bit_cast<uint64_t>(series.values[0]);
      EXPECT_EQ(found, wanted[t_ms]) << text << " at " << t_ms;
    }
  }
}

TEST_F(AnomalyQuery, OtherSeriesChangeNoVerdict) {
  const auto scores = [&] {
    std::map<Labels, uint64_t> out;
    for (const auto& series : Instant("anomaly_score(x[1d])", end_ms_).series) {
      out[series.labels] = std::bit_cast<uint64_t>(series.values[0]);
    }
    return out;
  };
  const auto before = scores();
  ASSERT_EQ(before.size(), 2U);
  const auto ref = store_.Resolve(kDefaultTenant, Labels::Of({{"__name__", "x"}, {"instance", "flat"}}));
  ASSERT_TRUE(ref.ok());
  WriteBatch batch;
  for (int64_t i = 0; i < 5 * 288; ++i) batch.Add(*ref, kStart + i * 5 * kMinute, 42);
  ASSERT_TRUE(store_.Append(batch).ok());
  auto after = scores();
  EXPECT_EQ(after[Labels::Of({{"instance", "flat"}})], std::bit_cast<uint64_t>(0.0));
  after.erase(Labels::Of({{"instance", "flat"}}));
  EXPECT_EQ(after, before);
}

// Requests a second of a counter that is reset twice: no anomaly; ten minutes without a single request: one.
TEST_F(AnomalyQuery, ACountersRate) {
  const auto ref = store_.Resolve(kDefaultTenant, Labels::Of({{"__name__", "requests_total"}}));
  ASSERT_TRUE(ref.ok());
  std::mt19937_64 random(8);
  std::poisson_distribution<int> requests(600);
  WriteBatch batch;
  double counter = 0;
  const int64_t outage = 3 * 1440 - 30;
  for (int64_t i = 0; i < 3 * 1440; ++i) {
    if (i == 2000 || i == 4000) counter = 0;
    if (i < outage || i >= outage + 10) counter += requests(random);
    batch.Add(*ref, kStart + i * kMinute, counter);
  }
  ASSERT_TRUE(store_.Append(batch).ok());
  const query::Engine engine(store_, registry_, {});
  const std::string text = "anomaly(rate(requests_total[2m])[1d:1m])";
  const auto quiet = engine.Range(text, kStart + 30 * kHour, kStart + (outage - 1) * kMinute, kMinute);
  ASSERT_TRUE(quiet.ok()) << quiet.status().ToString();
  EXPECT_TRUE(quiet->series.empty());
  const auto found = Instant(text, kStart + (outage + 4) * kMinute);
  ASSERT_EQ(found.series.size(), 1U);
  EXPECT_LT(found.series[0].values[0], -1) << "below";
}

TEST_F(AnomalyQuery, ErrorsSayWhatAndWhere) {
  const query::Engine engine(store_, registry_, {});
  for (const char* text : {"anomaly_score(x)", "anomaly_score(x[1d], \"algo=magic\")", "anomaly_score(x[1d], \"a\", 3)",
                           "forecast(x[1d])", "forecast_exhaustion(x[1d], 1, \"horizon=x\")", "anomaly_scor(x[1d])"}) {
    const auto result = engine.Instant(text, end_ms_);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace auspex
