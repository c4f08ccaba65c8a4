#pragma once

#include <optional>
#include <vector>

#include "api_error.h"
#include "auspex/database.h"
#include "http_message.h"

namespace auspex::server {

// Readers of single parameters. Each returns an error in Prometheus' words, or fills `out` and returns none.

/// `out` stays as it is when the parameter is absent or empty.
ApiResult ReadTime(const Request& request, std::string_view name, int64_t& out);
ApiResult ReadOptionalTime(const Request& request, std::string_view name, std::optional<int64_t>& out);
/// For parameters that must be there.
ApiResult ReadRequiredTime(const Request& request, std::string_view name, int64_t& out);
ApiResult ReadDuration(const Request& request, std::string_view name, int64_t& out);
/// 0: no limit.
ApiResult ReadLimit(const Request& request, size_t& out);
/// The members of a JSON object in the body become parameters, lists and objects as their JSON; a body of another type is left
/// alone.
ApiResult ReadJsonBody(Request& request);
/// Every `match[]`; each must have a matcher that does not match the empty string.
ApiResult ReadSelectors(Database& database, const Request& request, std::vector<std::vector<Matcher>>& out);

}  // namespace auspex::server
