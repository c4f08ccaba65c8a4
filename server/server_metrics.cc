#include "server_metrics.h"

#include <fmt/format.h>

namespace auspex::server {

void ServerMetrics::CountRequest(std::string_view pattern, int status, int64_t duration_ns) {
  const double seconds = static_cast<double>(duration_ns) * 1e-9;
  const std::lock_guard lock(mu_);
  ++requests_[{std::string(pattern), status}];
  Latency& latency = latency_[std::string(pattern)];
  for (size_t i = 0; i < kBucketSeconds.size(); ++i) {
    if (seconds <= kBucketSeconds[i]) ++latency.buckets[i];
  }
  ++latency.count;
  latency.sum_seconds += seconds;
}

void ServerMetrics::CountIngest(std::string_view protocol, uint64_t accepted, uint64_t rejected, uint64_t skipped) {
  const std::lock_guard lock(mu_);
  Ingest& ingest = ingest_[std::string(protocol)];
  ingest.accepted += accepted;
  ingest.rejected += rejected;
  ingest.skipped += skipped;
}

void ServerMetrics::Print(std::string& out) const {
  const auto at = std::back_inserter(out);
  const std::lock_guard lock(mu_);
  out += "# TYPE auspex_http_requests_total counter\n";
  for (const auto& [key, count] : requests_) {
    fmt::format_to(at, "auspex_http_requests_total{{handler=\"{}\",code=\"{}\"}} {}\n", key.first, key.second, count);
  }
  out += "# TYPE auspex_http_request_duration_seconds histogram\n";
  for (const auto& [pattern, latency] : latency_) {
    for (size_t i = 0; i < kBucketSeconds.size(); ++i) {
      fmt::format_to(at, "auspex_http_request_duration_seconds_bucket{{handler=\"{}\",le=\"{}\"}} {}\n", pattern,
                     kBucketSeconds[i], latency.buckets[i]);
    }
    fmt::format_to(at, "auspex_http_request_duration_seconds_bucket{{handler=\"{}\",le=\"+Inf\"}} {}\n", pattern,
                   latency.count);
    fmt::format_to(at, "auspex_http_request_duration_seconds_sum{{handler=\"{}\"}} {}\n", pattern, latency.sum_seconds);
    fmt::format_to(at, "auspex_http_request_duration_seconds_count{{handler=\"{}\"}} {}\n", pattern, latency.count);
  }
  const auto per_protocol = [&](std::string_view name, auto member) {
    fmt::format_to(at, "# TYPE auspex_ingest_{} counter\n", name);
    for (const auto& [protocol, ingest] : ingest_) {
      fmt::format_to(at, "auspex_ingest_{}{{protocol=\"{}\"}} {}\n", name, protocol, ingest.*member);
    }
  };
  per_protocol("samples_total", &Ingest::accepted);
  per_protocol("rejected_total", &Ingest::rejected);
  per_protocol("skipped_total", &Ingest::skipped);
  const auto counter = [&](std::string_view name, const std::atomic<uint64_t>& value) {
    fmt::format_to(at, "# TYPE auspex_{0} counter\nauspex_{0} {1}\n", name, value.load(std::memory_order_relaxed));
  };
  counter("queries_total", queries);
  counter("queries_failed_total", queries_failed);
  counter("query_samples_total", query_samples);
  counter("ticks_total", ticks);
  counter("rule_evaluations_total", rules_evaluated);
  counter("rule_evaluation_failures_total", rules_failed);
  counter("rule_intervals_missed_total", intervals_missed);
  counter("insights_opened_total", insights_opened);
  counter("insights_closed_total", insights_closed);
}

}  // namespace auspex::server
