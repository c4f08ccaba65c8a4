#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "coarse_block.h"
#include "keys.h"
#include "rocks.h"
#include "tombstones.h"

namespace auspex::storage {

/// Rows of `state`: this and a partition -> which tiers it has, and whether its samples are gone.
inline constexpr std::string_view kCoarsePrefix = "coarse/";

/// The column family of a tier.
constexpr Family FamilyOf(Tier tier) { return tier == Tier::kHour ? Family::kHours : Family::kFiveMinutes; }

/// The partitions that have summaries instead of samples. Locks are those of the store: changed under maintenance and
/// exclusive, read under either.
class CoarseTable {
 public:
  struct State {
    TierMask tiers = 0;
    bool samples_gone = false;  ///< else their removal was begun, and is to be done again
  };
  /// At open. Errors: Corruption, IoError.
  Status Load(const Rocks& rocks);

  void Set(Partition partition, State state) { states_[partition] = state; }
  void Erase(Partition partition) { states_.erase(partition); }
  /// Null: it has samples.
  const State* Find(Partition partition) const {
    const auto at = states_.find(partition);
    return at == states_.end() ? nullptr : &at->second;
  }
  TierMask TiersOf(Partition partition) const { return Find(partition) == nullptr ? TierMask{0} : Find(partition)->tiers; }
  bool empty() const { return states_.empty(); }
  /// There are no samples before. The least time when there are no such partitions.
  int64_t EndMs() const;

  static std::string RowKey(Partition partition);
  static std::string EncodeRow(State state);
  /// Errors: Corruption.
  static Result<std::pair<Partition, State>> DecodeRow(std::string_view key, std::string_view value);

 private:
  std::map<Partition, State> states_;
};

/// Reads the summaries of one series after the other. One thread at a time. Borrows both.
class CoarseReader {
 public:
  CoarseReader(const Rocks& rocks, Tier tier, const rocksdb::Snapshot* snapshot);
  /// Appends the summaries of a series within a partition whose stretches lie within (begin_tick_ms, end_tick_ms]. Of those
  /// that a deletion touches nothing is left: what they would be without the deleted samples, nobody knows.
  Status ReadInto(Partition partition, TenantId tenant, SeriesId series, int64_t begin_tick_ms, int64_t end_tick_ms,
                  const DeletedRanges& deleted, std::vector<RunSummary>& out);

 private:
  const Tier tier_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
  ValueScratch scratch_;
  std::vector<RunSummary> block_;
};

/// "hours block partition ...: what is wrong"
Status WhereCoarse(Tier tier, const BlockKey& key, const Status& status);

}  // namespace auspex::storage
