#include "storage/matcher_shape.h"

#include <gtest/gtest.h>

namespace auspex::storage {
namespace {

MatcherShape ShapeOf(std::string_view pattern) {
  return MatcherShape(Matcher::Of(Matcher::Op::kRegex, "l", std::string(pattern)));
}

TEST(MatcherShape, ListsWhatCanBeListed) {
  const struct {
    std::string_view pattern;
    std::vector<std::string> want;
  } rows[] = {{"a", {"a"}},
              {"a|b|cd", {"a", "b", "cd"}},
              {"(a|b)", {"a", "b"}},
              {"a\\.b|c", {"a.b", "c"}},
              {"", {""}},
              {"|a", {"", "a"}},
              {"()", {""}},
              {"10\\.0\\.0\\.1:9100", {"10.0.0.1:9100"}}};
  for (const auto& row : rows) {
    const MatcherShape shape = ShapeOf(row.pattern);
    ASSERT_TRUE(shape.literals().has_value()) << row.pattern;
    EXPECT_EQ(*shape.literals(), row.want) << row.pattern;
  }
  for (const std::string_view pattern : {"a.", "a*", "a+|b", "(?i)a", "(a)(b)", "(a)|(b)", "^a$", "[ab]", "a\\d", "(?:a|b)"}) {
    EXPECT_FALSE(ShapeOf(pattern).literals().has_value()) << pattern;
  }
}

TEST(MatcherShape, EveryAcceptedValueBeginsWithThePrefix) {
  const struct {
    std::string_view pattern;
    std::string_view want;
  } rows[] = {{"app-1.*", "app-1"}, {"app-(a|b)", "app-"}, {"ab*", "a"},       {"ab?c", "a"},
              {"ab{0}", "a"},       {"ab+", "ab"},         {"a.b|c.d", ""},    {"a[(]|x", ""},
              {"a\\Q(\\E|x", ""},   {"(?i)ab.", ""},       {"a\\.b.*", "a.b"}, {".*", ""},
              {"^ab.*", ""},        {"a(b)|c", ""},        {"\xc3\xa4*b", ""}};
  for (const auto& row : rows) EXPECT_EQ(ShapeOf(row.pattern).prefix(), row.want) << row.pattern;
}

}  // namespace
}  // namespace auspex::storage
