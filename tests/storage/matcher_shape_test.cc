#include "storage/matcher_shape.h"

#include <random>

#include <gtest/gtest.h>

#include "tests/support/seed.h"

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

TEST(MatcherShape, EveryAcceptedValueHasThePart) {
  const struct {
    std::string_view pattern;
    std::string_view want;
  } rows[] = {{"a", "a"},
              {".*abc.+de", "abc"},
              {"ab?cd", "cd"},
              {"ab{0,1}c", "a"},
              {"(x|y)ab", "ab"},
              {"x(?i)ab", ""},
              {"a|bc", ""},
              {"[ab]+cd", "cd"},
              {"a\\.bc", "a.bc"},
              {"a\\dbc", ""},
              {"a(b[)])c", ""},
              {".+-0[0-9].*", "-0"},
              {"\xc3\xa4"
               "bc",
               ""},
              {"ab+cd", "ab"},
              {"(?:ab)?c", "c"}};
  for (const auto& row : rows) EXPECT_EQ(ShapeOf(row.pattern).part(), row.want) << row.pattern;
}

// What is seen in a pattern before it is run must never change the answer.
TEST(MatcherShape, RandomPatterns) {
  std::mt19937_64 random(testing::TestSeed());
  const std::string_view parts[] = {"a",    "b",     "ab",  ".",   "*",   "+", "?", "|", "(",    ")",  "(?:", "[ab]",
                                    "[^a]", "{1,2}", "{0}", "\\.", "\\d", "-", "^", "$", "(?i)", ".*", ".+",  "ab-1."};
  // Some values are no UTF-8, which no `.` matches.
  const std::string_view pieces[] = {"a", "b", "A", "B", ".", "-", "1", "ab-1", "\xc3\xa4", "\xff"};
  size_t accepted = 0;
  size_t told = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string pattern;
    for (size_t i = 0, count = 1 + random() % 8; i < count; ++i) pattern += parts[random() % std::size(parts)];
    const auto matcher = Matcher::Make(Matcher::Op::kRegex, "l", pattern);
    if (!matcher.ok()) continue;
    const MatcherShape shape(*matcher);
    for (int k = 0; k < 8; ++k) {
      std::string value;
      for (size_t i = 0, count = random() % 5; i < count; ++i) value += pieces[random() % std::size(pieces)];
      if (const auto known = shape.Accepts(value)) {
        ++told;
        ASSERT_EQ(*known, matcher->Matches(value)) << pattern << ", \"" << value << "\"";
      }
      if (!matcher->Matches(value)) continue;
      ++accepted;
      ASSERT_NE(value.find(shape.part()), std::string::npos) << pattern << " accepts \"" << value << "\"";
      ASSERT_TRUE(value.starts_with(shape.prefix())) << pattern << " accepts \"" << value << "\"";
    }
  }
  EXPECT_GT(accepted, 1000u);
  EXPECT_GT(told, 1000u);
}

TEST(MatcherShape, SimplePatternsNeedNoExpression) {
  const struct {
    std::string_view pattern;
    std::string_view value;
    std::optional<bool> want;
  } rows[] = {{"app-1.*", "app-1", true},  {"app-1.+", "app-1", false},
              {"app-1.+", "app-12", true}, {".*api.*", "my-api-1", true},
              {".+api.*", "api", false},   {".+api.*", "apiapi", true},
              {".+api", "my-api", true},   {".+api", "my-api-1", false},
              {".+", "", false},           {".*", "", true},
              {".+.+", "a", false},        {"ab?c", "ac", std::nullopt},
              {".*a\\.b", "x.a.b", true},  {".+", "\xff", std::nullopt},
              {"x.+", "a\xff", false}};
  for (const auto& row : rows) EXPECT_EQ(ShapeOf(row.pattern).Accepts(row.value), row.want) << row.pattern << " " << row.value;
}

}  // namespace
}  // namespace auspex::storage
