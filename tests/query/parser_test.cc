#include "auspex/query/parser.h"

#include <gtest/gtest.h>

#include <cmath>

namespace auspex::query {
namespace {

std::string Reprint(std::string_view text) {
  const auto expr = Parse(text);
  return expr.ok() ? Print(**expr) : expr.status().message();
}

const Expr& Child(const Expr& expr, size_t index) {
  if (const auto* binary = std::get_if<Binary>(&expr.node)) return index == 0 ? *binary->left : *binary->right;
  if (const auto* call = std::get_if<Call>(&expr.node)) return *call->arguments[index];
  if (const auto* paren = std::get_if<Paren>(&expr.node)) return *paren->expr;
  if (const auto* unary = std::get_if<Unary>(&expr.node)) return *unary->expr;
  if (const auto* subquery = std::get_if<Subquery>(&expr.node)) return *subquery->expr;
  return *std::get<Aggregate>(expr.node).expr;
}

TEST(Parser, ReadsWhatPrometheusReads) {
  const struct {
    std::string_view text;
    std::string_view printed;
  } cases[] = {
      {"1", "1"},
      {" 1_000 ", "1000"},
      {"0x1F", "31"},
      {"017", "15"},
      {"089", "89"},
      {".5", "0.5"},
      {"5.", "5"},
      {"1e3", "1000"},
      {"1.5E-3", "0.0015"},
      {"1e22", "10000000000000000000000"},
      {"123.456e-5", "0.00123456"},
      {"12.5e3", "12500"},
      {"-0", "-0"},
      {"inf", "+Inf"},
      {"+Inf", "+Inf"},
      {"-INF", "-Inf"},
      {"nAn", "NaN"},
      {"-1", "-1"},
      {"--1", "1"},
      {"- 1", "-1"},
      {"5m", "5m"},
      {"1h30m", "1h30m"},
      {"90m", "1h30m"},
      {"1d2h3m4s5ms", "1d2h3m4s5ms"},
      {"1w2d", "9d"},
      {"'it''", "1:5: parse error: unterminated quoted string"},
      {R"("a\tb\x41\101A\U0001F600\"'")", R"("a\tbAAA😀\"'")"},
      {R"('don\'t')", R"("don't")"},
      {R"(`raw \n "x"`)", R"("raw \\n \"x\"")"},
      {"up", "up"},
      {"job:up:sum", "job:up:sum"},
      {":x", ":x"},
      {"up{}", "up"},
      {"up{job=\"api\",zone!='a' , x=~`b|c`,y!~\"d\",}", R"(up{job="api",x=~"b|c",y!~"d",zone!="a"})"},
      {"{__name__=\"up\"}", R"({__name__="up"})"},
      {R"({"my.metric", "label.name"="x"})", R"({"label.name"="x",__name__="my.metric"})"},
      {R"({job="a", "my.metric",})", R"({__name__="my.metric",job="a"})"},
      {"up{on=\"a\",bool=\"b\",inf=\"c\"}", R"(up{bool="b",inf="c",on="a"})"},
      {"up[5m]", "up[5m]"},
      {"up[300]", "up[5m]"},
      {"up [ 5m ] offset 1h", "up[5m] offset 1h"},
      {"up offset -1h", "up offset -1h"},
      {"up offset +1h", "up offset 1h"},
      {"up @ 1603774568.1234", "up @ 1603774568.123"},
      {"up @ -5", "up @ -5.000"},
      {"up @ end() offset 5m", "up @ end() offset 5m"},
      {"up offset 5m @ start ( )", "up @ start() offset 5m"},
      {"up[1h] @ 5 offset 5m", "up[1h] @ 5.000 offset 5m"},
      {"rate(up[5m])[1h:5m]", "rate(up[5m])[1h:5m]"},
      {"rate(up[5m])[1h:] @ end() offset 1d", "rate(up[5m])[1h:] @ end() offset 1d"},
      {"up[5m:][10m:1m]", "up[5m:][10m:1m]"},
      {"-up[5m:]", "-up[5m:]"},
      {"(up)[5m:]", "(up)[5m:]"},
      {"sum(up)", "sum(up)"},
      {"SUM BY (job) (up)", "sum by (job) (up)"},
      {"sum(up) by (job, instance,)", "sum by (job, instance) (up)"},
      {"sum without () (up)", "sum without () (up)"},
      {"sum by () (up)", "sum(up)"},
      {"sum by (sum, on, by, offset, \"my.label\") (up)", "sum by (sum, on, by, offset, \"my.label\") (up)"},
      {"topk(5, up)", "topk(5, up)"},
      {"count_values without (a) (\"v\", up)", "count_values without (a) (\"v\", up)"},
      {"limit_ratio(-0.5, up)", "limit_ratio(-0.5, up)"},
      {"time()", "time()"},
      {"label_replace(up, \"a\", \"$1\", \"b\", \"(.*)\")", "label_replace(up, \"a\", \"$1\", \"b\", \"(.*)\")"},
      {"a+b", "a + b"},
      {"a == bool b", "a == bool b"},
      {"a * on ( x , y ) group_left ( z ) b", "a * on (x, y) group_left (z) b"},
      {"a * ignoring(x) group_right b", "a * ignoring (x) group_right () b"},
      {"a and on() b", "a and on () b"},
      {"a OR b UNLESS ignoring (c) d", "a or b unless ignoring (c) d"},
      {"a atan2 b", "a atan2 b"},
      {"a + fill(0) b", "a + fill (0) b"},
      {"a + on (x) group_left fill_left(-1) fill_right ( Inf ) b",
       "a + on (x) group_left () fill_left (-1) fill_right (+Inf) b"},
      {"fill + fill(0) fill", "fill + fill (0) fill"},
      {"# before\nup # behind\n + # between\r up", "up + up"},
      {"up{ # in braces\n job=\"a\"}", "up{job=\"a\"}"},
      {"\"#\"", "\"#\""},
  };
  for (const auto& [text, printed] : cases) EXPECT_EQ(Reprint(text), printed) << text;
}

TEST(Parser, KeywordsMayBeMetrics) {
  for (const std::string_view word :
       {"sum",     "avg",          "count",    "min",    "max",         "group",  "stddev", "stdvar",    "topk",
        "bottomk", "count_values", "quantile", "limitk", "limit_ratio", "offset", "by",     "without",   "and",
        "or",      "unless",       "start",    "end",    "step",        "range",  "fill",   "fill_left", "infinity"}) {
    EXPECT_EQ(Reprint(word), word);
    const std::string sum = fmt::format("{} + {}{{a=\"b\"}}", word, word);
    EXPECT_EQ(Reprint(sum), sum);
  }
  for (const std::string_view word : {"on", "ignoring", "group_left", "group_right", "bool"}) {
    EXPECT_EQ(Reprint(word), fmt::format("1:1: parse error: unexpected <{}>", word));
  }
}

/// `text` with a parenthesis around every operation.
std::string Grouped(const Expr& expr) {
  if (const auto* binary = std::get_if<Binary>(&expr.node)) {
    return fmt::format("({} {} {})", Grouped(*binary->left), BinaryOpSymbol(binary->op), Grouped(*binary->right));
  }
  if (const auto* unary = std::get_if<Unary>(&expr.node))
    return fmt::format("({}{})", unary->negative ? '-' : '+', Grouped(*unary->expr));
  return Print(expr);
}

TEST(Parser, BindsOperatorsAsPrometheus) {
  const struct {
    std::string_view text;
    std::string_view grouped;
  } cases[] = {
      {"a + b * c", "(a + (b * c))"},
      {"a * b + c", "((a * b) + c)"},
      {"a - b - c", "((a - b) - c)"},
      {"a ^ b ^ c", "(a ^ (b ^ c))"},
      {"-a ^ b", "(-(a ^ b))"},
      {"-1 ^ 2", "(-(1 ^ 2))"},
      {"a ^ -b", "(a ^ (-b))"},
      {"a ^ -b ^ c", "(a ^ (-(b ^ c)))"},
      {"a ^ -b * c", "((a ^ (-b)) * c)"},
      {"-a * b", "((-a) * b)"},
      {"-a + b", "((-a) + b)"},
      {"a * -b / c", "((a * (-b)) / c)"},
      {"+-a", "(+(-a))"},
      {"a atan2 b * c % d", "(((a atan2 b) * c) % d)"},
      {"a == b + c", "(a == (b + c))"},
      {"a < b > c", "((a < b) > c)"},
      {"a and b or c unless d", "((a and b) or (c unless d))"},
      {"a or b and c", "(a or (b and c))"},
      {"a unless b and c", "((a unless b) and c)"},
      {"a == b and c", "((a == b) and c)"},
      {"and and and", "(and and and)"},
      {"a offset 5m + b", "(a offset 5m + b)"},
      {"2 ^ a offset 5m", "(2 ^ a offset 5m)"},
  };
  for (const auto& [text, grouped] : cases) {
    const auto expr = Parse(text);
    ASSERT_TRUE(expr.ok()) << text << ": " << expr.status().message();
    EXPECT_EQ(Grouped(**expr), grouped) << text;
  }
}

TEST(Parser, ErrorsPointAtTheCharacter) {
  const struct {
    std::string_view text;
    std::string_view error;
  } cases[] = {
      {"", "1:1: parse error: no expression found in input"},
      {"  # nothing\n", "1:1: parse error: no expression found in input"},
      {"1+", "1:3: parse error: unexpected end of input"},
      {"1 1", "1:3: parse error: unexpected number \"1\""},
      {"foo bar", "1:5: parse error: unexpected identifier \"bar\""},
      {"foo and", "1:8: parse error: unexpected end of input"},
      {"*1", "1:1: parse error: unexpected <op:*>"},
      {"a\n+\n  *", "3:3: parse error: unexpected <op:*>"},
      {"\"ä\" + %", "1:7: parse error: unexpected <op:%>"},
      {"(1", "1:3: parse error: unclosed left parenthesis"},
      {"1)", "1:2: parse error: unexpected right parenthesis ')'"},
      {"sum(up", "1:7: parse error: unclosed left parenthesis"},
      {"sum by job (up)", "1:8: parse error: unexpected identifier \"job\" in grouping opts, expected \"(\""},
      {"sum by (=) (up)", "1:9: parse error: unexpected \"=\" in grouping opts, expected label"},
      {"sum by (a:b) (up)", "1:9: parse error: unexpected metric identifier \"a:b\" in grouping opts, expected label"},
      {"sum by (a b) (up)", "1:11: parse error: unexpected identifier \"b\" in grouping opts, expected \",\" or \")\""},
      {"sum by (,) (up)", "1:9: parse error: unexpected \",\" in grouping opts, expected label"},
      {"sum()", "1:1: parse error: no arguments for aggregate expression provided"},
      {"topk(up)", "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1"},
      {"sum(a, b)", "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 1, got 2"},
      {"abs(up,)", "1:7: parse error: trailing commas not allowed in function call args"},
      {"up{", "1:4: parse error: unexpected end of input inside braces"},
      {"up{job}", "1:7: parse error: unexpected \"}\" in label matching, expected label matching operator"},
      {"up{job=5}", "1:8: parse error: unexpected character inside braces: '5'"},
      {"up{job=\"a\" zone=\"b\"}",
       "1:12: parse error: unexpected identifier \"zone\" in label matching, expected \",\" or \"}\""},
      {"up{,}", "1:4: parse error: unexpected \",\" in label matching, expected identifier or \"}\""},
      {"up{job=\"a", "1:8: parse error: unterminated quoted string"},
      {"\"\\q\"", "1:1: parse error: unknown escape sequence \"\\q\""},
      {"\"\\xg0\"", "1:1: parse error: illegal character in escape sequence \"\\x\""},
      {"\"\\400\"", "1:1: parse error: octal escape sequence above 255"},
      {"\"\\ud800\"", "1:1: parse error: escape sequence is an invalid Unicode code point"},
      {"5mx", "1:1: parse error: bad number or duration syntax: \"5mx\""},
      {"5m5h", "1:1: parse error: bad number or duration syntax: \"5m5h\""},
      {"1__0", "1:1: parse error: bad number or duration syntax: \"1__0\""},
      {"0x", "1:1: parse error: bad number or duration syntax: \"0x\""},
      {"1e", "1:1: parse error: bad number or duration syntax: \"1e\""},
      {"1e400", "1:1: parse error: bad number or duration syntax: \"1e400\""},
      {"up[5m", "1:6: parse error: unclosed left bracket"},
      {"up[]", "1:4: parse error: unexpected \"]\" in subquery selector, expected duration"},
      {"up[5m 5m]", "1:7: parse error: unexpected duration \"5m\" in subquery or range, expected \":\" or \"]\""},
      {"up[0s]", "1:4: parse error: duration must be greater than 0"},
      {"up[-5m]", "1:5: parse error: duration must be greater than 0"},
      {"up[5m:0s]", "1:7: parse error: duration must be greater than 0"},
      {"up[5m/0]", "1:4: parse error: division by zero"},
      {"up[300y]", "1:4: parse error: duration out of range: \"300y\""},
      {"1[5m]", "1:2: parse error: ranges only allowed for vector selectors"},
      {"(up)[5m]", "1:5: parse error: ranges only allowed for vector selectors"},
      {"up[5m][5m]", "1:7: parse error: ranges only allowed for vector selectors"},
      {"up offset 5m [5m]", "1:14: parse error: no offset modifiers allowed before range"},
      {"up @ 5 [5m]", "1:8: parse error: no @ modifiers allowed before range"},
      {"up offset 5m offset 5m", "1:1: parse error: offset may not be set multiple times"},
      {"up @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"},
      {"up offset", "1:10: parse error: unexpected end of input in offset, expected number, duration, step(), or range()"},
      {"up @ foo", "1:6: parse error: unexpected identifier \"foo\" in @, expected timestamp"},
      {"up @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: inf"},
      {"(1) offset 5m",
       "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a "
       "subquery"},
      {"time() @ 5",
       "1:1: parse error: @ modifier must be preceded by an instant vector selector or range vector selector or a subquery"},
      {"up{__name__=\"down\"}", "1:1: parse error: metric name must not be set twice: \"up\" or \"down\""},
      {"{\"\"}", "1:2: parse error: invalid label or metric name \"\""},
      {"a + on b", "1:8: parse error: unexpected identifier \"b\" in grouping opts, expected \"(\""},
      {"a:b(c)", "1:4: parse error: unexpected \"(\""},
      {"a =~ b", "1:3: parse error: unexpected character after '=': '~'"},
      {"up{1}", "1:4: parse error: unexpected character inside braces: '1'"},
      {"up @ start", "1:11: parse error: unexpected end of input in @, expected timestamp"},
      {"a = b", "1:3: parse error: unexpected \"=\""},
      {"a ! b", "1:3: parse error: unexpected character: '!'"},
      {"up{a:b=\"c\"}", "1:5: parse error: unexpected character inside braces: ':'"},
      {"a \x01", "1:3: parse error: unexpected character: '\\x01'"},
      {"ä", "1:1: parse error: unexpected character: 'ä'"},
  };
  for (const auto& [text, error] : cases) EXPECT_EQ(Reprint(text), error) << text;
  const auto regex = Parse("up{job=~\"a(\"}");
  ASSERT_FALSE(regex.ok());
  EXPECT_TRUE(regex.status().message().starts_with("1:4: parse error: ")) << regex.status().message();
}

TEST(Parser, SpansAreTheBytesOfTheNode) {
  const std::string text = " sum by (job) ( rate(up{a=\"b\"} [5m] offset 1m) ) * -(foo @ end()) ^ 2 # end";
  const auto parsed = Parse(text);
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  const auto spanned = [&](const Expr& expr) { return text.substr(expr.span.begin, expr.span.end - expr.span.begin); };
  const Expr& product = **parsed;
  EXPECT_EQ(spanned(product), text.substr(1, text.size() - 7));
  const Expr& sum = Child(product, 0);
  EXPECT_EQ(spanned(sum), "sum by (job) ( rate(up{a=\"b\"} [5m] offset 1m) )");
  EXPECT_EQ(spanned(Child(sum, 0)), "rate(up{a=\"b\"} [5m] offset 1m)");
  EXPECT_EQ(spanned(Child(Child(sum, 0), 0)), "up{a=\"b\"} [5m] offset 1m");
  const Expr& minus = Child(product, 1);
  EXPECT_EQ(spanned(minus), "-(foo @ end()) ^ 2");
  EXPECT_EQ(spanned(Child(Child(minus, 0), 0)), "(foo @ end())");
  EXPECT_EQ(spanned(Child(Child(Child(minus, 0), 0), 0)), "foo @ end()");

  const auto after = Parse("sum ( up ) by ( job ) + 1");
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(Child(**after, 0).span.end, std::string_view("sum ( up ) by ( job )").size());
}

TEST(Parser, DurationsMayBeComputed) {
  const auto range_ms = [](std::string_view text) -> int64_t {
    const auto expr = Parse(text);
    if (!expr.ok()) return -1;
    if (const auto* matrix = std::get_if<MatrixSelector>(&(*expr)->node)) return matrix->range_ms;
    return -2;
  };
  EXPECT_EQ(range_ms("x[26m+4m]"), 1'800'000);
  EXPECT_EQ(range_ms("x[60*30]"), 1'800'000);
  EXPECT_EQ(range_ms("x[24m+((1.5*2m)+2m)]"), 1'740'000);
  EXPECT_EQ(range_ms("x[-5m+35m]"), 1'800'000);
  EXPECT_EQ(range_ms("x[1h30m % 1h]"), 1'800'000);
  EXPECT_EQ(range_ms("x[2 ^ 3 ^ 2]"), 512'000);
  EXPECT_EQ(range_ms("x[max(1m, min(2m, 3m))]"), 120'000);
  EXPECT_EQ(range_ms("x[step()]"), 0);
  EXPECT_EQ(Reprint("x[1+(STep()-5)*2] offset -(2*step())"), "x[1 + (step() - 5) * 2] offset -(2 * step())");
  EXPECT_EQ(Reprint("x offset 100 + 2"), "x offset 1m40s + 2");
  EXPECT_EQ(Reprint("x offset -2 ^ 2"), "x offset -2s ^ 2");
  EXPECT_EQ(Reprint("x offset step()*0"), "x offset step() * 0");

  const auto expr = Parse("sum_over_time(x[step()+1:range()/2] offset -step())");
  ASSERT_TRUE(expr.ok()) << expr.status().message();
  ASSERT_TRUE(ResolveDurations(**expr, 10'000, 60'000).ok());
  const auto& subquery = std::get<Subquery>(Child(**expr, 0).node);
  EXPECT_EQ(subquery.range_ms, 11'000);
  EXPECT_EQ(subquery.step_ms, 30'000);
  EXPECT_EQ(subquery.time.offset_ms, -10'000);
  EXPECT_FALSE(ResolveDurations(**expr, 10'000, 0).ok());  // a step of range()/2 = 0
}

TEST(Parser, AnyDepthIsReadOrRefused) {
  const auto repeat = [](std::string_view piece, size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += piece;
    return text;
  };
  EXPECT_TRUE(Parse(repeat("(", 150) + "1" + repeat(")", 150)).ok());
  EXPECT_TRUE(Parse(repeat("1+", 900) + "1").ok());
  constexpr size_t kMany = 100'000;
  for (const std::string& text :
       {repeat("(", kMany), repeat("(", kMany) + "1" + repeat(")", kMany), repeat("abs(", kMany), repeat("sum by (a) (", kMany),
        repeat("1+", kMany) + "1", repeat("2^", kMany) + "1", repeat("-", kMany) + "x", "x" + repeat("[5m:]", kMany),
        "x[" + repeat("(", kMany), "x[" + repeat("2^", kMany), "x[" + repeat("1+", kMany) + "1]", "x[" + repeat("min(", kMany),
        "x[" + repeat("-", kMany), repeat("{", kMany), repeat("\"", kMany), repeat("x", 2'000'000)}) {
    const auto expr = Parse(text);
    EXPECT_FALSE(expr.ok());
    EXPECT_EQ(expr.status().code(), StatusCode::kInvalidArgument) << expr.status().message();
  }
  EXPECT_EQ(Reprint(repeat("-", kMany) + "1"), "1");
  EXPECT_TRUE(Parse(repeat("x", 1 << 20)).ok());
}

}  // namespace
}  // namespace auspex::query
