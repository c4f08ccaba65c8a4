#include "metadata_table.h"

#include <xxhash.h>

#include "base/bytes.h"
#include "keys.h"

namespace auspex::storage {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kRememberedMetrics = 65'536;

}  // namespace

std::string EncodeMetadata(const MetricMetadata& metadata) {
  std::string out(1, static_cast<char>(kVersion));
  for (const std::string* text : {&metadata.type, &metadata.unit, &metadata.help}) {
    AppendVarint(out, text->size());
    out += *text;
  }
  return out;
}

Result<MetricMetadata> DecodeMetadata(std::string_view metric, std::string_view value) {
  MetricMetadata metadata;
  metadata.metric = metric;
  ByteReader reader(value);
  const uint8_t version = reader.Byte();
  if (reader.ok() && version != kVersion) {
    return Corruption("metadata of {}: version: stored {}, newest known {}", metric, version, kVersion);
  }
  for (std::string* text : {&metadata.type, &metadata.unit, &metadata.help}) *text = reader.Take(reader.Varint());
  if (!reader.Done()) return Corruption("metadata of {}: three texts do not fill {} bytes", metric, value.size());
  return metadata;
}

void MetadataTable::Put(TenantId tenant, const MetricMetadata& metadata, Rocks& rocks, rocksdb::WriteBatch& batch) {
  const std::string key = RecordKey(tenant, RecordKind::kMetadata, metadata.metric);
  const std::string value = EncodeMetadata(metadata);
  if (written_.size() >= kRememberedMetrics) written_.clear();
  const auto [at, added] = written_.emplace(XXH3_64bits(key.data(), key.size()), 0);
  const uint64_t hash = XXH3_64bits(value.data(), value.size());
  if (!added && at->second == hash) return;
  at->second = hash;
  AUSPEX_CHECK(batch.Put(rocks.family(Family::kRecords), key, value).ok());
}

}  // namespace auspex::storage
