#include "tests/support/random_query.h"

namespace auspex::testing {

std::string RandomQuery::Number() {
  return Pick({"0",    "1",      "-1",
               "3.25", "0x1f",   "017",
               "1e3",  "1e-7",   "1_000",
               ".5",   "Inf",    "-inf",
               "NaN",  "5m",     "1h30m",
               "-90s", "0.1",    "12345678901234567890",
               "1e22", "5e-324", "1.7976931348623157e308"});
}

std::string RandomQuery::Text() {
  return Pick({"\"a\"", "'b'", "`c\\n`", R"("q\"uo\\te")", R"('\'')", R"("\n\t\x41\101\u00e4\U0001F600")", "\"\"",
               R"("\xff\000")", "\"ä # no comment\"", "\"a|b.*\""});
}

std::string RandomQuery::Selector() {
  std::string selector = Pick({"up", "job:x:rate5m", "sum", "offset", "and", "by", "_a1", "start", "fill", ""});
  if (selector.empty() || Chance(40)) {
    selector += selector.empty() ? Pick({"{a=\"x\"", "{\"a.b\"", "{__name__=~\"x.*\"", "{\"a b\"!=\"\""})
                                 : Pick({"{", "{b=\"\"", "{c!~\"x\""});
    if (selector.back() != '{' && Chance(50)) selector += Pick({", d=\"e\"", ",on='f'", ",\"g.h\"=~`i+`"});
    if (selector.back() != '{' && Chance(20)) selector += ",";
    selector += "}";
  }
  return selector;
}

std::string RandomQuery::Duration() {
  return Pick({"5m", "1d2h", "300", "1.5", "1y", "2w", "10ms", "5m+1m", "(2*30s)", "step()", "max(step(),1m)", "range()/2+1s",
               "2^3", "1h%7m", "-1m+2m", "+5m"});
}

std::string RandomQuery::Modifiers() {
  const std::string offset =
      " offset " + Pick({"5m", "-1h", "300", "+1m", "(1m+2s)", "-(step()*2)", "step()", "-range()", "0s"});
  const std::string at = " @ " + Pick({"1609746000", "-1.5", "1e3", "start()", "end( )", "5m"});
  switch (Below(6)) {
    case 0:
      return offset;
    case 1:
      return at;
    case 2:
      return offset + at;
    case 3:
      return at + offset;
    default:
      return "";
  }
}

std::string RandomQuery::Labels() { return Pick({"()", "(a)", "( a , b )", "(by,on,sum,)", "(\"x.y\", z)"}); }

std::string RandomQuery::Aggregation(int depth) {
  const std::string grouping = Chance(60) ? Pick({" by ", " without ", " BY "}) + Labels() : "";
  const bool parameter = Chance(40);
  const std::string name = parameter ? Pick({"topk", "bottomk", "quantile", "count_values", "limitk", "limit_ratio"})
                                     : Pick({"sum", "avg", "count", "min", "max", "group", "stddev", "stdvar", "SUM"});
  const std::string arguments = "(" + (parameter ? Expression(0) + ", " : "") + Expression(depth - 1) + ")";
  return Chance(50) ? name + grouping + arguments : name + arguments + grouping;
}

std::string RandomQuery::Call(int depth) {
  std::string call = Pick({"rate", "abs", "label_replace", "time", "no_such_function", "start"}) + "(";
  const size_t count = Below(4);
  for (size_t i = 0; i < count; ++i) call += (i > 0 ? ", " : "") + Expression(depth - 1);
  return call + ")";
}

std::string RandomQuery::Operation(int depth) {
  std::string op = Pick({"+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<", ">= bool", "<=", "and", "or", "UNLESS"});
  if (Chance(30)) {
    op += Pick({" on ", " ignoring "}) + Labels();
    if (Chance(50)) op += Pick({" group_left ", " group_right "}) + (Chance(50) ? Labels() : "");
  }
  if (Chance(10)) op += Pick({" fill (0)", " fill_left(-1)", " fill_left(1) fill_right(NaN)"});
  // Without a blank, a grouping's missing labels would be read from the right side's parenthesis.
  std::string right = Expression(depth - 1);
  if (right[0] == '(') right = "x + " + right;
  return Expression(depth - 1) + " " + op + " " + right;
}

std::string RandomQuery::Expression(int depth) {
  switch (depth <= 0 ? Below(4) : Below(11)) {
    case 0:
      return Number();
    case 1:
      return Text();
    case 2:
      return Selector() + Modifiers();
    case 3:
      return Selector() + "[" + Duration() + "]" + Modifiers();
    case 4:
      return Pick({"-", "+", "--", "- "}) + Expression(depth - 1);
    case 5:
      return "(" + Expression(depth - 1) + ")";
    case 6:
      return "(" + Expression(depth - 1) + ")[" + Duration() + ":" + (Chance(50) ? Duration() : "") + "]" + Modifiers();
    case 7:
      return Aggregation(depth);
    case 8:
      return Call(depth);
    default:
      return Operation(depth);
  }
}

std::string RandomQuery::Mutated(int depth) {
  std::string text = Expression(depth);
  for (size_t edits = 1 + Below(4); edits > 0 && !text.empty(); --edits) {
    const size_t at = Below(text.size());
    switch (Below(5)) {
      case 0:
        text.erase(at, 1 + Below(3));
        break;
      case 1:
        text.insert(at, 1, text[Below(text.size())]);
        break;
      case 2:
        text[at] = Bytes(1)[0];
        break;
      case 3:
        text.insert(at, text.substr(Below(text.size()), Below(8)));
        break;
      default:
        text.insert(at, Pick({"(", ")", "{", "}", "[", "]", "\"", "offset", "@", " by ", "#", ",", "5m", "\n"}));
        break;
    }
  }
  return text;
}

std::string RandomQuery::Bytes(size_t length) {
  static constexpr char kAlphabet[] = "(){}[]\"'`,=~!<>+-*/%^@#:. \n05mhsumbyaonend_\\x";
  std::string bytes;
  for (size_t i = 0; i < length; ++i) {
    bytes.push_back(Chance(50) ? kAlphabet[Below(sizeof kAlphabet - 1)] : static_cast<char>(Below(256)));
  }
  return bytes;
}

}  // namespace auspex::testing
