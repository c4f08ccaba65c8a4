#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "auspex/storage/write_batch.h"
#include "rocks.h"

namespace auspex::storage {

/// Metadata as bytes: of a record whose key is the metric's name. docs/format/keys.md.
std::string EncodeMetadata(const MetricMetadata& metadata);
/// Errors: Corruption.
Result<MetricMetadata> DecodeMetadata(std::string_view metric, std::string_view value);

/// Senders repeat what they say of their metrics every minute; only what is new is written. One thread at a time.
class MetadataTable {
 public:
  /// Adds what is not known to be stored to `batch`.
  void Put(TenantId tenant, const MetricMetadata& metadata, Rocks& rocks, rocksdb::WriteBatch& batch);

 private:
  // Hash of (tenant, metric) -> hash of what is stored. No more than a memory: forgetting costs a write.
  std::unordered_map<uint64_t, uint64_t> written_;
};

}  // namespace auspex::storage
