#include "archive_rows.h"

#include <algorithm>

#include "base/bytes.h"
#include "tombstones.h"

namespace auspex::storage {
namespace {

constexpr size_t kSegmentKeyBytes = 5;
constexpr size_t kNumberKeyBytes = 9;
constexpr size_t kNameAt = 11;  // behind kind, segment, tenant and the length of the name

}  // namespace

std::string ArchiveHashKey(uint64_t hash) {
  std::string key(1, 'H');
  AppendBigEndian(key, hash);
  return key;
}

std::string ArchiveKey(char kind, uint32_t segment) {
  std::string key(1, kind);
  AppendBigEndian(key, segment);
  return key;
}

std::string ArchiveKey(char kind, uint32_t segment, uint32_t number) {
  std::string key = ArchiveKey(kind, segment);
  AppendBigEndian(key, number);
  return key;
}

std::string ArchiveNameKey(uint32_t segment, TenantId tenant, std::string_view name) {
  std::string key = ArchiveKey('P', segment);
  AppendBigEndian(key, tenant);
  AppendBigEndian(key, static_cast<uint16_t>(std::min<size_t>(name.size(), 0xffff)));
  key += name;
  return key;
}

std::string EncodeArchivedSeries(const ArchivedSeries& series) {
  std::string value;
  AppendVarint(value, series.tenant);
  AppendVarint(value, series.id.group);
  value += series.labels.bytes();
  return value;
}

Result<ArchivedSeries> DecodeArchivedSeries(uint32_t ordinal, std::string_view value) {
  ByteReader reader(value);
  ArchivedSeries series;
  series.tenant = static_cast<TenantId>(reader.Varint());
  series.id = {static_cast<uint32_t>(reader.Varint()), ordinal};
  if (!reader.ok()) return Corruption("archive: row of series {}: {} bytes are too few", ordinal, value.size());
  auto labels = Labels::FromBytes(reader.rest());
  if (!labels.ok()) return Corruption("archive: row of series {}: {}", ordinal, labels.status().message());
  series.labels = *std::move(labels);
  return series;
}

Result<std::vector<uint32_t>> DecodeArchiveHash(std::string_view value) {
  if (value.size() % sizeof(uint32_t) != 0) return Corruption("archive: row of a hash: {} bytes", value.size());
  std::vector<uint32_t> ordinals;
  for (size_t at = 0; at < value.size(); at += sizeof(uint32_t)) ordinals.push_back(ReadBigEndian<uint32_t>(value.data() + at));
  return ordinals;
}

Result<LabelView> DecodeArchivePostingKey(std::string_view key) {
  if (key.size() < kNameAt) return Corruption("archive: key of a posting: {} bytes", key.size());
  const size_t name_bytes = ReadBigEndian<uint16_t>(key.data() + kNameAt - 2);
  if (key.size() - kNameAt < name_bytes) {
    return Corruption("archive: key of a posting: name of {} bytes in {}", name_bytes, key.size());
  }
  return LabelView{key.substr(kNameAt, name_bytes), key.substr(kNameAt + name_bytes)};
}

Result<ArchiveRow> DecodeArchiveRow(std::string_view key, std::string_view value) {
  ArchiveRow row;
  if (key.size() < kSegmentKeyBytes) return Corruption("archive: key of {} bytes", key.size());
  row.kind = key[0];
  if (row.kind == 'H') {
    if (key.size() != kNumberKeyBytes) return Corruption("archive: key of a hash: {} bytes", key.size());
    AUSPEX_ASSIGN_OR_RETURN(const std::vector<uint32_t> ordinals, DecodeArchiveHash(value));
    row.ordinals.addMany(ordinals.size(), ordinals.data());
    return row;
  }
  row.segment = ReadBigEndian<uint32_t>(key.data() + 1);
  if ((row.kind == 'L' || row.kind == 'G') && key.size() != kNumberKeyBytes) {
    return Corruption("archive: key of kind {}: {} bytes", row.kind, key.size());
  }
  if (row.kind == 'L') {
    AUSPEX_ASSIGN_OR_RETURN(row.series, DecodeArchivedSeries(ReadBigEndian<uint32_t>(key.data() + kSegmentKeyBytes), value));
    return row;
  }
  if (row.kind == 'P') {
    AUSPEX_RETURN_IF_ERROR(DecodeArchivePostingKey(key).status());
  } else if (row.kind == 'S' ? key.size() != kSegmentKeyBytes : row.kind != 'G') {
    return Corruption("archive: key of {} bytes begins with {}", key.size(), static_cast<int>(row.kind));
  }
  auto ordinals = ParseOrdinals(value);
  if (!ordinals.ok()) return Corruption("archive: row of kind {}: {}", row.kind, ordinals.status().message());
  row.ordinals = *std::move(ordinals);
  return row;
}

}  // namespace auspex::storage
