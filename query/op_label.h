#pragma once

#include <string>
#include <vector>

#include "operator.h"

namespace auspex::query {

/// `label_replace(v, target, replacement, source, regex)`.
/// Errors: FailedPrecondition for a regular expression or a label name that is not valid, as Prometheus finds them: late.
Result<OperatorPtr> MakeLabelReplace(OperatorPtr vector, std::string target, std::string replacement, std::string source,
                                     const std::string& regex);
/// `label_join(v, target, separator, sources...)`.
Result<OperatorPtr> MakeLabelJoin(OperatorPtr vector, std::string target, std::string separator,
                                  std::vector<std::string> sources);

/// Whether Prometheus takes `name` for a label's name: not empty, UTF-8.
bool IsLabelName(std::string_view name);

/// Fills `$1`, `${name}` and `$$` of a template from the groups of a match: the text that `label_replace` sets.
/// names: of the groups, "" for one without a name; groups[0] is the whole match.
std::string ExpandTemplate(std::string_view pattern, const std::vector<std::string_view>& groups,
                           const std::vector<std::string>& names);

}  // namespace auspex::query
