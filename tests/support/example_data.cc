#include "tests/support/example_data.h"

#include <cmath>
#include <functional>

namespace auspex::testing {
namespace {

constexpr int64_t kStepMs = 15'000;
constexpr int64_t kSteps = 480;

Status Load(SeriesStore& store, const Labels& labels, const std::function<double(int64_t)>& value) {
  AUSPEX_ASSIGN_OR_RETURN(const SeriesRef ref, store.Resolve(kDefaultTenant, labels));
  WriteBatch batch;
  for (int64_t step = 0; step <= kSteps; ++step) batch.Add(ref, kExampleEndMs - (kSteps - step) * kStepMs, value(step));
  return store.Append(batch).ok() ? OkStatus() : Internal("example data");
}

/// A counter that grows by `per_step`.
std::function<double(int64_t)> Counter(double per_step) {
  return [per_step](int64_t step) { return per_step * static_cast<double>(step); };
}

std::function<double(int64_t)> Constant(double value) {
  return [value](int64_t) { return value; };
}

/// Ten days of page views, every 15 min: a season of a day.
Status LoadPageViews(SeriesStore& store) {
  constexpr int64_t kQuarterMs = 15 * 60 * 1000;
  constexpr int64_t kCount = 10 * 96;
  AUSPEX_ASSIGN_OR_RETURN(const SeriesRef ref, store.Resolve(kDefaultTenant, Labels::Of({{"__name__", "page_views"}})));
  WriteBatch batch;
  for (int64_t i = 0; i < kCount; ++i) {
    const double phase = 2 * M_PI * static_cast<double>(i % 96) / 96;
    batch.Add(ref, kExampleEndMs - (kCount - 1 - i) * kQuarterMs,
              500 - 300 * std::cos(phase) + static_cast<double>(i * 37 % 11));
  }
  return store.Append(batch).ok() ? OkStatus() : Internal("example data");
}

}  // namespace

Status LoadExampleData(SeriesStore& store) {
  const auto load = [&](std::initializer_list<LabelView> labels, const std::function<double(int64_t)>& value) {
    return Load(store, Labels::Of(labels), value);
  };
  AUSPEX_RETURN_IF_ERROR(load({{"__name__", "up"}, {"job", "api"}, {"instance", "a:9100"}}, Constant(1)));
  AUSPEX_RETURN_IF_ERROR(load({{"__name__", "up"}, {"job", "api"}, {"instance", "b:9100"}}, Constant(1)));
  AUSPEX_RETURN_IF_ERROR(
      load({{"__name__", "target_info"}, {"job", "api"}, {"instance", "a:9100"}, {"os", "linux"}}, Constant(1)));
  const auto requests = [&](std::string_view code, std::string_view path, double per_step) {
    return load({{"__name__", "requests_total"}, {"job", "api"}, {"code", code}, {"path", path}}, Counter(per_step));
  };
  AUSPEX_RETURN_IF_ERROR(requests("200", "/v1/pay", 30));
  AUSPEX_RETURN_IF_ERROR(requests("200", "/v1/cart", 45));
  AUSPEX_RETURN_IF_ERROR(requests("500", "/v1/cart", 3));
  AUSPEX_RETURN_IF_ERROR(
      load({{"__name__", "errors_total"}, {"job", "api"}, {"code", "500"}, {"path", "/v1/cart"}, {"reason", "timeout"}},
           Counter(2)));
  AUSPEX_RETURN_IF_ERROR(load({{"__name__", "build_info"}, {"job", "api"}, {"version", "1.4"}}, Constant(1)));
  for (const auto& [le, per_step] : {std::pair<std::string_view, double>{"0.1", 20}, {"0.5", 60}, {"1", 74}, {"+Inf", 75}}) {
    AUSPEX_RETURN_IF_ERROR(load({{"__name__", "latency_seconds_bucket"}, {"le", le}}, Counter(per_step)));
  }
  // Full in an hour and a half.
  const auto draining = [](int64_t step) { return 1e9 - 1.2e6 * static_cast<double>(step); };
  AUSPEX_RETURN_IF_ERROR(load({{"__name__", "disk_free_bytes"}, {"device", "sda"}}, draining));
  AUSPEX_RETURN_IF_ERROR(load({{"__name__", "node_filesystem_avail_bytes"}, {"mountpoint", "/"}}, draining));
  // Quiet, until the last sample.
  const auto jump = [](int64_t step) { return step == kSteps ? 35.0 : 20 + std::sin(static_cast<double>(step) * 0.7); };
  AUSPEX_RETURN_IF_ERROR(load({{"__name__", "temperature"}, {"room", "north"}}, jump));
  AUSPEX_RETURN_IF_ERROR(load({{"__name__", "http_request_duration_seconds"}, {"job", "api"}}, jump));
  // A queue that grows at once, 25 minutes before the end, beside one that stays.
  const auto queue = [](int64_t step) { return 10 + std::sin(static_cast<double>(step)) + (step > kSteps - 100 ? 40.0 : 0.0); };
  AUSPEX_RETURN_IF_ERROR(load({{"__name__", "queue_length"}, {"queue", "pay"}}, queue));
  AUSPEX_RETURN_IF_ERROR(load({{"__name__", "queue_length"}, {"queue", "mail"}},
                              [](int64_t step) { return 5 + std::cos(static_cast<double>(step)); }));
  // Six machines, one of them hot.
  for (const auto& [instance, level] :
       {std::pair<std::string_view, double>{"a", 1.0}, {"b", 1.1}, {"c", 0.9}, {"d", 1.2}, {"e", 1.05}, {"f", 6.5}}) {
    AUSPEX_RETURN_IF_ERROR(load({{"__name__", "node_load1"}, {"instance", instance}, {"role", "web"}}, Constant(level)));
  }
  // An error that was never there before the last half minute.
  AUSPEX_RETURN_IF_ERROR(load({{"__name__", "log_errors"}, {"type", "timeout"}}, Constant(3)));
  AUSPEX_ASSIGN_OR_RETURN(const SeriesRef fresh,
                          store.Resolve(kDefaultTenant, Labels::Of({{"__name__", "log_errors"}, {"type", "disk full"}})));
  WriteBatch batch;
  for (int64_t step = 1; step <= 3; ++step) batch.Add(fresh, kExampleEndMs - (3 - step) * kStepMs, static_cast<double>(step));
  if (!store.Append(batch).ok()) return Internal("example data");
  AUSPEX_RETURN_IF_ERROR(LoadPageViews(store));
  return load({{"__name__", "http.server.duration"}, {"service.name", "checkout"}}, Constant(0.2));
}

}  // namespace auspex::testing
