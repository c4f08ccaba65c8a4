#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "block_reader.h"
#include "coarse_table.h"

namespace auspex::storage {

/// Sums up what a partition holds before its samples are dropped: one block for each series and tier. A slice at a time, so
/// that flushes can go on between slices. One thread at a time. Borrows its arguments.
class CoarseWriter {
 public:
  /// deleted: samples that do not count any more. generation: of the blocks; younger than any other.
  CoarseWriter(const Rocks& rocks, Partition partition, TierMask tiers, uint64_t generation, const Tombstones& deleted)
      : rocks_(rocks),
        partition_(partition),
        tiers_(tiers),
        generation_(generation),
        deleted_(deleted),
        at_(BlockKey::PartitionPrefix(partition)),
        end_(PrefixEnd(at_)) {}

  /// Removes what an interrupted run left behind.
  Status Begin();
  /// Whole series, until about `samples` were read.
  Status Run(uint64_t samples);
  bool done() const { return done_; }

 private:
  Result<std::optional<BlockKey>> Next(rocksdb::Iterator& hot, rocksdb::Iterator& cold) const;

  const Rocks& rocks_;
  const Partition partition_;
  const TierMask tiers_;
  const uint64_t generation_;
  const Tombstones& deleted_;
  std::string at_;  // every series before this key is done
  const std::string end_;
  bool done_ = false;
};

/// Deletes the summaries of a partition.
void DeleteCoarse(const Rocks& rocks, Partition partition, TierMask tiers, rocksdb::WriteBatch& batch);

/// Rewrites the blocks of summaries that the deletions touch without those stretches. generation: of the blocks that are
/// written; younger than any other.
Status PurgeCoarse(const Rocks& rocks, const Tombstones& deleted, uint64_t generation);

}  // namespace auspex::storage
