// Any bytes as what a request to the API carries: a form, a selector, a body of JSON, YAML or protobuf. The first byte chooses
// the route. Whatever comes is answered with a status that says whose fault it was, and never with a 5xx.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <snappy.h>

#include "auspex/storage/base/check.h"
#include "server/routes.h"

namespace {

using namespace auspex;
using namespace auspex::server;

struct Target {
  const char* method;
  const char* path;
  enum class Carries : uint8_t { kParameters, kSelector, kBody, kSnappyBody } carries;
};

constexpr Target kTargets[] = {
    {"POST", "/api/v1/read", Target::Carries::kSnappyBody},
    {"POST", "/api/v1/events", Target::Carries::kBody},
    {"POST", "/api/v1/query", Target::Carries::kParameters},
    {"GET", "/api/v1/query_range", Target::Carries::kParameters},
    {"GET", "/api/v1/series", Target::Carries::kSelector},
    {"GET", "/api/v1/labels", Target::Carries::kSelector},
    {"GET", "/api/v1/label/a/values", Target::Carries::kParameters},
    {"GET", "/api/v1/query_exemplars", Target::Carries::kParameters},
    {"GET", "/api/v1/parse_query", Target::Carries::kParameters},
    {"GET", "/api/v1/format_query", Target::Carries::kParameters},
    {"POST", "/api/v1/admin/tsdb/delete_series", Target::Carries::kSelector},
    {"GET", "/api/v1/insights", Target::Carries::kParameters},
    {"GET", "/api/v1/events", Target::Carries::kParameters},
    {"GET", "/api/v1/metadata", Target::Carries::kParameters},
    {"GET", "/api/v1/explain_anomaly", Target::Carries::kParameters},
    {"PUT", "/api/v1/continuous_queries/g/n", Target::Carries::kBody},
    {"POST", "/api/v1/continuous_queries/g/n/backtest", Target::Carries::kBody},
};

/// A database in memory with a few series, behind all routes.
class Server {
 public:
  Server()
      : service_(Clock::System()),
        router_({.listen_host = "127.0.0.1", .loopback = true, .allowed_hosts = {}, .cors_origins = {}}, service_.metrics(),
                Clock::System(), 1 << 20) {
    Options options;
    options.in_memory = true;
    options.memory_budget_bytes = uint64_t{64} << 20;
    options.threads = 1;
    options.query_timeout_ms = 200;
    options.query_max_samples = 20'000;
    database_ = Database::Open(options).value();
    service_.Attach(*database_);
    AddRoutes(router_, service_);
  }
  int Ask(const Target& target, std::string_view bytes) {
    // What was deleted comes back.
    WriteBatch batch;
    for (const char* name : {"up", "x", "y_total"}) {
      const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", name}, {"a", name}}));
      for (int64_t k = 0; k < 5; ++k) batch.Add(ref, k * 60'000, static_cast<double>(k * k % 7));
    }
    AUSPEX_CHECK(database_->Append(batch).ok());
    Request request;
    request.method = target.method;
    request.path = target.path;
    request.headers.Add("host", "localhost");
    switch (target.carries) {
      case Target::Carries::kParameters:
        if (!ParseForm(bytes, request.parameters).ok()) return 400;
        break;
      case Target::Carries::kSelector:
        request.parameters.Add("match[]", std::string(bytes));
        break;
      case Target::Carries::kBody:
        request.body = bytes;
        break;
      case Target::Carries::kSnappyBody:
        snappy::Compress(bytes.data(), bytes.size(), &request.body);
    }
    RecordedResponse response;
    router_.Handle(request, response);
    return response.status();
  }

 private:
  Service service_;
  Router router_;
  std::unique_ptr<Database> database_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Server* const server = new Server();  // lives as long as the process
  if (size == 0) return 0;
  const Target& target = kTargets[data[0] % std::size(kTargets)];
  const int status = server->Ask(target, {reinterpret_cast<const char*>(data) + 1, size - 1});
  AUSPEX_CHECK(status < 500 || status == 503);  // 503: a query took too long
  return 0;
}
