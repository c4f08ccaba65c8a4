#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/storage/base/result.h"
#include "auspex/storage/series_store.h"
#include "base/bytes.h"
#include "int_codec.h"
#include "run_table.h"
#include "value_codec.h"

namespace auspex::storage {

inline constexpr size_t kHotBlockSamples = 512;
inline constexpr size_t kColdBlockSamples = 4096;
/// What a decoder believes at most.
inline constexpr size_t kMaxBlockSamples = 65536;

/// Samples of one series as bytes: a checked header, a column of times, a column of values. docs/format/blocks.md.
/// Times must be strictly increasing; 0 < size <= kMaxBlockSamples.
std::string EncodeBlock(std::span<const int64_t> t_ms, std::span<const double> values, Effort effort);

/// Buffers that decoding needs. One thread at a time.
struct BlockScratch {
  ValueScratch values;
  SampleColumns columns;
};

/// The bytes of a block whose checksum and header are right. *Borrows* the bytes.
class BlockView {
 public:
  /// Errors: Corruption, without saying which block: the caller knows.
  static Result<BlockView> Parse(std::string_view bytes);
  /// The same for bytes that Parse let through before, and that have been nowhere but in memory since: not summed up again.
  static Result<BlockView> ParseAgain(std::string_view bytes);

  size_t samples_count() const { return count_; }
  int64_t tmin_ms() const { return tmin_ms_; }
  int64_t tmax_ms() const { return tmax_ms_; }
  bool has_runs() const { return !runs_.empty(); }
  /// What the runs of the block amount to: only where has_runs(). Errors: Corruption.
  Status Runs(RunTable& out) const;

  /// Replaces `out` by the block's samples. Errors: Corruption.
  Status Decode(BlockScratch& scratch, SampleColumns& out) const;
  /// Lays the samples within [begin_ms, end_ms) over `out`, which is older.
  Status DecodeOver(int64_t begin_ms, int64_t end_ms, BlockScratch& scratch, SampleColumns& out) const;

 private:
  BlockView() = default;
  static Result<BlockView> ReadHeader(ByteReader reader);
  Status DecodeTo(BlockScratch& scratch, int64_t* t_ms, double* values) const;
  size_t count_ = 0;
  int64_t tmin_ms_ = 0;
  int64_t tmax_ms_ = 0;
  std::string_view runs_;
  std::string_view times_;
  std::string_view values_;
};

}  // namespace auspex::storage
