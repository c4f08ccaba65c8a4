#include "wal_syncer.h"

#include <algorithm>
#include <chrono>

#include "rocks.h"

namespace auspex::storage {

WalSyncer::WalSyncer(rocksdb::DB& db, bool sync_in_background, std::function<void()> each_interval,
                     std::function<void(Status)> failed)
    : db_(db),
      sync_in_background_(sync_in_background),
      each_interval_(std::move(each_interval)),
      failed_(std::move(failed)),
      thread_([this] { Run(); }) {}

WalSyncer::~WalSyncer() {
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Status WalSyncer::SyncTo(uint64_t number) {
  std::unique_lock lock(mu_);
  while (synced_ < number) {
    if (!failure_.ok()) return failure_;
    if (syncing_) {
      changed_.wait(lock);
      continue;
    }
    syncing_ = true;
    const uint64_t target = written_.load(std::memory_order_acquire);
    lock.unlock();
    const Status status = FromRocks(db_.SyncWAL(), "sync of the log");
    lock.lock();
    syncing_ = false;
    if (status.ok()) {
      synced_ = std::max(synced_, target);
    } else if (failure_.ok()) {
      // After a failed sync nobody knows what the file holds: the first cause stays.
      failure_ = status;
      failed_(status);
    }
    changed_.notify_all();
  }
  return OkStatus();
}

void WalSyncer::Run() {
  std::unique_lock lock(mu_);
  while (!stopping_) {
    changed_.wait_for(lock, std::chrono::milliseconds(kIntervalMs), [this] { return stopping_; });
    if (stopping_) return;
    lock.unlock();
    // A failure is kept and told by SyncTo itself.
    if (sync_in_background_) static_cast<void>(SyncAll());
    each_interval_();
    lock.lock();
  }
}

}  // namespace auspex::storage
