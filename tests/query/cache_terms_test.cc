// Which functions' answers may be kept for a later query: every one that may, and none that may not.
#include "query/cache_terms.h"

#include <set>

#include <gtest/gtest.h>

#include "auspex/analytics/functions.h"
#include "auspex/query/engine.h"
#include "auspex/query/parser.h"
#include "auspex/storage/store.h"
#include "query/extra_functions.h"
#include "tests/support/example_data.h"
#include "tests/support/result_bytes.h"

namespace auspex::query {
namespace {

using testing::Bytes;

// Functions without a range vector whose value at a step depends on more than their arguments at that step.
const std::set<std::string> kOfTheWholeQuery = {
    "start",
    "end",
    "step",
    "range",
    "now",
    "timezone_offset",  // the query's own times, the clock, rules of time zones
    "info",             // reads series that it does not name
    "drop_common_labels",
    "drop_empty_series",
    "limit_offset",
    "prometheus_buckets",
    "union",
    "any",  // which series there are at any step
    "topk_min",
    "topk_max",
    "topk_avg",
    "topk_median",
    "topk_last",  // by what the whole graph amounts to
    "bottomk_min",
    "bottomk_max",
    "bottomk_avg",
    "bottomk_median",
    "bottomk_last",
};

class CacheTermsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(analytics::RegisterAnalyticsFunctions(registry_).ok());
    StoreOptions options;
    options.in_memory = true;
    store_ = Store::Open(options).value();
    ASSERT_TRUE(testing::LoadExampleData(*store_).ok());
  }
  void TearDown() override { ASSERT_TRUE(store_->Close().ok()); }
  bool Kept(const std::string& text) const {
    ExprPtr expr = Parse(text).value();
    EXPECT_TRUE(CheckTypes(*expr, text, registry_).ok()) << text;
    return CacheTermsOf(*expr, registry_, 300'000).has_value();
  }
  std::unique_ptr<Store> store_;
  FunctionRegistry registry_ = FunctionRegistry::BuiltIn();
};

// Adding a function means deciding this for it.
TEST_F(CacheTermsTest, EveryFunctionWithoutARangeIsEitherKeptOrNamedHere) {
  for (const Function* function : registry_.All()) {
    if (function->make_joint || function->make_range || function->returns == ValueType::kString) continue;
    bool over_range = false;
    for (const Argument& argument : function->arguments) {
      over_range = over_range || argument.type == ArgumentType::kMatrix || argument.type == ArgumentType::kSeries;
    }
    if (function->example.find("step()") != std::string::npos) continue;  // of the query's own times
    if (over_range || IsRowFunction(function->name)) continue;
    EXPECT_EQ(Kept(function->example), !kOfTheWholeQuery.contains(function->name)) << function->example;
  }
}

// The examples of all functions, asked twice with a part in common: kept or not, the answer is that of one who keeps nothing.
TEST_F(CacheTermsTest, EveryFunctionsExampleAnswersTheSame) {
  EngineOptions options;
  options.result_cache_bytes = 64 << 20;
  const Engine engine(*store_, registry_, options);
  size_t kept = 0;
  const int64_t end_ms = testing::kExampleEndMs;
  for (const Function* function : registry_.All()) {
    const std::string& text = function->example;
    const auto first = engine.Range(text, end_ms - 3'000'000, end_ms - 600'000, 60'000);
    if (!first.ok()) continue;  // of a type that has no range query
    const QueryResult again = engine.Range(text, end_ms - 2'400'000, end_ms, 60'000).value();
    kept += again.stats.cached_steps > 0 ? 1 : 0;
    QueryOptions anew;
    anew.use_cache = false;
    EXPECT_EQ(Bytes(again), Bytes(engine.Range(text, end_ms - 2'400'000, end_ms, 60'000, anew).value())) << text;
  }
  EXPECT_GT(kept, 60u);
}

}  // namespace
}  // namespace auspex::query
