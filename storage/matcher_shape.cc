#include "matcher_shape.h"

#include <cctype>
#include <utility>

namespace auspex::storage {
namespace {

constexpr std::string_view kMeta = "\\.+*?()|[]{}^$";

bool IsMeta(char c) { return kMeta.find(c) != std::string_view::npos; }

// Whether every `|` is certain to stand within parentheses. Character classes and escapes with a meaning of their own (\Q...)
// could hide one that is not.
bool AlternativesAreInParentheses(std::string_view pattern) {
  int depth = 0;
  bool certain = true;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      certain = certain && i + 1 < pattern.size() && std::isalnum(static_cast<unsigned char>(pattern[i + 1])) == 0;
      ++i;
    } else if (c == '[') {
      certain = false;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')') {
      --depth;
    } else if (c == '|' && (depth == 0 || !certain)) {
      return false;
    }
  }
  return true;
}

// The text that begins an expression, up to its first operator; `at` is left there.
std::string TakeText(std::string_view pattern, size_t& at) {
  std::string text;
  for (; at < pattern.size(); ++at) {
    if (!IsMeta(pattern[at])) {
      text.push_back(pattern[at]);
    } else if (pattern[at] == '\\' && at + 1 < pattern.size() && IsMeta(pattern[at + 1])) {
      text.push_back(pattern[++at]);
    } else {
      break;
    }
  }
  return text;
}

void DropLastCharacter(std::string& text) {
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80) text.pop_back();
  if (!text.empty()) text.pop_back();
}

}  // namespace

MatcherShape::MatcherShape(const Matcher& matcher) {
  if (matcher.regex() == nullptr) {
    literals_ = {matcher.value()};
    prefix_ = matcher.value();
  } else {
    ReadExpression(matcher.value());
  }
}

void MatcherShape::ReadExpression(std::string_view pattern) {
  std::string_view inner = pattern;
  if (inner.size() >= 2 && inner.front() == '(' && inner.back() == ')') inner = inner.substr(1, inner.size() - 2);
  std::vector<std::string> literals;
  size_t at = 0;
  literals.push_back(TakeText(inner, at));
  while (at < inner.size() && inner[at] == '|') literals.push_back(TakeText(inner, ++at));
  if (at == inner.size()) {
    if (literals.size() == 1) prefix_ = literals.front();
    literals_ = std::move(literals);
    return;
  }
  if (!AlternativesAreInParentheses(pattern)) return;
  at = 0;
  prefix_ = TakeText(pattern, at);
  // What follows may make the last character optional.
  if (at < pattern.size() && (pattern[at] == '*' || pattern[at] == '?' || pattern[at] == '{')) DropLastCharacter(prefix_);
}

}  // namespace auspex::storage
