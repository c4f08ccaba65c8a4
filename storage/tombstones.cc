#include "tombstones.h"

#include "base/bytes.h"

namespace auspex::storage {
namespace {

constexpr uint8_t kVersion = 1;

}  // namespace

std::string TombstoneKey(uint64_t generation) {
  std::string key(kTombstonePrefix);
  AppendBigEndian(key, generation);
  return key;
}

std::string EncodeTombstone(const Tombstone& tombstone) {
  std::string out;
  out.push_back(static_cast<char>(kVersion));
  AppendVarint(out, tombstone.tenant);
  AppendSigned(out, tombstone.begin_ms);
  AppendSigned(out, tombstone.end_ms);
  return out + SerializeOrdinals(tombstone.series);
}

Result<Tombstone> DecodeTombstone(std::string_view key, std::string_view value) {
  if (key.size() != kTombstonePrefix.size() + 8 || !key.starts_with(kTombstonePrefix)) {
    return Corruption("tombstone: key of {} bytes, expected {}", key.size(), kTombstonePrefix.size() + 8);
  }
  Tombstone tombstone;
  tombstone.generation = ReadBigEndian<uint64_t>(key.data() + kTombstonePrefix.size());
  ByteReader reader(value);
  const uint8_t version = reader.Byte();
  if (reader.ok() && version != kVersion) {
    return Corruption("tombstone {}: version: stored {}, newest known {}", tombstone.generation, version, kVersion);
  }
  tombstone.tenant = static_cast<TenantId>(reader.Varint());
  tombstone.begin_ms = reader.Signed();
  tombstone.end_ms = reader.Signed();
  if (!reader.ok()) return Corruption("tombstone {}: {} bytes are too few", tombstone.generation, value.size());
  auto series = ParseOrdinals(reader.rest());
  if (!series.ok()) return Corruption("tombstone {}: series: {}", tombstone.generation, series.status().message());
  tombstone.series = *std::move(series);
  return tombstone;
}

std::vector<DeletedRanges::Kept> DeletedRanges::KeptOf(uint64_t generation, int64_t begin_ms, int64_t end_ms) const {
  std::vector<Kept> kept;
  if (begin_ms < end_ms) kept.push_back({begin_ms, end_ms});
  for (const Range& range : ranges_) {
    if (generation >= range.generation) continue;
    std::vector<Kept> rest;
    for (const Kept& part : kept) {
      if (range.end_ms <= part.begin_ms || part.end_ms <= range.begin_ms) {
        rest.push_back(part);
        continue;
      }
      if (part.begin_ms < range.begin_ms) rest.push_back({part.begin_ms, range.begin_ms});
      if (range.end_ms < part.end_ms) rest.push_back({range.end_ms, part.end_ms});
    }
    kept = std::move(rest);
  }
  return kept;
}

DeletedRanges Tombstones::Of(TenantId tenant, uint32_t ordinal) const {
  DeletedRanges deleted;
  for (const auto& tombstone : all_) {
    if (tombstone->tenant == tenant && tombstone->series.contains(ordinal)) {
      deleted.Add(tombstone->begin_ms, tombstone->end_ms, tombstone->generation);
    }
  }
  return deleted;
}

}  // namespace auspex::storage
