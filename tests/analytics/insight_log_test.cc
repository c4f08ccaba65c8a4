#include "analytics/insight_log.h"

#include <gtest/gtest.h>

#include "tests/support/model_store.h"

namespace auspex::analytics {
namespace {

Insight Make(const std::string& id, uint32_t revision, InsightStatus status, int64_t start_ms, std::optional<int64_t> end_ms) {
  Insight insight;
  insight.id = id;
  insight.revision = revision;
  insight.status = status;
  insight.time_range = {start_ms, end_ms};
  insight.known_from_ms = start_ms + revision;
  return insight;
}

TEST(InsightLog, OldClosedInsightsExpireWithEveryRevision) {
  testing::ModelStore records;
  InsightLog log(records);
  const auto store = [&](const Insight& insight) {
    Transaction transaction;
    InsightLog::Put(transaction, insight);
    ASSERT_TRUE(records.Commit(transaction).ok());
    log.Stored(insight);
  };
  store(Make("old", 1, InsightStatus::kOngoing, 1000, std::nullopt));
  store(Make("old", 2, InsightStatus::kClosed, 1000, 2000));
  store(Make("open", 1, InsightStatus::kOngoing, 1000, std::nullopt));
  store(Make("new", 1, InsightStatus::kClosed, 1000, 5000));

  ASSERT_TRUE(log.Expire(2000).ok());
  EXPECT_TRUE(log.Get("old", std::nullopt).ok()) << "it ended at 2000, not before";
  ASSERT_TRUE(log.Expire(2001).ok());
  EXPECT_EQ(log.Get("old", std::nullopt).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(log.Revisions("old").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(log.Find({}).value().size(), 2u);
  InsightLog again(records);
  ASSERT_TRUE(again.Load().ok());
  EXPECT_EQ(again.Find({}).value().size(), 2u);
}

}  // namespace
}  // namespace auspex::analytics
