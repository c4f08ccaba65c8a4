#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <roaring/roaring.hh>

#include "auspex/storage/base/result.h"
#include "auspex/storage/labels.h"
#include "keys.h"

// Rows of the family `archive`, one kind after the other (docs/format/keys.md):
//   'H' hash u64                                    -> ordinals      u32 each: series by the hash of their labels
//   'L' segment u32, ordinal u32                    -> tenant, group, labels
//   'G' segment u32, group u32                      -> ordinals
//   'P' segment u32, tenant u32, u16 + name, value  -> ordinals      name and value empty: all series of the tenant
//   'S' segment u32                                 -> ordinals      written last: makes the segment one
namespace auspex::storage {

/// A series as the archive keeps it.
struct ArchivedSeries {
  TenantId tenant = kDefaultTenant;
  SeriesId id;
  Labels labels;
};

std::string ArchiveHashKey(uint64_t hash);
/// kind: 'L', 'G', 'P', 'S'. Of 'S' the whole key, of the others what those of a segment begin with.
std::string ArchiveKey(char kind, uint32_t segment);
/// kind: 'L' or 'G'; number: the ordinal, or the group.
std::string ArchiveKey(char kind, uint32_t segment, uint32_t number);
/// What the postings of a name begin with; the value follows.
std::string ArchiveNameKey(uint32_t segment, TenantId tenant, std::string_view name);

std::string EncodeArchivedSeries(const ArchivedSeries& series);
/// Errors: Corruption.
Result<ArchivedSeries> DecodeArchivedSeries(uint32_t ordinal, std::string_view value);
/// Of the value of an 'H' row. Errors: Corruption.
Result<std::vector<uint32_t>> DecodeArchiveHash(std::string_view value);
/// Name and value of a 'P' row's key. Errors: Corruption.
Result<LabelView> DecodeArchivePostingKey(std::string_view key);

/// What a row says, for checks of all of them.
struct ArchiveRow {
  char kind = 0;
  uint32_t segment = 0;                  ///< not of 'H'
  std::optional<ArchivedSeries> series;  ///< of 'L'
  Roaring ordinals;                      ///< of the others
};
/// Errors: Corruption.
Result<ArchiveRow> DecodeArchiveRow(std::string_view key, std::string_view value);

}  // namespace auspex::storage
