#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "auspex/database.h"
#include "server_metrics.h"

namespace auspex::server {

/// Drives the database's continuous queries by the clock, on a thread of its own, and says what they find.
class Ticker {
 public:
  /// One line for a log.
  using Log = std::function<void(std::string_view line, bool is_error)>;

  /// Everything is borrowed.
  Ticker(Database& database, const Clock& clock, ServerMetrics& metrics, Log log);
  /// Waits for the tick under way.
  ~Ticker();

 private:
  void Run();
  void TickOnce();
  void OnRevision(const Insight& insight);

  Database& database_;
  const Clock& clock_;
  ServerMetrics& metrics_;
  const Log log_;
  std::unique_ptr<Subscription> subscription_;
  std::mutex mu_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mu_
  std::thread thread_;
};

}  // namespace auspex::server
