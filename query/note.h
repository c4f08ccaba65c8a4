#pragma once

#include <string>
#include <string_view>

namespace auspex::query {

/// "1.5", "+Inf", "NaN": the shortest text that reads back as the same number, exponents from 1e+21 on.
std::string PrintValue(double value);
/// As PrintValue, never with an exponent: what count_values makes a label of.
std::string PrintPlainNumber(double value);

/// The text of the warning about a quantile outside of [0, 1].
std::string InvalidQuantileText(double q);

/// " (1:14)": where in the query's text byte `at` lies, as notes end.
std::string PlaceSuffix(std::string_view text, size_t at);

}  // namespace auspex::query
