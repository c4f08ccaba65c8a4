#include "parse_error.h"

#include <algorithm>

#include "keyword.h"
#include "literal.h"

namespace auspex::query {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWordByte(char c) { return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':'; }
bool ContinuesCharacter(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// `"\"abc\""`, cut after ten bytes.
std::string QuoteShort(std::string_view text) {
  constexpr size_t kLongest = 10;
  return text.size() > kLongest ? Quote(text.substr(0, kLongest)) + "..." : Quote(text);
}

std::string DescribeWord(std::string_view word) {
  switch (KindOfWord(word)) {
    case WordKind::kOperator:
      return fmt::format("<op:{}>", word);
    case WordKind::kAggregator:
      return fmt::format("<aggr:{}>", word);
    case WordKind::kModifier:
    case WordKind::kMatching:
    case WordKind::kFill:
      return fmt::format("<{}>", word);
    case WordKind::kTimeName:
      return QuoteShort(word);
    case WordKind::kNumber:
      return fmt::format("number {}", Quote(word));
    case WordKind::kName:
      break;
  }
  return fmt::format("{} {}", word.find(':') == std::string_view::npos ? "identifier" : "metric identifier", Quote(word));
}

std::string DescribeNumber(std::string_view word) {
  return fmt::format("{} {}", ParseNumber(word).has_value() ? "number" : "duration", QuoteShort(word));
}

/// Behind the literal whose quote is at `at`, or npos when it does not end.
size_t FindStringEnd(std::string_view text, size_t at) {
  const char quote = text[at];
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == quote) return i + 1;
    if (quote != '`' && text[i] == '\n') break;
    if (quote != '`' && text[i] == '\\') ++i;
  }
  return std::string_view::npos;
}

bool IsQuote(char c) { return c == '"' || c == '\'' || c == '`'; }

/// What is open at the end of a text.
struct OpenBrackets {
  int parentheses = 0;
  int braces = 0;
  int brackets = 0;
};

OpenBrackets CountOpen(std::string_view text) {
  OpenBrackets open;
  for (size_t at = SkipBlanks(text, 0); at < text.size(); at = SkipBlanks(text, at)) {
    const char c = text[at++];
    open.parentheses += c == '(' ? 1 : c == ')' ? -1 : 0;
    open.braces += c == '{' ? 1 : c == '}' ? -1 : 0;
    open.brackets += c == '[' ? 1 : c == ']' ? -1 : 0;
    if (IsQuote(c)) at = std::min(FindStringEnd(text, at - 1), text.size());
  }
  return open;
}

/// The character at `at`, control characters escaped.
std::string CharacterAt(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && ContinuesCharacter(text[end])) ++end;
  const std::string quoted = Quote(text.substr(at, end - at));
  return text[at] == '"' ? "\"" : quoted.substr(1, quoted.size() - 2);
}

}  // namespace

size_t SkipBlanks(std::string_view text, size_t at) {
  while (at < text.size()) {
    if (text[at] == '#') {
      while (at < text.size() && text[at] != '\n' && text[at] != '\r') ++at;
    } else if (IsBlank(text[at])) {
      ++at;
    } else {
      break;
    }
  }
  return at;
}

Status ParseError(std::string_view text, size_t at, std::string_view message) {
  const std::string_view before = text.substr(0, at);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t line_begin = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const std::string_view in_line = before.substr(line_begin);
  const auto column = std::count_if(in_line.begin(), in_line.end(), [](char c) { return !ContinuesCharacter(c); }) + 1;
  return InvalidArgument("{}:{}: parse error: {}", line, column, message);
}

std::string DescribeToken(std::string_view text, size_t at) {
  at = SkipBlanks(text, at);
  if (at >= text.size()) return "end of input";
  size_t end = at;
  while (end < text.size() && IsWordByte(text[end])) ++end;
  const std::string_view word = text.substr(at, end - at);
  if (!word.empty() && IsDigit(word[0])) return DescribeNumber(word);
  if (!word.empty() && word[0] != ':') return DescribeWord(word);

  const char c = text[at];
  if (IsQuote(c)) return fmt::format("string {}", QuoteShort(text.substr(at, FindStringEnd(text, at) - at)));
  static constexpr std::string_view kOperators[] = {"==", "!=", "<=", ">=", "=~", "!~", "+", "-",
                                                    "*",  "/",  "%",  "^",  "<",  ">",  "@"};
  for (const std::string_view op : kOperators) {
    if (text.substr(at).starts_with(op)) return fmt::format("<op:{}>", op);
  }
  if (std::string_view("(){}[],=:").find(c) != std::string_view::npos) return Quote(text.substr(at, 1));
  return fmt::format("character: '{}'", CharacterAt(text, at));
}

std::string DescribeUnexpected(std::string_view text, size_t at, std::string_view wanted) {
  at = SkipBlanks(text, at);
  const OpenBrackets open = CountOpen(text.substr(0, at));
  if (at >= text.size()) {
    if (SkipBlanks(text, 0) >= text.size()) return "no expression found in input";
    if (open.braces > 0) return "unexpected end of input inside braces";
    if (open.brackets > 0) return "unclosed left bracket";
    if (open.parentheses > 0) return "unclosed left parenthesis";
  } else if (IsQuote(text[at]) && FindStringEnd(text, at) == std::string_view::npos) {
    return text[at] == '`' ? "unterminated raw string" : "unterminated quoted string";
  } else if (open.braces > 0 && std::string_view("()[]+-*/%^<>@:0123456789").find(text[at]) != std::string_view::npos) {
    return fmt::format("unexpected character inside braces: '{}'", CharacterAt(text, at));
  } else if (open.braces <= 0 && (text.substr(at, 2) == "=~" || text.substr(at, 2) == "!~")) {
    return fmt::format("unexpected character after '{}': '~'", text[at]);
  } else if (text[at] == ')' && open.parentheses <= 0) {
    return "unexpected right parenthesis ')'";
  } else if (text[at] == ']' && open.brackets <= 0) {
    return "unexpected right bracket ']'";
  }
  const size_t bar = wanted.find('|');
  if (bar == std::string_view::npos) return fmt::format("unexpected {}", DescribeToken(text, at));
  const std::string_view context = wanted.substr(0, bar);
  const std::string_view what = wanted.substr(bar + 1);
  std::string message = fmt::format("unexpected {}", DescribeToken(text, at));
  if (!context.empty()) message += fmt::format(" in {}", context);
  if (!what.empty()) message += fmt::format(", expected {}", what);
  return message;
}

}  // namespace auspex::query
