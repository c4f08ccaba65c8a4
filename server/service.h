#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "api_error.h"
#include "auspex/database.h"
#include "auspex/storage/base/clock.h"
#include "ingest.h"
#include "ingest_buffers.h"
#include "series_cache.h"
#include "server_metrics.h"

namespace auspex::server {

/// What the handlers work on. Thread-safe.
class Service {
 public:
  explicit Service(const Clock& clock);

  /// Until this is called, whatever needs the database answers 503. Borrows it until Detach.
  void Attach(Database& database) { database_ = &database; }
  /// When no request is under way any more.
  void Detach() { database_ = nullptr; }
  bool ready() const { return database_ != nullptr; }
  /// Only for handlers made by WithDatabase, and while ready().
  Database& database() { return *database_; }

  const Clock& clock() const { return clock_; }
  int64_t NowMs() const { return clock_.NowMs(); }
  ServerMetrics& metrics() { return metrics_; }
  SeriesCache& series_cache() { return series_cache_; }
  IngestBuffers& ingest_buffers() { return ingest_buffers_; }

  IngestLimits ingest_limits;
  size_t body_limit_bytes = 128 << 20;  ///< of a body, decompressed
  std::string backup_dir;  ///< where snapshots are made; empty: nowhere
  int64_t started_ms;
  std::map<std::string, std::string> flags;  ///< what the server was started with

 private:
  const Clock& clock_;
  ServerMetrics metrics_;
  std::atomic<Database*> database_{nullptr};
  SeriesCache series_cache_;
  IngestBuffers ingest_buffers_;
};

using ServiceHandler = ApiResult (*)(Service&, Request&, ResponseWriter&);
/// A handler that answers 503 while the database is not open.
std::function<ApiResult(Request&, ResponseWriter&)> WithDatabase(Service& service, ServiceHandler handler);
std::function<ApiResult(Request&, ResponseWriter&)> WithoutDatabase(Service& service, ServiceHandler handler);

}  // namespace auspex::server
