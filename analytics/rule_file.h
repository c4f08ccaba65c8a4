#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/query/value.h"
#include "auspex/storage/base/result.h"
#include "rule.h"

namespace auspex::analytics {

/// The type of an expression, or why it has none: query::Engine::Check. Empty: expressions are believed.
using CheckExpression = std::function<Result<query::ValueType>(std::string_view)>;

/// Reads a rule file: that of Prometheus, with the third rule kind `insight`. All of it is right, or nothing comes back.
/// Errors: InvalidArgument "line:column: group g, rule r: ...", the first that is met.
Result<std::vector<RuleGroup>> LoadRuleGroups(std::string_view yaml, const CheckExpression& check);

/// One rule alone, so that errors have the places of this text. Errors: as LoadRuleGroups.
Status CheckRule(std::string_view group, std::string_view rule_yaml, const CheckExpression& check);

/// `group_yaml` (a file with one group, or "" for none) with the rule named `name` replaced by `rule_yaml`, or added at the
/// end. Errors: InvalidArgument when `rule_yaml` is not one rule of that name.
Result<std::string> PutRuleInto(std::string_view group_yaml, std::string_view group, std::string_view name,
                                std::string_view rule_yaml);
/// Without the rules of that name. Errors: NotFound.
Result<std::string> RemoveRuleFrom(std::string_view group_yaml, std::string_view name);

}  // namespace auspex::analytics
