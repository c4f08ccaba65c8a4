#include <gtest/gtest.h>

#include "auspex/query/parser.h"

namespace auspex::query {
namespace {

class TypeCheck : public ::testing::Test {
 protected:
  TypeCheck() : registry_(FunctionRegistry::BuiltIn()) {
    Function score;
    score.name = "anomaly_score";
    score.arguments = {{"v", ArgumentType::kMatrix}, {"k", ArgumentType::kScalar, true}, {"opts", ArgumentType::kString, true}};
    EXPECT_TRUE(registry_.Add(std::move(score)).ok());
  }

  /// The type's name, or the error.
  std::string Of(std::string_view text) {
    const auto expr = Parse(text);
    if (!expr.ok()) return expr.status().message();
    const Status checked = CheckTypes(**expr, text, registry_);
    return checked.ok() ? std::string(ValueTypeName((*expr)->type)) : checked.message();
  }

  FunctionRegistry registry_;
};

TEST_F(TypeCheck, EveryNodeHasAType) {
  const struct {
    std::string_view text;
    std::string_view type;
  } cases[] = {
      {"1", "scalar"},
      {"1 + 2", "scalar"},
      {"1 == bool 2", "scalar"},
      {"\"a\"", "string"},
      {"(\"a\")", "string"},
      {"up", "instant vector"},
      {"up[5m]", "range vector"},
      {"up[5m:]", "range vector"},
      {"up + 1", "instant vector"},
      {"1 > up", "instant vector"},
      {"up and up", "instant vector"},
      {"-up", "instant vector"},
      {"-(1)", "scalar"},
      {"sum(up)", "instant vector"},
      {"quantile(0.5, up)", "instant vector"},
      {"count_values(\"v\", up)", "instant vector"},
      {"topk(scalar(up), up)", "instant vector"},
      {"time()", "scalar"},
      {"scalar(up)", "scalar"},
      {"rate(up[5m])", "instant vector"},
      {"hour()", "instant vector"},
      {"hour(up)", "instant vector"},
      {"round(up)", "instant vector"},
      {"round(up, 5)", "instant vector"},
      {"predict_linear(up[1h], 4h)", "instant vector"},
      {"predict_linear(up[1h], 4 * 3600)", "instant vector"},
      {"label_join(up, \"d\", \",\")", "instant vector"},
      {"label_join(up, \"d\", \",\", \"a\", \"b\", \"c\")", "instant vector"},
      {"sort_by_label(up, \"a\", \"b\")", "instant vector"},
      {"anomaly_score(up[1d])", "instant vector"},
      {"anomaly_score(up[1d], 3)", "instant vector"},
      {"anomaly_score(up[1d], \"dir=above\")", "instant vector"},
      {"anomaly_score(up[1d], 3, \"dir=above\")", "instant vector"},
      {"{__name__=~\"a.+\"}", "instant vector"},
      {"{a!=\"\"}", "instant vector"},
      {"{a!~\".*\"}", "instant vector"},
  };
  for (const auto& [text, type] : cases) EXPECT_EQ(Of(text), type) << text;
}

TEST_F(TypeCheck, RefusesInPrometheusWords) {
  const struct {
    std::string_view text;
    std::string_view error;
  } cases[] = {
      {"sum(1)", "1:5: parse error: expected type instant vector in aggregation expression, got scalar"},
      {"sum(up[5m])", "1:5: parse error: expected type instant vector in aggregation expression, got range vector"},
      {"topk(up, up)", "1:6: parse error: expected type scalar in aggregation parameter, got instant vector"},
      {"count_values(5, up)", "1:14: parse error: expected type string in aggregation parameter, got scalar"},
      {"rate(1)", "1:6: parse error: expected type range vector in call to function \"rate\", got scalar"},
      {"abs(up[5m])", "1:5: parse error: expected type instant vector in call to function \"abs\", got range vector"},
      {"abs()", "1:1: parse error: expected 1 argument(s) in call to \"abs\", got 0"},
      {"1 + abs(up, up)", "1:5: parse error: expected 1 argument(s) in call to \"abs\", got 2"},
      {"hour(up, up)", "1:1: parse error: expected at most 1 argument(s) in call to \"hour\", got 2"},
      {"label_join(up, \"d\")", "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", got 2"},
      {"label_join(up, \"d\", \",\", \"a\", 5)",
       "1:31: parse error: expected type string in call to function \"label_join\", got scalar"},
      {"round(up, \"a\")", "1:11: parse error: expected type scalar in call to function \"round\", got string"},
      {"anomaly_score(up[1d], up)",
       "1:23: parse error: expected type scalar in call to function \"anomaly_score\", got instant vector"},
      {"anomaly_score(up[1d], \"a=b\", 3)",
       "1:30: parse error: expected type string in call to function \"anomaly_score\", got scalar"},
      {"anomoly_score(up[1d])",
       "1:1: parse error: unknown function with name \"anomoly_score\": did you mean \"anomaly_score\"?"},
      {"completely_else(up)", "1:1: parse error: unknown function with name \"completely_else\""},
      {"RATE(up[5m])", "1:1: parse error: unknown function with name \"RATE\""},
      {"1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"},
      {"up + bool up", "1:4: parse error: bool modifier can only be used on comparison operators"},
      {"1 and 2", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"},
      {"up or 1", "1:1: parse error: set operator \"or\" not allowed in binary scalar expression"},
      {"up and on (a) group_left up", "1:1: parse error: no grouping allowed for \"and\" operation"},
      {"up + on (a) group_left (a) up", "1:4: parse error: label \"a\" must not occur in ON and GROUP clause at once"},
      {"up + on (a) 1", "1:1: parse error: vector matching only allowed between instant vectors"},
      {"1 + fill (0) up", "1:1: parse error: filling in missing series only allowed between instant vectors"},
      {"up or fill (0) up", "1:1: parse error: filling in missing series not allowed for set operators"},
      {"up[5m] + 1", "1:1: parse error: binary expression must contain only scalar and instant vector types"},
      {"1 + \"a\"", "1:5: parse error: binary expression must contain only scalar and instant vector types"},
      {"-\"a\"",
       "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got \"string\""},
      {"-up[5m]",
       "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got \"range vector\""},
      {"1[5m:]", "1:1: parse error: subquery is only allowed on instant vector, got scalar instead"},
      {"x[5m][5m:]", "1:1: parse error: subquery is only allowed on instant vector, got matrix instead"},
      {"{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
      {"sum({a=\"\",b=~\".*\"})", "1:5: parse error: vector selector must contain at least one non-empty matcher"},
      {"rate({a!=\"x\"}[5m])", "1:6: parse error: vector selector must contain at least one non-empty matcher"},
  };
  for (const auto& [text, error] : cases) EXPECT_EQ(Of(text), error) << text;
}

}  // namespace
}  // namespace auspex::query
