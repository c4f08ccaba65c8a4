#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "block_reader.h"
#include "cold_writer.h"
#include "rocks.h"
#include "tombstones.h"

namespace auspex::storage {

/// Merges hot blocks with the cold ones that they touch into dense cold blocks, in key order, and has RocksDB ingest them. A
/// slice at a time, so that flushes can go on between slices. The caller deletes the slice's hot blocks afterwards and keeps
/// new ones from being written meanwhile.
class Sealer {
 public:
  /// deleted: samples that are not merged any more; must outlive this.
  Sealer(Rocks& rocks, uint64_t generation, const Tombstones& deleted);
  /// Seals the hot blocks from the key `begin` on, whole series, until about `samples` were merged.
  Status Run(const std::string& begin, uint64_t samples);
  /// Hot blocks that were merged.
  uint64_t blocks_count() const { return blocks_count_; }
  /// Above the key of the last of them: where the next slice begins.
  const std::string& end() const { return end_; }
  /// There are no hot blocks behind end().
  bool done() const { return done_; }

 private:
  using Edits = std::map<std::string, std::optional<std::string>>;  // key -> block, or none: delete

  Status SealSeries(const BlockKey& series);
  void CutIntoBlocks(const BlockKey& series, const SampleColumns& columns, Edits& edits) const;
  Status WriteEdits(const Edits& edits);

  Rocks& rocks_;
  const uint64_t generation_;
  BlockReader hot_;
  BlockReader cold_;
  BlockScratch scratch_;
  uint64_t blocks_count_ = 0;
  uint64_t samples_count_ = 0;
  std::string end_;
  bool done_ = false;
  const Tombstones& deleted_;
  DeletedRanges deleted_of_series_;
  ColdWriter writer_;
};

/// Deletes every cold block of the partitions, by an ingested file.
Status DeleteColdPartitions(Rocks& rocks, std::span<const Partition> partitions);

}  // namespace auspex::storage
