#include <gtest/gtest.h>

#include <cmath>

#include "tests/analytics/asked.h"

namespace auspex {
namespace {

using testing::Asked;
using Values = std::map<std::string, double>;

constexpr int64_t kMinute = Asked::kMinute;
constexpr int64_t kHour = Asked::kHour;
constexpr int64_t kNow = Asked::kNow;

/// Two hours of minutes: `before` until the last twenty, then `after`.
void Step(Asked& asked, std::initializer_list<LabelView> labels, double before, double after) {
  asked.Load(Labels::Of(labels), 121, kMinute, [=](size_t i) { return i > 100 ? after : before; });
}

class Contributions : public ::testing::Test {
 protected:
  Contributions() {
    Step(asked_, {{"__name__", "rps"}, {"path", "/pay"}, {"code", "200"}}, 10, 40);
    Step(asked_, {{"__name__", "rps"}, {"path", "/pay"}, {"code", "500"}}, 0, 20);
    Step(asked_, {{"__name__", "rps"}, {"path", "/cart"}, {"code", "200"}}, 30, 20);
    Step(asked_, {{"__name__", "rps"}, {"path", "/home"}, {"code", "200"}}, 5, 5);
  }
  Asked asked_;
};

TEST_F(Contributions, ByHand) {
  // The sum rose by 40: 30 + 20 - 10 + 0.
  EXPECT_EQ(asked_.Values("contributors(rps[20m], 1h, \"path\")"),
            (Values{{"{path=\"/pay\"}", 1.25}, {"{path=\"/cart\"}", -0.25}, {"{path=\"/home\"}", 0}}));
  EXPECT_EQ(asked_.Values("contributors(rps[20m], 1h, \"code\")"), (Values{{"{code=\"200\"}", 0.5}, {"{code=\"500\"}", 0.5}}));
  EXPECT_EQ(asked_.Values("contributors(rps[20m], 1h, \"path, code\")").size(), 4U);
  EXPECT_EQ(asked_.Values("contributors(rps[20m], 1h)").size(), 4U);
  EXPECT_DOUBLE_EQ(asked_.Value("sum(contributors(rps[20m], 1h))"), 1);
  EXPECT_EQ(asked_.Values("topk(1, contributors(rps[20m], 1h, \"path\"))"), (Values{{"{path=\"/pay\"}", 1.25}}));
}

TEST_F(Contributions, SharesDoNotDependOnTheUnitOrOnWhatStays) {
  const Values plain = asked_.Values("contributors(rps[20m], 1h, \"path\")");
  EXPECT_EQ(asked_.Values("contributors((rps * 1024)[20m:1m], 1h, \"path\")"), plain);
  EXPECT_EQ(asked_.Values("contributors((rps + 64)[20m:1m], 1h, \"path\")"), plain);
  Step(asked_, {{"__name__", "rps"}, {"path", "/static"}, {"code", "200"}}, 1000, 1000);
  Values more = asked_.Values("contributors(rps[20m], 1h, \"path\")");
  EXPECT_EQ(more["{path=\"/static\"}"], 0);
  more.erase("{path=\"/static\"}");
  EXPECT_EQ(more, plain);
}

TEST_F(Contributions, WhatAppearsAndWhatGoesCounts) {
  // Absent is nothing: a series that is new has all of its value as change.
  asked_.Load(Labels::Of({{"__name__", "rps"}, {"path", "/new"}, {"code", "200"}}), 10, kMinute, [](size_t) { return 40.0; });
  EXPECT_EQ(asked_.Values("contributors(rps[20m], 1h, \"path\")")["{path=\"/new\"}"], 0.5);
}

TEST_F(Contributions, NoChangeHasNoParts) {
  EXPECT_TRUE(asked_.Values("contributors(rps{path=\"/home\"}[20m], 1h, \"path\")").empty());
  const auto answer = asked_.Answer("contributors(rps[20m], 7d, \"path\")");
  EXPECT_TRUE(answer.series.empty());
  EXPECT_EQ(answer.annotations.warnings,
            std::vector<std::string>{"contributors: no sample lies baseline_offset before the range (1:14)"});
}

TEST_F(Contributions, InstantAndRangeGiveTheSameBits) {
  asked_.ExpectSameBits("contributors(rps[20m], 30m, \"path\")", kNow - kHour, kNow, 7 * kMinute);
  asked_.ExpectSameBits("contributors(rate(rps[5m])[20m:1m], 30m, \"path,code\") or new_series(rps[5m], 30m)", kNow - kHour,
                        kNow, 7 * kMinute);
}

TEST_F(Contributions, ErrorsSayWhatIsWanted) {
  EXPECT_EQ(asked_.Error("contributors(rps[20m], time(), \"path\")").message(),
            "contributors: baseline_offset: expected a duration greater than 0 such as 1d, known before the query runs");
  EXPECT_EQ(asked_.Error("contributors(rps[20m], 1h, \"path,\")").message(),
            "contributors: labels: found \"\", expected names such as \"job,path\"");
}

class Appearing : public ::testing::Test {
 protected:
  Appearing() {
    asked_.Load(Labels::Of({{"__name__", "errors"}, {"type", "old"}}), 1500, kMinute,
                [](size_t i) { return static_cast<double>(i); });
    asked_.Load(Labels::Of({{"__name__", "errors"}, {"type", "new"}}), 5, kMinute,
                [](size_t i) { return 10 + static_cast<double>(i); });
    // Seen five hours ago, and now again.
    asked_.Load(
        Labels::Of({{"__name__", "errors"}, {"type", "back"}}), 5, kMinute, [](size_t) { return 3.0; }, kNow - 5 * kHour);
    asked_.Load(Labels::Of({{"__name__", "errors"}, {"type", "back"}}), 5, kMinute, [](size_t) { return 4.0; });
  }
  Asked asked_;
};

TEST_F(Appearing, ByHand) {
  EXPECT_EQ(asked_.Values("new_series(errors[10m], 1d)"), (Values{{"{type=\"new\"}", 14}}));
  EXPECT_EQ(asked_.Values("new_series(errors[10m], 1h)"), (Values{{"{type=\"new\"}", 14}, {"{type=\"back\"}", 4}}));
  // Once it has been there for longer than the range, it is no longer new.
  EXPECT_EQ(asked_.Values("new_series(errors[3m], 1d)"), Values());
}

TEST_F(Appearing, OfAnInstantVector) {
  EXPECT_EQ(asked_.Values("new_series(sum by (type) (errors), 1d)", kNow - 4 * kMinute), (Values{{"{type=\"new\"}", 10}}));
  EXPECT_EQ(asked_.Values("new_series(sum by (type) (errors), 1d)"), Values());
}

TEST_F(Appearing, NothingToCompareWithIsSaid) {
  const auto answer = asked_.Answer("new_series(errors[2d], 7d)");
  EXPECT_TRUE(answer.series.empty());
  EXPECT_EQ(answer.annotations.warnings,
            std::vector<std::string>{"new_series: no series has a sample in the baseline: nothing to compare with (1:12)"});
  EXPECT_TRUE(asked_.Values("new_series(nothing[10m], 1h)").empty());
}

TEST_F(Appearing, InstantAndRangeGiveTheSameBits) {
  asked_.ExpectSameBits("new_series(errors[10m], 1h)", kNow - 20 * kMinute, kNow, 90'000);
  asked_.ExpectSameBits("new_series(sum by (type) (errors), 1h)", kNow - 20 * kMinute, kNow, 90'000);
}

}  // namespace
}  // namespace auspex
