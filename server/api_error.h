#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auspex/storage/base/result.h"
#include "http_message.h"

namespace auspex::server {

/// What an API call answers when it fails, in Prometheus' form:
/// {"status":"error","errorType":"bad_data","error":"..."}
struct ApiError {
  int http_status = 500;
  std::string_view type;  ///< a literal: "bad_data", "execution", "timeout", "canceled", "not_found", "internal", ...
  std::string text;
};

/// What a handler gives back: none when it has written an answer.
using ApiResult = std::optional<ApiError>;

ApiError BadData(std::string text);
/// `invalid parameter "step": ...`
ApiError BadParameter(std::string_view name, std::string_view text);
/// Of a question: 400 bad_data, 422 execution (also for limits), 503 timeout or canceled, 404, 500.
ApiError QueryError(const Status& status);
/// Of everything else: 400 bad_data, 404 not_found, 409 for what exists already, 507 when the disk is full,
/// 503 unavailable (read-only, closing), 500.
ApiError StoreError(const Status& status);

/// Of reading a body: 413 when it is larger than the limit once decompressed, else 400.
ApiError BodyError(const Status& status);

/// The body of an error answer.
std::string ErrorJson(std::string_view type, std::string_view text);
void WriteError(ResponseWriter& response, const ApiError& error);

}  // namespace auspex::server
