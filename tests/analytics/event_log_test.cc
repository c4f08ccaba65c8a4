#include "analytics/event_log.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/model_store.h"

namespace auspex::analytics {
namespace {

using auspex::testing::ModelStore;
using ::testing::HasSubstr;

Event At(int64_t t_ms, const char* name, Labels labels = {}) { return {"", "deployment", name, "ci", t_ms, std::move(labels)}; }

TEST(EventLog, FindsByTimeAndLabels) {
  ModelStore store;
  EventLog log(store);
  const Labels a = Labels::Of({{"service", "a"}});
  ASSERT_TRUE(log.Add({At(-5, "before 1970"), At(10, "ten", a), At(20, "twenty"), At(30, "thirty", a)}, 0).ok());
  const auto names = [&](int64_t begin_ms, int64_t end_ms, const std::vector<Matcher>& matchers, size_t limit) {
    std::string out;
    for (const Event& event : log.Find(begin_ms, end_ms, matchers, limit).value()) out += event.name + " ";
    return out;
  };
  EXPECT_EQ(names(std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(), {}, 0),
            "before 1970 ten twenty thirty ");
  EXPECT_EQ(names(10, 20, {}, 0), "ten twenty ");  // both ends belong to it
  EXPECT_EQ(names(11, 19, {}, 0), "");
  EXPECT_EQ(names(20, 10, {}, 0), "");
  EXPECT_EQ(names(0, 100, {Matcher::Of(Matcher::Op::kEqual, "service", "a")}, 0), "ten thirty ");
  EXPECT_EQ(names(0, 100, {}, 2), "ten twenty ");
}

TEST(EventLog, TheSameEventTwiceIsOne) {
  ModelStore store;
  EventLog log(store);
  const uint64_t before = log.version();
  const auto first = log.Add({At(10, "v1"), At(10, "v2")}, 0);
  const auto second = log.Add({At(10, "v1")}, 0);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->at(0), second->at(0));
  EXPECT_NE(first->at(0), first->at(1));
  EXPECT_EQ(log.Find(0, 100, {}, 0)->size(), 2u);
  EXPECT_NE(log.version(), before);
  Event named = At(0, "now");
  named.id = "mine";
  EXPECT_EQ(log.Add({named}, 50)->at(0), "mine");
  EXPECT_EQ(log.Find(50, 50, {}, 0)->front().id, "mine");
}

TEST(EventLog, OneBadEventStoresNone) {
  ModelStore store;
  EventLog log(store);
  EXPECT_THAT(log.Add({At(1, "good"), At(std::numeric_limits<int64_t>::max(), "late")}, 0).status().message(),
              HasSubstr("event late"));
  EXPECT_EQ(log.Add({At(1, "\xff")}, 0).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(log.Find(0, 100, {}, 0)->size(), 0u);
}

TEST(LinkEvents, RanksByTimeAndLabels) {
  Insight insight;
  insight.time_range.start_ms = 100'000;
  insight.collection = Labels::Of({{"service", "a"}});
  Anomaly anomaly;
  anomaly.labels = Labels::Of({{"service", "a"}, {"instance", "1"}});
  insight.anomalies = {anomaly};
  const struct {
    int64_t t_ms;
    Labels labels;
    double want;  // -1: not linked
  } kRows[] = {
      {100'000, {}, 0.5},
      {100'000, Labels::Of({{"service", "a"}}), 1},
      {100'000, Labels::Of({{"service", "a"}, {"instance", "1"}}), 1},
      {100'000, Labels::Of({{"service", "a"}, {"version", "42"}}), 0.75},
      {100'000, Labels::Of({{"service", "b"}}), -1},
      {100'000, Labels::Of({{"service", "a"}, {"instance", "2"}}), -1},
      {100'001, {}, -1},
      {50'000, Labels::Of({{"service", "a"}}), 0.5},
      {75'000, Labels::Of({{"service", "a"}}), 0.75},
      {49'999, {}, -1},
  };
  for (const auto& row : kRows) {
    const std::vector<Event> events = {At(row.t_ms, "e", row.labels)};
    const auto linked = LinkEvents(insight, events, 50'000);
    ASSERT_EQ(linked.size(), row.want < 0 ? 0u : 1u) << row.t_ms << row.labels.ToString();
    if (row.want < 0) continue;
    EXPECT_DOUBLE_EQ(linked[0].relevance, row.want) << row.t_ms << row.labels.ToString();
  }
}

}  // namespace
}  // namespace auspex::analytics
