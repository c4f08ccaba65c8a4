#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auspex/storage/record_store.h"
#include "auspex/storage/write_batch.h"
#include "partition.h"

// How rows of the column families are named. docs/format/keys.md has the bytes.
namespace auspex::storage {

/// Names a series on disk. Series of one metric are neighbours: the group is that of (tenant, metric name), the ordinal
/// counts all series of the database.
struct SeriesId {
  uint32_t group = 0;
  uint32_t ordinal = 0;
  friend auto operator<=>(const SeriesId&, const SeriesId&) = default;
};

/// Names a block in `hot` and `cold`.
struct BlockKey {
  Partition partition;
  TenantId tenant = kDefaultTenant;
  SeriesId series;
  int64_t tmin_ms = 0;
  uint64_t generation = 0;  ///< grows with every flush and seal: of two blocks the younger one's samples win

  static constexpr size_t kBytes = 5 + 4 + 8 + 8 + 8;
  std::string Encode() const;
  static std::optional<BlockKey> Decode(std::string_view bytes);
  /// "partition day 20513+31 tenant 0 series 7/812 tmin 1772323200000 generation 4"
  std::string ToString() const;

  /// The bytes with which the keys of all blocks of a partition, or of a series within it, begin.
  static std::string PartitionPrefix(Partition partition);
  static std::string SeriesPrefix(Partition partition, TenantId tenant, SeriesId series);
};

/// The smallest string that is greater than every string that begins with `prefix`; empty when there is none.
std::string PrefixEnd(std::string prefix);

std::string JournalKey(uint64_t sequence);
std::optional<uint64_t> DecodeJournalKey(std::string_view bytes);

std::string RecordKey(TenantId tenant, RecordKind kind, std::string_view key);
inline constexpr size_t kRecordPrefixBytes = 5;

struct ActiveName {
  Partition partition;
  TenantId tenant = kDefaultTenant;
  friend auto operator<=>(const ActiveName&, const ActiveName&) = default;
};
std::string ActiveKey(const ActiveName& name);
/// Of BlockKey::PartitionPrefix.
std::optional<Partition> DecodePartition(std::string_view bytes);
std::optional<ActiveName> DecodeActiveKey(std::string_view bytes);

}  // namespace auspex::storage
