#include "with_template.h"

#include <map>
#include <optional>
#include <vector>

#include "parse_error.h"

namespace auspex::query {
namespace {

constexpr size_t kMostBytes = 1 << 20;
constexpr int kMostNested = 20;

bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':'; }
bool IsNameByte(char c) { return IsNameStart(c) || (c >= '0' && c <= '9'); }

struct Definition {
  std::vector<std::string> parameters;
  bool callable = false;
  std::string body;
};
using Definitions = std::map<std::string, Definition, std::less<>>;

std::string_view Trimmed(std::string_view text) {
  text.remove_prefix(SkipBlanks(text, 0));
  while (!text.empty() && std::string_view(" \t\r\n").find(text.back()) != std::string_view::npos) text.remove_suffix(1);
  return text;
}

// Behind the string literal whose quote is at `at`.
size_t BehindString(std::string_view text, size_t at) {
  const char quote = text[at++];
  while (at < text.size() && text[at] != quote) at += text[at] == '\\' && quote != '`' ? 2 : 1;
  return std::min(at + 1, text.size());
}

bool IsQuote(char c) { return c == '"' || c == '\'' || c == '`'; }

// Where, outside of strings, comments and inner brackets, one of `ends` comes next; the text's length when none does.
size_t FindOutside(std::string_view text, size_t at, std::string_view ends) {
  int depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '#') {
      at = SkipBlanks(text, at);
      continue;
    }
    if (IsQuote(c)) {
      at = BehindString(text, at);
      continue;
    }
    if (depth == 0 && ends.find(c) != std::string_view::npos) return at;
    if (c == '(' || c == '{' || c == '[') ++depth;
    if (c == ')' || c == '}' || c == ']') --depth;
    ++at;
  }
  return at;
}

std::string_view NameAt(std::string_view text, size_t at) {
  size_t end = at;
  if (end < text.size() && IsNameStart(text[end])) {
    while (end < text.size() && IsNameByte(text[end])) ++end;
  }
  return text.substr(at, end - at);
}

// `up`, `up{...}`, `{...}`.
bool IsSelectorText(std::string_view text) {
  const size_t brace = SkipBlanks(text, NameAt(text, 0).size());
  if (brace >= text.size()) return !text.empty();
  return text[brace] == '{' && FindOutside(text, brace + 1, "}") + 1 == text.size();
}

bool IsWith(std::string_view word) {
  return word.size() == 4 && (word[0] | 0x20) == 'w' && (word[1] | 0x20) == 'i' && (word[2] | 0x20) == 't' &&
         (word[3] | 0x20) == 'h';
}

// The open parenthesis of a WITH at `at`, or npos.
size_t ParenOfWith(std::string_view text, size_t at) {
  const std::string_view word = NameAt(text, at);
  if (!IsWith(word)) return std::string_view::npos;
  const size_t paren = SkipBlanks(text, at + word.size());
  return paren < text.size() && text[paren] == '(' ? paren : std::string_view::npos;
}

// The pieces of "a, b, c" between parentheses; `at` is behind the open one and is left behind the closing one.
std::optional<std::vector<std::string>> TakeList(std::string_view text, size_t& at) {
  std::vector<std::string> pieces;
  while (true) {
    const size_t end = FindOutside(text, at, ",)");
    if (end >= text.size()) return std::nullopt;
    const std::string_view piece = Trimmed(text.substr(at, end - at));
    if (!piece.empty() || text[end] == ',') pieces.emplace_back(piece);
    at = end + 1;
    if (text[end] == ')') return pieces;
  }
}

class Expander {
 public:
  explicit Expander(std::string_view whole) : whole_(whole) {}

  Result<std::string> Expand(std::string_view text, const Definitions& known, int nested) {
    if (nested > kMostNested) return Error("templates are more than {} levels deep", kMostNested);
    std::string out;
    bool in_braces = false;
    for (size_t at = 0; at < text.size();) {
      if (out.size() > kMostBytes) return Error("templates make a query of more than {} bytes", kMostBytes);
      const char c = text[at];
      if (c == '#') {
        at = SkipBlanks(text, at);
        out.push_back('\n');
      } else if (IsQuote(c)) {
        const size_t end = BehindString(text, at);
        out += text.substr(at, end - at);
        at = end;
      } else if (c >= '0' && c <= '9') {  // `5m` holds no name
        while (at < text.size() && (IsNameByte(text[at]) || text[at] == '.')) out.push_back(text[at++]);
      } else if (!IsNameStart(c)) {
        in_braces = c == '{' || (in_braces && c != '}');
        out.push_back(c);
        ++at;
      } else {
        AUSPEX_RETURN_IF_ERROR(TakeName(text, at, known, nested, in_braces, out));
      }
    }
    if (out.size() > kMostBytes) return Error("templates make a query of more than {} bytes", kMostBytes);
    return out;
  }

 private:
  template <typename... Args>
  Status Error(fmt::format_string<Args...> format, Args&&... args) const {
    return ParseError(whole_, 0, fmt::format(format, std::forward<Args>(args)...));
  }

  Status TakeName(std::string_view text, size_t& at, const Definitions& known, int nested, bool in_braces, std::string& out) {
    if (!in_braces && ParenOfWith(text, at) != std::string_view::npos) return TakeWith(text, at, known, nested, out);
    const std::string_view name = NameAt(text, at);
    at += name.size();
    const auto found = known.find(name);
    const size_t next = SkipBlanks(text, at);
    const char behind = next < text.size() ? text[next] : '\0';
    // In braces, a name before an operator is a label.
    const bool is_label = in_braces && behind != ',' && behind != '}';
    if (found == known.end() || is_label) {
      out += name;
      return OkStatus();
    }
    const Definition& definition = found->second;
    if (in_braces) {
      const std::string_view body = Trimmed(definition.body);
      if (!body.starts_with('{') || !body.ends_with('}')) return Error("WITH: {} is not a list of matchers", name);
      out += body.substr(1, body.size() - 2);
      return OkStatus();
    }
    if (!definition.callable) {
      // A selector stays one, so that it can take a range.
      out += IsSelectorText(Trimmed(definition.body)) ? definition.body : "(" + definition.body + ")";
      return OkStatus();
    }
    if (behind != '(') return Error("WITH: {} takes arguments", name);
    at = next + 1;
    const auto arguments = TakeList(text, at);
    if (!arguments) return Error("WITH: the arguments of {} do not end", name);
    if (arguments->size() != definition.parameters.size()) {
      return Error("WITH: {} takes {} argument(s), found {}", name, definition.parameters.size(), arguments->size());
    }
    Definitions bound;
    for (size_t i = 0; i < arguments->size(); ++i) {
      AUSPEX_ASSIGN_OR_RETURN(std::string argument, Expand((*arguments)[i], known, nested + 1));
      bound[definition.parameters[i]] = Definition{{}, false, std::move(argument)};
    }
    AUSPEX_ASSIGN_OR_RETURN(const std::string body, Expand(definition.body, bound, nested + 1));
    out += "(" + body + ")";
    return OkStatus();
  }

  // `WITH (...) expression`, the expression reaching to the end of the text or of what encloses it.
  Status TakeWith(std::string_view text, size_t& at, const Definitions& known, int nested, std::string& out) {
    Definitions all = known;
    at = ParenOfWith(text, at) + 1;
    while (true) {
      at = SkipBlanks(text, at);
      if (at < text.size() && text[at] == ')') break;
      const std::string_view name = NameAt(text, at);
      if (name.empty()) return Error("WITH: expected a name");
      at = SkipBlanks(text, at + name.size());
      Definition definition;
      if (at < text.size() && text[at] == '(') {
        definition.callable = true;
        ++at;
        auto parameters = TakeList(text, at);
        if (!parameters) return Error("WITH: the parameters of {} do not end", name);
        definition.parameters = std::move(*parameters);
        at = SkipBlanks(text, at);
      }
      if (at >= text.size() || text[at] != '=') return Error("WITH: expected \"=\" behind {}", name);
      const size_t end = FindOutside(text, at + 1, ",)");
      if (end >= text.size()) return Error("WITH: the definition of {} does not end", name);
      // Its own parameters hide what has the same names.
      Definitions visible = all;
      for (const std::string& parameter : definition.parameters) visible.erase(parameter);
      AUSPEX_ASSIGN_OR_RETURN(definition.body, Expand(Trimmed(text.substr(at + 1, end - at - 1)), visible, nested + 1));
      all[std::string(name)] = std::move(definition);
      at = text[end] == ',' ? end + 1 : end;
    }
    const size_t begin = at + 1;
    at = FindOutside(text, begin, ",)}]");
    AUSPEX_ASSIGN_OR_RETURN(const std::string body, Expand(Trimmed(text.substr(begin, at - begin)), all, nested + 1));
    out += "(" + body + ")";
    return OkStatus();
  }

  const std::string_view whole_;
};

}  // namespace

bool HasTemplates(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '#') {
      at = SkipBlanks(text, at);
    } else if (IsQuote(text[at])) {
      at = BehindString(text, at);
    } else if (IsNameStart(text[at])) {
      if (ParenOfWith(text, at) != std::string_view::npos) return true;
      at += NameAt(text, at).size();
    } else {
      ++at;
    }
  }
  return false;
}

Result<std::string> ExpandTemplates(std::string_view text) { return Expander(text).Expand(text, {}, 0); }

}  // namespace auspex::query
