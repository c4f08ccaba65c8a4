#include "auspex/query/function_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auspex/query/parser.h"

namespace auspex::query {
namespace {

using ::testing::ElementsAre;

Function Score() {
  Function score;
  score.name = "score";
  score.arguments = {{"v", ArgumentType::kMatrix}, {"k", ArgumentType::kDuration, true}, {"opts", ArgumentType::kString, true}};
  return score;
}

TEST(FunctionRegistry, FindsByNameAndRefusesDoubles) {
  FunctionRegistry registry;
  ASSERT_TRUE(registry.Add(Score()).ok());
  EXPECT_EQ(registry.Add(Score()).code(), StatusCode::kAlreadyExists);
  ASSERT_NE(registry.Find("score"), nullptr);
  EXPECT_EQ(registry.Find("scor"), nullptr);
  EXPECT_EQ(registry.Find("scores"), nullptr);
  Function unnamed;
  EXPECT_EQ(registry.Add(unnamed).code(), StatusCode::kInvalidArgument);
  Function gap = Score();
  gap.name = "gap";
  gap.arguments[2].optional = false;
  EXPECT_EQ(registry.Add(gap).code(), StatusCode::kInvalidArgument);
  Function two = Score();
  two.name = "two";
  two.arguments[1].type = ArgumentType::kMatrix;
  two.make_range = [](const RangeCall&) -> Result<std::unique_ptr<const RangeFunction>> { return Internal("never"); };
  EXPECT_EQ(registry.Add(two).code(), StatusCode::kInvalidArgument);
}

TEST(FunctionRegistry, SuggestsTheNearestName) {
  const FunctionRegistry registry = FunctionRegistry::BuiltIn();
  EXPECT_EQ(registry.Nearest("rat"), "rate");
  EXPECT_EQ(registry.Nearest("RATE"), "");
  EXPECT_EQ(registry.Nearest("avg_overtime"), "avg_over_time");
  EXPECT_EQ(registry.Nearest("histogram_quantil"), "histogram_quantile");
  EXPECT_EQ(registry.Nearest("xyzzy"), "");
  EXPECT_EQ(registry.Nearest(std::string(100'000, 'a')), "");
}

TEST(FunctionRegistry, ArgumentsFindTheirParameters) {
  const Function score = Score();
  const auto match = [&](std::vector<ValueType> types) { return MatchArguments(score, types).value(); };
  EXPECT_THAT(match({ValueType::kMatrix}), ElementsAre(0, -1, -1));
  EXPECT_THAT(match({ValueType::kMatrix, ValueType::kScalar}), ElementsAre(0, 1, -1));
  EXPECT_THAT(match({ValueType::kMatrix, ValueType::kString}), ElementsAre(0, -1, 1));
  EXPECT_THAT(match({ValueType::kMatrix, ValueType::kScalar, ValueType::kString}), ElementsAre(0, 1, 2));

  const FunctionRegistry registry = FunctionRegistry::BuiltIn();
  const std::vector<ValueType> joined = {ValueType::kVector, ValueType::kString, ValueType::kString, ValueType::kString,
                                         ValueType::kString};
  EXPECT_THAT(MatchArguments(*registry.Find("label_join"), joined).value(), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(MatchArguments(*registry.Find("hour"), {}).value(), ElementsAre(-1));
  EXPECT_TRUE(MatchArguments(*registry.Find("time"), {}).value().empty());
  const std::vector<ValueType> one = {ValueType::kScalar};
  EXPECT_FALSE(MatchArguments(*registry.Find("time"), one).ok());
}

TEST(FunctionRegistry, EveryRowIsCompleteAndItsExampleIsACallOfIt) {
  const FunctionRegistry registry = FunctionRegistry::BuiltIn();
  EXPECT_GT(registry.All().size(), 80u);
  for (const Function* function : registry.All()) {
    SCOPED_TRACE(function->name);
    EXPECT_TRUE(function->description.ends_with('.'));
    const auto example = Parse(function->example);
    ASSERT_TRUE(example.ok()) << example.status().message();
    const Status checked = CheckTypes(**example, function->example, registry);
    EXPECT_TRUE(checked.ok()) << checked.message();
    ASSERT_TRUE(std::holds_alternative<Call>((*example)->node));
    EXPECT_EQ(std::get<Call>((*example)->node).function, function->name);
    EXPECT_EQ((*example)->type, function->returns);
  }
}

}  // namespace
}  // namespace auspex::query
