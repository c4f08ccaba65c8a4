#pragma once

#include <nlohmann/json.hpp>

#include "auspex/analytics/insight.h"

namespace auspex::analytics {

/// {"job": "api", ...}
nlohmann::json LabelsToJson(const Labels& labels);
/// Errors: InvalidArgument naming `field`.
Result<Labels> LabelsFromJson(const nlohmann::json& json, std::string_view field);
/// A number; "NaN", "+Inf" and "-Inf" as texts, for which JSON has no numbers.
nlohmann::json NumberToJson(double value);
Result<double> NumberFromJson(const nlohmann::json& json, std::string_view field);
/// The text as JSON, or InvalidArgument; nesting is bounded.
Result<nlohmann::json> ParseJson(std::string_view text);

}  // namespace auspex::analytics
