#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "block.h"
#include "keys.h"

namespace auspex::storage {

/// The samples of a block, or a stretch of them. Immutable.
class DecodedBlock {
 public:
  /// All samples. Errors: Corruption.
  static Result<std::shared_ptr<const DecodedBlock>> Decode(const BlockView& view, BlockScratch& scratch);
  /// A stretch that has what `known` (may be null) has and what the block has in [begin_ms, end_ms), and a little more. Errors:
  /// Corruption.
  static Result<std::shared_ptr<const DecodedBlock>> DecodePart(const BlockView& view, int64_t begin_ms, int64_t end_ms,
                                                                const DecodedBlock* known, BlockScratch& scratch);
  /// Whether all that the block has in [begin_ms, end_ms) is here.
  bool Covers(int64_t begin_ms, int64_t end_ms) const { return begin_ms >= covered_begin_ms_ && end_ms <= covered_end_ms_; }
  /// Lays the samples within [begin_ms, end_ms), which is covered, over `out`, which is older.
  void ReadOver(int64_t begin_ms, int64_t end_ms, SampleColumns& out) const;
  uint64_t bytes() const { return sizeof(*this) + t_ms_.capacity() * sizeof(int64_t) + values_.capacity() * sizeof(double); }
  /// About what bytes() of a block with this many samples will be.
  static uint64_t BytesOf(size_t samples_count) { return sizeof(DecodedBlock) + samples_count * sizeof(double); }

 private:
  // Stretches begin and end at multiples of so many samples: neighbouring questions share them.
  static constexpr size_t kPartSamples = 512;
  DecodedBlock() = default;
  size_t LowerBound(int64_t t_ms) const;
  static std::shared_ptr<const DecodedBlock> Keep(const SampleColumns& columns, size_t first, size_t count);

  size_t first_ = 0;  // in the block
  int64_t covered_begin_ms_ = 0;
  int64_t covered_end_ms_ = 0;
  int64_t first_ms_ = 0;
  int64_t step_ms_ = 0;        // of times at a fixed distance; 0: t_ms_ has them
  std::vector<int64_t> t_ms_;  // or empty
  std::vector<double> values_;
};

/// Names a block by its key and its checksum, so that what is written under the key of a block that was purged is another.
struct DecodedName {
  BlockKey key;
  uint32_t checksum = 0;
  friend bool operator==(const DecodedName& a, const DecodedName& b) {
    return a.key.partition == b.key.partition && a.key.tenant == b.key.tenant && a.key.series == b.key.series &&
           a.key.tmin_ms == b.key.tmin_ms && a.key.generation == b.key.generation && a.checksum == b.checksum;
  }
};

/// Decoded blocks of which a query wanted a part: the next query most often wants a part of the same. Decoding is all or
/// nothing, so that without it an answer about the last minutes costs as much as one about the whole day. Thread-safe.
/// While there is room a block is kept whole, else the stretch that was wanted: many series are then asked for their last
/// minutes again and again within a bound that holds a few whole blocks only.
class BlockCache {
 public:
  explicit BlockCache(uint64_t limit_bytes) : shard_limit_bytes_(limit_bytes / kShards) {}
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  /// Null: not there.
  std::shared_ptr<const DecodedBlock> Find(const DecodedName& name);
  /// In place of what there is under the name.
  void Put(const DecodedName& name, std::shared_ptr<const DecodedBlock> block);
  /// Whether a block of so many bytes would push no other out.
  bool HasRoom(const DecodedName& name, uint64_t bytes);
  uint64_t bytes() const;

 private:
  static constexpr size_t kShards = 8;
  struct Hash {
    size_t operator()(const DecodedName& name) const;
  };
  struct Entry {
    DecodedName name;
    std::shared_ptr<const DecodedBlock> block;
  };
  using Entries = std::list<Entry>;
  struct Shard {
    mutable std::mutex mu;
    Entries entries;                                                     // guarded by mu; used longest ago first
    boost::unordered_flat_map<DecodedName, Entries::iterator, Hash> at;  // guarded by mu
    uint64_t bytes = 0;                                                  // guarded by mu
  };
  static uint64_t Cost(const DecodedBlock& block);
  Shard& ShardOf(const DecodedName& name) { return shards_[Hash()(name) >> 61]; }

  const uint64_t shard_limit_bytes_;
  std::array<Shard, kShards> shards_;
};

}  // namespace auspex::storage
