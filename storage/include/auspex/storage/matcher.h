#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "auspex/storage/base/result.h"
#include "auspex/storage/labels.h"

namespace re2 {
class RE2;
}

namespace auspex {

/// One condition on a label: `=`, `!=`, `=~`, `!~`. Regular expressions are RE2's and fully anchored; an absent label
/// has the value "". Immutable, thread-safe, cheap to copy.
class Matcher {
 public:
  enum class Op : uint8_t { kEqual, kNotEqual, kRegex, kNotRegex };

  /// Errors: InvalidArgument for a regular expression that does not parse (says where).
  static Result<Matcher> Make(Op op, std::string name, std::string value);
  /// For code and tests whose regular expression is known to be valid.
  static Matcher Of(Op op, std::string name, std::string value);

  bool Matches(std::string_view value) const;
  bool Matches(const Labels& labels) const { return Matches(labels.Get(name_)); }
  /// Whether an absent label passes.
  bool MatchesEmpty() const { return Matches(std::string_view()); }

  Op op() const { return op_; }
  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }
  /// Null unless op() is a regular expression.
  const re2::RE2* regex() const { return regex_.get(); }
  /// `job=~"api|web"`.
  std::string ToString() const;

  friend bool operator==(const Matcher& a, const Matcher& b) {
    return a.op_ == b.op_ && a.name_ == b.name_ && a.value_ == b.value_;
  }

 private:
  Matcher() = default;
  Op op_ = Op::kEqual;
  std::string name_;
  std::string value_;
  std::shared_ptr<const re2::RE2> regex_;
};

}  // namespace auspex
