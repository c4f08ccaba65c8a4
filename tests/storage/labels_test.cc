#include "auspex/storage/labels.h"

#include <gtest/gtest.h>

#include "auspex/storage/matcher.h"

namespace auspex {
namespace {

TEST(Labels, SortsAndLeavesOutEmptyValues) {
  const Labels labels = Labels::Of({{"job", "api"}, {"__name__", "up"}, {"zone", ""}});
  EXPECT_EQ(labels.ToString(), "up{job=\"api\"}");
  EXPECT_EQ(labels.CountPairs(), 2u);
  EXPECT_EQ(labels.Get("job"), "api");
  EXPECT_EQ(labels.Get("zone"), "");
  EXPECT_EQ(labels, Labels::Of({{"__name__", "up"}, {"job", "api"}}));
}

TEST(Labels, RefusesWhatIsNotALabelSet) {
  EXPECT_EQ(Labels::Make({{"", "x"}}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Labels::Make({{"a", "1"}, {"a", "2"}}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Labels::Make({{"a", "\xff"}}).status().code(), StatusCode::kInvalidArgument);
}

TEST(Labels, LongTextsRoundTripAndNoPrefixIsBelieved) {
  const std::string text(300, 'v');
  const Labels labels = Labels::Of({{"a", text}, {"b", "2"}});
  EXPECT_EQ(labels.Get("a"), text);
  EXPECT_EQ(Labels::FromBytes(labels.bytes()).value(), labels);
  for (size_t n = 1; n < labels.bytes().size(); ++n) {
    const auto prefix = Labels::FromBytes(std::string_view(labels.bytes()).substr(0, n));
    if (prefix.ok()) {
      EXPECT_EQ(prefix->CountPairs(), 1u) << n;  // the cut between the two pairs is a label set of its own
    }
  }
}

TEST(Labels, OrderIsByPairThenByCount) {
  EXPECT_LT(Labels::Of({{"a", "1"}}), Labels::Of({{"a", "1"}, {"b", "1"}}));
  EXPECT_LT(Labels::Of({{"a", "1"}, {"c", "1"}}), Labels::Of({{"b", "1"}}));
  EXPECT_LT(Labels::Of({{"a", "1"}}), Labels::Of({{"a", "2"}}));
}

TEST(Labels, Edits) {
  const Labels labels = Labels::Of({{"__name__", "up"}, {"a", "1"}, {"c", "3"}});
  EXPECT_EQ(labels.With("b", "2").ToString(), "up{a=\"1\", b=\"2\", c=\"3\"}");
  EXPECT_EQ(labels.With("a", "").ToString(), "up{c=\"3\"}");
  EXPECT_EQ(labels.With("c", "4").ToString(), "up{a=\"1\", c=\"4\"}");
  EXPECT_EQ(labels.WithoutMetricName().ToString(), "{a=\"1\", c=\"3\"}");
}

TEST(Matcher, EmptyMeansAbsentAndRegexIsAnchored) {
  const Labels labels = Labels::Of({{"job", "api"}});
  const auto matches = [&](Matcher::Op op, std::string name, std::string value) {
    return Matcher::Of(op, name, value).Matches(labels);
  };
  EXPECT_TRUE(matches(Matcher::Op::kEqual, "zone", ""));
  EXPECT_FALSE(matches(Matcher::Op::kNotEqual, "zone", ""));
  EXPECT_TRUE(matches(Matcher::Op::kRegex, "job", "a.*"));
  EXPECT_FALSE(matches(Matcher::Op::kRegex, "job", "a"));
  EXPECT_TRUE(matches(Matcher::Op::kNotRegex, "job", "a|b"));
  const auto bad = Matcher::Make(Matcher::Op::kRegex, "job", "a(");
  ASSERT_FALSE(bad.ok());
  EXPECT_NE(bad.status().message().find("job=~\"a(\""), std::string::npos);
}

}  // namespace
}  // namespace auspex
