#pragma once

#include <optional>
#include <string>
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

 private:
  void ReadExpression(std::string_view pattern);

  std::optional<std::vector<std::string>> literals_;
  std::string prefix_;
  std::string part_;
};

}  // namespace auspex::storage
