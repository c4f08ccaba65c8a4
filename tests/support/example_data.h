#pragma once

#include "auspex/storage/series_store.h"

namespace auspex::testing {

/// The evaluation time of the documentation's examples: 2026-03-01T12:00:00Z.
inline constexpr int64_t kExampleEndMs = 1'772'366'400'000;

/// Two hours, sampled every 15 s, of the series that documentation and function rows speak of: up, requests_total,
/// errors_total, build_info, latency_seconds_bucket, disk_free_bytes, node_filesystem_avail_bytes, temperature,
/// http_request_duration_seconds, http.server.duration, queue_length, node_load1, log_errors; and ten days of page_views.
Status LoadExampleData(SeriesStore& store);

}  // namespace auspex::testing
