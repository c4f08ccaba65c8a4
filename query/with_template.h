#pragma once

#include <string>
#include <string_view>

#include "auspex/storage/base/result.h"

namespace auspex::query {

/// Whether a text begins with `WITH (`.
bool HasTemplates(std::string_view text);

/// Replaces the templates of `WITH (x = ..., f(a, b) = ..., common = {job="api"}) query` by what they stand for:
///   x              the expression, in parentheses
///   f(1, y)        the expression with its parameters replaced
///   m{common}      the matchers, among others
/// A definition sees those before it. No definition sees itself, so that the answer is finite; it is bounded in length.
/// Errors: InvalidArgument, with a place in the text given.
Result<std::string> ExpandTemplates(std::string_view text);

}  // namespace auspex::query
