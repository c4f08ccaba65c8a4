#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace auspex::server {

/// What the server counts of itself since it started, for /metrics. Thread-safe.
class ServerMetrics {
 public:
  /// `pattern`: of the route, so that the number of series is bounded.
  void CountRequest(std::string_view pattern, int status, int64_t duration_ns);
  void CountIngest(std::string_view protocol, uint64_t accepted, uint64_t rejected, uint64_t skipped);

  std::atomic<uint64_t> queries{0};
  std::atomic<uint64_t> queries_failed{0};
  std::atomic<uint64_t> query_samples{0};
  std::atomic<uint64_t> ticks{0};
  std::atomic<uint64_t> rules_evaluated{0};
  std::atomic<uint64_t> rules_failed{0};
  std::atomic<uint64_t> intervals_missed{0};
  std::atomic<uint64_t> insights_opened{0};
  std::atomic<uint64_t> insights_closed{0};

  /// Appends all of it in the text exposition format.
  void Print(std::string& out) const;

 private:
  static constexpr std::array<double, 9> kBucketSeconds = {0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120};
  struct Latency {
    std::array<uint64_t, kBucketSeconds.size()> buckets{};
    uint64_t count = 0;
    double sum_seconds = 0;
  };
  struct Ingest {
    uint64_t accepted = 0;
    uint64_t rejected = 0;
    uint64_t skipped = 0;
  };
  mutable std::mutex mu_;
  // Guarded by mu_.
  std::map<std::pair<std::string, int>, uint64_t> requests_;
  std::map<std::string, Latency, std::less<>> latency_;
  std::map<std::string, Ingest, std::less<>> ingest_;
};

}  // namespace auspex::server
