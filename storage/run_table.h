#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "auspex/storage/series_store.h"
#include "base/bytes.h"

namespace auspex::storage {

/// A stretch [begin, end) of a block's samples between two ticks of the clock.
struct BlockRun {
  uint32_t begin = 0;
  uint32_t end = 0;
  bool plain = false;  ///< no NaN, infinity or -0.0 among the values: `summary` holds
  RunSummary summary;
};

/// What a block says of its samples without their being decoded.
///
/// Runs are cut on the clock rather than after so many samples: at multiples of a period that is chosen so that a run has a few
/// hundred samples. Windows of an hour a month long would be cut by every run of 256 samples taken every 15 s; with a
/// run for each hour none of them is. A sample at a tick belongs to the run that ends there, as windows are open on the left.
struct RunTable {
  std::vector<BlockRun> runs;
  bool sums = false;    ///< all are integers whose magnitudes add up to at most 2^53, no counter; the summaries have sums
  bool resets = false;  ///< no run has more than one reset; the summaries have resets
};

/// Blocks below have no runs: what they take is more than they save.
inline constexpr size_t kRunsFrom = 256;

/// Cuts samples into runs: strictly increasing times, at least one. Empty when no period fits.
RunTable MakeRuns(std::span<const int64_t> t_ms, std::span<const double> values, size_t& period);
/// Writes nothing when no period fits, or when the values are not decimals: full doubles decode so quickly, and their summaries
/// are so large, that they are not worth it. docs/format/blocks.md has the bytes.
void AppendRuns(std::string& out, std::span<const int64_t> t_ms, std::span<const double> values);
/// Replaces `out`. False when the bytes do not hold the runs of so many samples.
bool TakeRuns(ByteReader& reader, size_t samples_count, int64_t tmin_ms, int64_t tmax_ms, RunTable& out);

}  // namespace auspex::storage
