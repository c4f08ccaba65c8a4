#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <roaring/roaring.hh>

#include "auspex/storage/base/result.h"
#include "auspex/storage/write_batch.h"
#include "ordinal_bytes.h"

namespace auspex::storage {

/// One deletion: of these series everything within [begin_ms, end_ms) that lies in blocks older than `generation` is gone.
/// A row of `state` (docs/format/keys.md) until the blocks themselves have been rewritten.
struct Tombstone {
  uint64_t generation = 0;  ///< its own: no block and no other tombstone has it
  TenantId tenant = kDefaultTenant;
  int64_t begin_ms = 0;
  int64_t end_ms = 0;
  Roaring series;  ///< ordinals
};

inline constexpr std::string_view kTombstonePrefix = "tombstone/";
std::string TombstoneKey(uint64_t generation);
std::string EncodeTombstone(const Tombstone& tombstone);
/// Errors: Corruption.
Result<Tombstone> DecodeTombstone(std::string_view key, std::string_view value);

/// What was deleted of one series. Immutable.
class DeletedRanges {
 public:
  bool empty() const { return ranges_.empty(); }
  void Add(int64_t begin_ms, int64_t end_ms, uint64_t generation) { ranges_.push_back({begin_ms, end_ms, generation}); }

  /// Whether a block of this age lost something between its first and its last time (both inclusive).
  bool Touch(uint64_t generation, int64_t tmin_ms, int64_t tmax_ms) const {
    return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& range) {
      return generation < range.generation && range.begin_ms <= tmax_ms && tmin_ms < range.end_ms;
    });
  }
  /// The parts of [begin_ms, end_ms) that a block of this age keeps, in order.
  struct Kept {
    int64_t begin_ms;
    int64_t end_ms;
  };
  std::vector<Kept> KeptOf(uint64_t generation, int64_t begin_ms, int64_t end_ms) const;

 private:
  struct Range {
    int64_t begin_ms;
    int64_t end_ms;
    uint64_t generation;
  };
  std::vector<Range> ranges_;
};

/// Every deletion whose samples may still lie in blocks. Immutable: a deletion publishes a new one.
class Tombstones {
 public:
  explicit Tombstones(std::vector<std::shared_ptr<const Tombstone>> all) : all_(std::move(all)) {}
  DeletedRanges Of(TenantId tenant, uint32_t ordinal) const;
  const std::vector<std::shared_ptr<const Tombstone>>& all() const { return all_; }

 private:
  std::vector<std::shared_ptr<const Tombstone>> all_;
};

}  // namespace auspex::storage
