#pragma once

#include "rule_file.h"
#include "rule_yaml.h"

namespace auspex::analytics {

/// Reads what only `insight` rules say into `rule.insight`; name, expr and durations are read already.
Status ReadInsightRule(const YAML::Node& node, const YamlReader& reader, const CheckExpression& check, Rule& rule);
/// `expr` at `node` must have one of the types, whose names the error lists.
Status CheckExpressionAt(const YAML::Node& node, const YamlReader& reader, std::string_view key, const CheckExpression& check,
                         bool scalar_too);
/// Label names and values, or annotations, as templates. `strict`: see Template::Parse.
Result<Rule::NamedTemplates> ReadTemplates(const YAML::Node& node, const YamlReader& reader, std::string_view key, bool strict);

}  // namespace auspex::analytics
