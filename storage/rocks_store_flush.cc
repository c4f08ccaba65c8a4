#include "rocks_store.h"

namespace auspex::storage {

Status RocksStore::Flush() {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckWritable());
  const std::lock_guard maintenance(maintenance_mu_);
  return FlushLocked();
}

Status RocksStore::Seal() {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckWritable());
  const std::lock_guard maintenance(maintenance_mu_);
  return SealLocked();
}

Status RocksStore::ApplyRetention() {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckWritable());
  const std::lock_guard maintenance(maintenance_mu_);
  return ApplyRetentionLocked();
}

Status RocksStore::FlushLocked() { return OkStatus(); }
Status RocksStore::SealLocked() { return OkStatus(); }
Status RocksStore::ApplyRetentionLocked() { return OkStatus(); }

}  // namespace auspex::storage
