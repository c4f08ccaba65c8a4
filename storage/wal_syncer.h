#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include <rocksdb/db.h>

#include "auspex/storage/base/result.h"

namespace auspex::storage {

/// Brings written log bytes to the disk: by group commit when a writer waits, by the clock when none does. Thread-safe.
class WalSyncer {
 public:
  /// How old a written byte may get before it is synced in the background.
  static constexpr int64_t kIntervalMs = 200;

  /// `each_interval` is called by the background thread, after its sync. `failed` is told the first failed sync.
  WalSyncer(rocksdb::DB& db, bool sync_in_background, std::function<void()> each_interval, std::function<void(Status)> failed);
  ~WalSyncer();

  /// A batch was written to the log. Returns its number.
  uint64_t NoteWritten() { return written_.fetch_add(1, std::memory_order_acq_rel) + 1; }
  /// Returns when everything up to `number` is on disk. Writers that wait together share one sync.
  Status SyncTo(uint64_t number);
  Status SyncAll() { return SyncTo(written_.load(std::memory_order_acquire)); }

 private:
  void Run();

  rocksdb::DB& db_;
  const bool sync_in_background_;
  const std::function<void()> each_interval_;
  const std::function<void(Status)> failed_;
  std::atomic<uint64_t> written_{0};
  std::mutex mu_;
  std::condition_variable changed_;
  uint64_t synced_ = 0;
  bool syncing_ = false;
  bool stopping_ = false;
  Status failure_;
  std::thread thread_;
};

}  // namespace auspex::storage
