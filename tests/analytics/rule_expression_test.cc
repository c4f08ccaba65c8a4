#include "analytics/rule_expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auspex/query/parser.h"

namespace auspex::analytics {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Family = RuleExpression::Family;

const Labels kSeries = Labels::Of({{"instance", "1"}, {"job", "a"}});

TEST(RuleExpression, FindsTheObservingCall) {
  const struct {
    const char* text;
    Family family;
    const char* function;
    const char* subject;
    bool one_series;
  } kRows[] = {
      {"up == 0", Family::kOther, "", "", false},
      {"not a query(", Family::kOther, "", "", false},
      {"anomaly(lat[1d])", Family::kAnomaly, "anomaly", "lat", true},
      {"(anomaly_score(lat{job=\"a\"}[1d], 4) > 2)", Family::kAnomaly, "anomaly_score", "lat", true},
      {"anomaly(lat[1d]) and on (job) rps > 1", Family::kAnomaly, "anomaly", "lat", true},
      {"anomaly(lat[1d]) * on (job) group_left (team) info", Family::kAnomaly, "anomaly", "lat", false},
      {"max by (job) (anomaly(lat[1d]))", Family::kAnomaly, "anomaly", "lat", false},
      {"anomaly((a / b)[1d:1m])", Family::kAnomaly, "anomaly", "(a / b)", true},
      {"forecast_exhaustion_earliest(free[6h], -1e3) < 86400", Family::kExhaustion, "forecast_exhaustion_earliest", "free",
       true},
  };
  for (const auto& row : kRows) {
    const RuleExpression expression = ReadRuleExpression(row.text);
    EXPECT_EQ(expression.family, row.family) << row.text;
    EXPECT_EQ(expression.function, row.function) << row.text;
    EXPECT_EQ(expression.subject, row.subject) << row.text;
    EXPECT_EQ(expression.one_series, row.one_series) << row.text;
  }
  EXPECT_EQ(ReadRuleExpression("forecast_exhaustion(free[6h], -1e3)").limit, -1000.0);
  EXPECT_FALSE(ReadRuleExpression("forecast_exhaustion(free[6h], scalar(x))").limit.has_value());
}

TEST(RuleExpression, AsksSiblingsAboutTheOneSeries) {
  const std::string narrowed =
      ReadRuleExpression("anomaly(lat{zone=\"z\"}[1d], 4, \"dir=above\") > 2").Sibling("anomaly_upper", kSeries);
  EXPECT_THAT(narrowed, StartsWith("anomaly_upper(lat{"));
  EXPECT_THAT(narrowed, HasSubstr("zone=\"z\""));
  EXPECT_THAT(narrowed, HasSubstr("instance=\"1\""));
  EXPECT_THAT(narrowed, HasSubstr("[1d], 4, \"dir=above\")"));
  EXPECT_TRUE(query::Parse(narrowed).ok()) << narrowed;
  const std::string wide = ReadRuleExpression("max by (job) (anomaly(lat[1d]))").Sibling("anomaly_upper", kSeries);
  EXPECT_EQ(wide, "anomaly_upper(lat[1d])");
  EXPECT_THAT(ReadRuleExpression("anomaly((a / b)[1d:1m])").Observed(kSeries), HasSubstr("last_over_time((a / b)[1d:1m])"));
  EXPECT_THAT(ReadRuleExpression("anomaly(lat[1d])").Observed(kSeries), Not(HasSubstr("anomaly")));
  EXPECT_EQ(ReadRuleExpression("up == 0").Sibling("anomaly_upper", kSeries), "");
}

}  // namespace
}  // namespace auspex::analytics
