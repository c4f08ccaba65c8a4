#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <rocksdb/db.h>

#include "block.h"
#include "block_cache.h"
#include "keys.h"
#include "rocks.h"
#include "tombstones.h"

namespace auspex::storage {

/// Reads the blocks of one series after the other from `hot` or `cold`, with one iterator that is moved. One thread at a time.
class BlockReader {
 public:
  /// snapshot: null reads what is there now. It and `rocks` must outlive this.
  BlockReader(const Rocks& rocks, Family family, const rocksdb::Snapshot* snapshot);

  /// Samples that ReadOver leaves out; null or empty: none. Must stay where it is.
  void SetDeleted(const DeletedRanges* deleted) { deleted_ = deleted; }
  /// Where decoded blocks are looked for and kept; null: nowhere. Must outlive this.
  void SetCache(BlockCache* cache) { cache_ = cache; }
  /// Blocks whose samples came from the cache, since this was made.
  uint64_t cached_count() const { return cached_count_; }
  /// Forgets the blocks that were collected.
  void Clear();
  /// Collects the blocks of a series within a partition that may have samples in [begin_ms, end_ms). With full_samples, for
  /// cold blocks alone and after Clear: also the one before and those right behind that have fewer samples.
  Status Collect(Partition partition, TenantId tenant, SeriesId series, int64_t begin_ms, int64_t end_ms,
                 size_t full_samples = 0);
  /// Lays the collected blocks' samples within [begin_ms, end_ms) over `out`, older blocks first.
  Status ReadOver(int64_t begin_ms, int64_t end_ms, BlockScratch& scratch, SampleColumns& out);

  struct Collected {
    BlockKey key;
    int64_t tmax_ms;
    size_t samples_count;
    size_t at;  // in bytes_
    size_t size;
  };
  const std::vector<Collected>& blocks() const { return blocks_; }
  /// No two of the collected blocks share a stretch of time.
  bool Disjoint() const;
  /// One of the collected blocks. Borrows it, until the next Clear or Collect. Errors: Corruption, which says what block.
  Result<BlockView> View(const Collected& block) const;
  /// Whether something within the block was deleted.
  bool Touched(const BlockKey& key, const BlockView& view) const;
  /// Lays what was not deleted of a block's samples within [begin_ms, end_ms) over `out`.
  Status DecodeOver(const Collected& block, const BlockView& view, int64_t begin_ms, int64_t end_ms, BlockScratch& scratch,
                    SampleColumns& out);
  /// Moves the iterator to the first block of a series that may reach `begin_ms` or later, or to a later series.
  void MoveTo(Partition partition, TenantId tenant, SeriesId series, const std::string& prefix, int64_t begin_ms);
  Status Where(const BlockKey& key, const Status& status) const;

 private:
  /// The block's samples in [begin_ms, end_ms) from the cache, which gets them where that is worthwhile; null: it is to be
  /// decoded.
  Result<std::shared_ptr<const DecodedBlock>> Cached(const Collected& block, const BlockView& view, int64_t begin_ms,
                                                     int64_t end_ms, BlockScratch& scratch);

  const Family family_;
  const DeletedRanges* deleted_ = nullptr;
  BlockCache* cache_ = nullptr;
  uint64_t cached_count_ = 0;
  rocksdb::Slice upper_;
  std::string upper_bytes_;  // the end of the partition
  std::string passed_;       // the series collected last: no block behind its own has been passed; empty: seek
  SeriesId passed_series_;   // that is, where passed_ is not empty
  std::unique_ptr<rocksdb::Iterator> iterator_;
  std::vector<Collected> blocks_;
  std::string bytes_;  // of all collected blocks, so that the iterator may move on
};

}  // namespace auspex::storage
