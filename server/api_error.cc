#include "api_error.h"

#include "json_writer.h"

namespace auspex::server {

ApiError BadData(std::string text) { return {400, "bad_data", std::move(text)}; }

ApiError BadParameter(std::string_view name, std::string_view text) {
  return BadData(fmt::format("invalid parameter \"{}\": {}", name, text));
}

ApiError QueryError(const Status& status) {
  switch (status.code()) {
    case StatusCode::kInvalidArgument:
      return {400, "bad_data", status.message()};
    case StatusCode::kFailedPrecondition:
    case StatusCode::kUnsupported:
    case StatusCode::kResourceExhausted:
      return {422, "execution", status.message()};
    case StatusCode::kDeadlineExceeded:
      return {503, "timeout", status.message()};
    case StatusCode::kCancelled:
      return {503, "canceled", status.message()};
    case StatusCode::kNotFound:
      return {404, "not_found", status.message()};
    default:
      return {500, "internal", status.ToString()};
  }
}

ApiError StoreError(const Status& status) {
  switch (status.code()) {
    case StatusCode::kInvalidArgument:
      return {400, "bad_data", status.message()};
    case StatusCode::kNotFound:
      return {404, "not_found", status.message()};
    case StatusCode::kAlreadyExists:
      return {409, "conflict", status.message()};
    case StatusCode::kResourceExhausted:
      return {507, "unavailable", status.message()};
    case StatusCode::kFailedPrecondition:
      return {503, "unavailable", status.message()};
    case StatusCode::kDeadlineExceeded:
      return {503, "timeout", status.message()};
    case StatusCode::kCancelled:
      return {503, "canceled", status.message()};
    case StatusCode::kUnsupported:
      return {501, "unsupported", status.message()};
    default:
      return {500, "internal", status.ToString()};
  }
}

ApiError BodyError(const Status& status) {
  return {status.code() == StatusCode::kResourceExhausted ? 413 : 400, "bad_data", status.message()};
}

std::string ErrorJson(std::string_view type, std::string_view text) {
  std::string json = R"({"status":"error","errorType":)";
  AppendJsonString(json, type);
  json += R"(,"error":)";
  AppendJsonString(json, text);
  return json + "}";
}

void WriteError(ResponseWriter& response, const ApiError& error) {
  response.SetStatus(error.http_status);
  response.SetHeader("Content-Type", "application/json");
  response.Write(ErrorJson(error.type, error.text));
}

}  // namespace auspex::server
