#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auspex/storage/base/result.h"

namespace auspex::query {

/// Whether `text` can stand as a label name without quotes: [a-zA-Z_][a-zA-Z0-9_]*.
bool IsPlainLabelName(std::string_view text);
/// The same for a metric name, which may hold colons.
bool IsPlainMetricName(std::string_view text);

/// `12`, `0x1f`, `017` (octal), `1_000`, `.5`, `1e3`: what Prometheus reads as a number; nothing when it is none or out of
/// range.
std::optional<double> ParseNumber(std::string_view text);
/// `8K`, `1.5Gi`, `10MiB`: a number with a power of 1000 or 1024; nothing when it is none. Beyond PromQL.
std::optional<double> ParseScaledNumber(std::string_view text);
/// Without exponent, with as many digits as give the same bits back: Prometheus' form of a number. `+Inf`, `-Inf`, `NaN`.
std::string PrintNumber(double value);

/// What a literal in '...', "..." (escapes as in Go) or `...` (none) stands for, quotes included in `text`.
/// Errors: InvalidArgument (without position).
Result<std::string> Unquote(std::string_view text);
/// A literal in double quotes that Unquote reads back.
std::string Quote(std::string_view text);

}  // namespace auspex::query
