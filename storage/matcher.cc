#include "auspex/storage/matcher.h"

#include <re2/re2.h>

namespace auspex {
namespace {

constexpr std::string_view kSymbols[] = {"=", "!=", "=~", "!~"};

}  // namespace

Result<Matcher> Matcher::Make(Op op, std::string name, std::string value) {
  Matcher matcher;
  matcher.op_ = op;
  matcher.name_ = std::move(name);
  matcher.value_ = std::move(value);
  if (op == Op::kRegex || op == Op::kNotRegex) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_dot_nl(true);  // as Prometheus: `.` matches a line break in a label value
    // By itself first, where it matters: within our parentheses, ")(" would parse.
    const bool closes = matcher.value_.find(')') != std::string::npos;
    const std::string grouped = "(?:" + matcher.value_ + ")";
    auto regex = std::make_shared<const RE2>(closes ? matcher.value_ : grouped, options);
    if (closes && regex->ok()) regex = std::make_shared<const RE2>(grouped, options);
    if (!regex->ok()) {
      return InvalidArgument("matcher {}: regular expression does not parse: {}", matcher.ToString(), regex->error());
    }
    matcher.regex_ = std::move(regex);
  }
  return matcher;
}

Matcher Matcher::Of(Op op, std::string name, std::string value) { return Make(op, std::move(name), std::move(value)).value(); }

bool Matcher::Matches(std::string_view value) const {
  switch (op_) {
    case Op::kEqual: return value == value_;
    case Op::kNotEqual: return value != value_;
    case Op::kRegex: return RE2::FullMatch(value, *regex_);
    case Op::kNotRegex: return !RE2::FullMatch(value, *regex_);
  }
  return false;
}

std::string Matcher::ToString() const {
  std::string quoted;
  for (const char c : value_) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    if (c == '\n') {
      quoted += "\\n";
    } else {
      quoted.push_back(c);
    }
  }
  return fmt::format("{}{}\"{}\"", name_, kSymbols[static_cast<int>(op_)], quoted);
}

}  // namespace auspex
