#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/storage/matcher.h"

namespace auspex::storage {

/// What can be told of a matcher's values without running its expression. It speaks of the values that `=` or `=~` accepts,
/// also where the operator is a negation. Immutable.
class MatcherShape {
 public:
  explicit MatcherShape(const Matcher& matcher);

  /// Exactly the accepted values: of an equality, or of an expression such as `a|b|c`. None when they cannot be listed.
  const std::optional<std::vector<std::string>>& literals() const { return literals_; }
  /// Every accepted value begins with this.
  const std::string& prefix() const { return prefix_; }
  /// Every accepted value has this somewhere. A search for it costs a tenth of what the expression does.
  const std::string& part() const { return part_; }
  /// Whether a value is accepted; none when only the expression can tell. Costs about what looking for part() does.
  std::optional<bool> Accepts(std::string_view value) const;

 private:
  // What stands before or behind the text of an expression such as `api-.*`.
  enum class Side : uint8_t { kNothing, kAnything, kSomething };
  struct Simple {
    Side before;
    Side behind;
  };
  void ReadExpression(std::string_view pattern);
  void ReadSimple(std::string_view pattern);

  std::optional<std::vector<std::string>> literals_;
  std::string prefix_;
  std::string part_;
  std::optional<Simple> simple_;  // the expression is part_ and what this says
};

}  // namespace auspex::storage
