// The examples of docs/QUERY.md and docs/ANALYTICS.md: each must parse, have a type, and answer something.

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "auspex/analytics/functions.h"
#include "auspex/query/engine.h"
#include "auspex/query/parser.h"
#include "tests/support/example_data.h"
#include "tests/support/model_store.h"

namespace auspex::query {
namespace {

/// The text of every fenced block of that language, with the line it starts at.
std::vector<std::pair<size_t, std::string>> FencedBlocks(const std::string& path, std::string_view language) {
  std::ifstream file(path);
  std::vector<std::pair<size_t, std::string>> blocks;
  std::string line;
  bool inside = false;
  for (size_t number = 1; std::getline(file, line); ++number) {
    if (!inside && line == "```" + std::string(language)) {
      inside = true;
      blocks.emplace_back(number + 1, "");
    } else if (inside && line == "```") {
      inside = false;
    } else if (inside) {
      blocks.back().second += line + "\n";
    }
  }
  return blocks;
}

class Examples : public ::testing::Test {
 protected:
  Examples() : registry_(FunctionRegistry::BuiltIn()) {
    EXPECT_TRUE(analytics::RegisterAnalyticsFunctions(registry_).ok());
    EXPECT_TRUE(testing::LoadExampleData(store_).ok());
  }

  void ExpectAnswer(const std::string& text) {
    Engine engine(store_, registry_, EngineOptions());
    const auto answer = engine.Instant(text, testing::kExampleEndMs);
    ASSERT_TRUE(answer.ok()) << text << ": " << answer.status().ToString();
    EXPECT_FALSE(answer->series.empty()) << text;
  }

  testing::ModelStore store_;
  FunctionRegistry registry_;
};

TEST_F(Examples, OfTheDocumentationAnswer) {
  for (const char* page : {"docs/QUERY.md", "docs/ANALYTICS.md"}) {
    const auto blocks = FencedBlocks(fmt::format("{}/{}", AUSPEX_SOURCE_DIR, page), "promql");
    EXPECT_GT(blocks.size(), 20u) << page;
    for (const auto& [line, text] : blocks) {
      SCOPED_TRACE(fmt::format("{}:{}", page, line));
      ExpectAnswer(text);
    }
  }
}

TEST_F(Examples, OfEveryFunctionAnswer) {
  for (const Function* function : registry_.All()) {
    SCOPED_TRACE(function->name);
    // Answered with nothing until native histograms can be stored.
    const bool native = function->name == "histogram_avg" || function->name == "histogram_count" ||
                        function->name == "histogram_sum" || function->name == "histogram_stddev" ||
                        function->name == "histogram_stdvar";
    if (native || function->name == "absent_over_time") {
      Engine engine(store_, registry_, EngineOptions());
      EXPECT_TRUE(engine.Instant(function->example, testing::kExampleEndMs).ok());
    } else {
      ExpectAnswer(function->example);
    }
  }
}

}  // namespace
}  // namespace auspex::query
