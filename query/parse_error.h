#pragma once

#include <string>
#include <string_view>

#include "auspex/storage/base/result.h"

namespace auspex::query {

/// The first byte from `at` on that is neither blank nor part of a comment.
size_t SkipBlanks(std::string_view text, size_t at);

/// "1:7: parse error: <message>" for the byte `at` of `text`; the column is counted in characters from 1.
Status ParseError(std::string_view text, size_t at, std::string_view message);

/// The word or sign at `at` as Prometheus names it in errors: `identifier "foo"`, `<op:+>`, `<by>`, `"("`, "end of input".
std::string DescribeToken(std::string_view text, size_t at);

/// What went wrong at `at`, where the grammar wanted something else: an open parenthesis or string is said before
/// "unexpected <token>". `wanted` is "context|what", either of which may be empty.
std::string DescribeUnexpected(std::string_view text, size_t at, std::string_view wanted);

}  // namespace auspex::query
