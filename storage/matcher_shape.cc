#include "matcher_shape.h"

#include <cctype>
#include <cstring>
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

// Flags are no part of an expression: a `?` behind them may be about what stands before them.
bool HasFlags(std::string_view pattern) {
  for (size_t at = pattern.find("(?"); at != std::string_view::npos; at = pattern.find("(?", at + 2)) {
    if (pattern.substr(at, 3) != "(?:") return true;
  }
  return false;
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

// The place behind the group that begins at `at`, or npos when it is not plain enough to tell.
size_t EndOfGroup(std::string_view pattern, size_t at) {
  size_t depth = 0;
  for (; at < pattern.size(); ++at) {
    const char c = pattern[at];
    if (c == '(') {
      // Flags reach beyond their group.
      if (at + 1 < pattern.size() && pattern[at + 1] == '?' && pattern.substr(at, 3) != "(?:") return std::string_view::npos;
      ++depth;
    } else if (c == ')') {
      if (--depth == 0) return at + 1;
    } else if (c == '[' || c == '\\') {
      return std::string_view::npos;
    }
  }
  return std::string_view::npos;
}

// The place behind the class that begins at `at`, or npos when it is not plain enough to tell.
size_t EndOfClass(std::string_view pattern, size_t at) {
  const size_t first = at + (pattern.substr(at, 2) == "[^" ? 2 : 1);
  const size_t end = pattern.find_first_of("[]\\", first);
  const bool plain = end != std::string_view::npos && end > first && pattern[end] == ']';
  return plain ? end + 1 : std::string_view::npos;
}

// A text that is part of every value that a regular expression accepts; the longest that is easily seen, "" if none is.
std::string RequiredPart(std::string_view pattern) {
  std::string longest;
  std::string run;
  const auto end_run = [&] {
    if (run.size() > longest.size()) longest = run;
    run.clear();
  };
  for (size_t at = 0; at < pattern.size();) {
    const char c = pattern[at];
    if (c == '|' || c == ')' || static_cast<unsigned char>(c) >= 0x80) return "";
    if (c == '(' || c == '[') {
      end_run();
      at = c == '(' ? EndOfGroup(pattern, at) : EndOfClass(pattern, at);
      if (at == std::string_view::npos) return "";
    } else if (c == '*' || c == '?' || c == '{') {
      // What stands before may be missing.
      if (!run.empty()) run.pop_back();
      end_run();
      at = c == '{' ? pattern.find('}', at) : at;
      if (at == std::string_view::npos) return "";
      ++at;
    } else if (c == '+' || c == '.' || c == '^' || c == '$') {
      end_run();
      ++at;
    } else if (c == '\\') {
      // Before a sign it means the sign itself; before a letter, many things.
      if (at + 1 == pattern.size() || std::ispunct(static_cast<unsigned char>(pattern[at + 1])) == 0) return "";
      run.push_back(pattern[at + 1]);
      at += 2;
    } else {
      run.push_back(c);
      ++at;
    }
  }
  end_run();
  return longest;
}

// Signs that `.` is certain to match, one byte each.
bool IsAscii(std::string_view text) {
  unsigned char high = 0;
  for (const char c : text) high |= static_cast<unsigned char>(c);
  return high < 0x80;
}

// As text.find(part), which is made for long texts: label values are not.
size_t Find(std::string_view text, std::string_view part, size_t from) {
  if (part.size() < sizeof(uint32_t)) return text.find(part, from);
  uint32_t wanted = 0;
  std::memcpy(&wanted, part.data(), sizeof(wanted));
  for (size_t at = from; at + part.size() <= text.size(); ++at) {
    uint32_t found = 0;
    std::memcpy(&found, text.data() + at, sizeof(found));
    if (found == wanted && text.substr(at, part.size()) == part) return at;
  }
  return std::string_view::npos;
}

}  // namespace

MatcherShape::MatcherShape(const Matcher& matcher) {
  if (matcher.regex() == nullptr) {
    literals_ = {matcher.value()};
    prefix_ = matcher.value();
    part_ = matcher.value();
  } else {
    ReadExpression(matcher.value());
    part_ = RequiredPart(matcher.value());
    ReadSimple(matcher.value());
  }
}

void MatcherShape::ReadSimple(std::string_view pattern) {
  const auto side = [](std::string_view text) {
    return text == ".*" ? Side::kAnything : text == ".+" ? Side::kSomething : Side::kNothing;
  };
  Simple simple{side(pattern.substr(0, 2)), Side::kNothing};
  size_t at = simple.before == Side::kNothing ? 0 : 2;
  const std::string text = TakeText(pattern, at);
  simple.behind = side(pattern.substr(at));
  if (simple.behind != Side::kNothing) at = pattern.size();
  if (at < pattern.size() || text != part_) return;
  simple_ = simple;
}

std::optional<bool> MatcherShape::Accepts(std::string_view value) const {
  if (!value.starts_with(prefix_)) return false;
  if (!simple_) {
    if (Find(value, part_, 0) == std::string_view::npos) return false;
    return std::nullopt;
  }
  const size_t least_before = simple_->before == Side::kSomething ? 1 : 0;
  const size_t least_behind = simple_->behind == Side::kSomething ? 1 : 0;
  if (value.size() < least_before + part_.size() + least_behind) return false;
  size_t at = 0;
  if (simple_->before != Side::kNothing) {
    at = simple_->behind == Side::kNothing ? value.size() - part_.size() : Find(value, part_, least_before);
  }
  if (at == std::string_view::npos || value.substr(at, part_.size()) != part_) return false;
  const size_t behind = value.size() - at - part_.size();
  if (behind < least_behind || (simple_->behind == Side::kNothing && behind > 0)) return false;
  if (!IsAscii(value)) return std::nullopt;
  return true;
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
  if (!AlternativesAreInParentheses(pattern) || HasFlags(pattern)) return;
  at = 0;
  prefix_ = TakeText(pattern, at);
  // What follows may make the last character optional.
  if (at < pattern.size() && (pattern[at] == '*' || pattern[at] == '?' || pattern[at] == '{')) DropLastCharacter(prefix_);
}

}  // namespace auspex::storage
