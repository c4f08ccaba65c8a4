#include "service.h"

namespace auspex::server {

Service::Service(const Clock& clock)
    : started_ms(clock.NowMs()),
      clock_(clock),
      series_cache_([this](const Labels& labels) { return database().Resolve(labels); }) {}

std::function<ApiResult(Request&, ResponseWriter&)> WithDatabase(Service& service, ServiceHandler handler) {
  return [&service, handler](Request& request, ResponseWriter& response) -> ApiResult {
    if (!service.ready()) return ApiError{503, "unavailable", "starting: the database is being opened"};
    return handler(service, request, response);
  };
}

std::function<ApiResult(Request&, ResponseWriter&)> WithoutDatabase(Service& service, ServiceHandler handler) {
  return [&service, handler](Request& request, ResponseWriter& response) { return handler(service, request, response); };
}

}  // namespace auspex::server
