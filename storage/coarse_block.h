#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/storage/base/result.h"
#include "auspex/storage/series_store.h"
#include "value_codec.h"

namespace auspex::storage {

/// How finely summaries that outlive their samples are cut. The numbers are on disk.
enum class Tier : uint8_t { kFiveMinutes = 0, kHour = 1 };
inline constexpr Tier kTiers[] = {Tier::kFiveMinutes, Tier::kHour};
inline constexpr size_t kTiersCount = 2;
constexpr int64_t ResolutionOf(Tier tier) { return tier == Tier::kHour ? 3'600'000 : 300'000; }

/// A set of tiers, one bit each.
using TierMask = uint8_t;
inline constexpr TierMask kAllTiers = 3;
constexpr TierMask MaskOf(Tier tier) { return static_cast<TierMask>(1u << static_cast<uint8_t>(tier)); }

/// The first tick of the clock at or above a time. A sample belongs to the stretch that ends at its tick.
int64_t TickAtOrAbove(int64_t t_ms, int64_t resolution_ms);

/// Appends one summary for each stretch (tick - resolution, tick] that has samples; times strictly increasing. Staleness
/// markers count for nothing, as in every function over a range. Of equal extremes the later one counts (0 and -0.0), and NaN
/// is one only where there is nothing else. A sum is exact where all are integers whose magnitudes add up to at most 2^53, else
/// rounded once; a stretch may have several resets.
void Summarize(std::span<const int64_t> t_ms, std::span<const double> values, int64_t resolution_ms,
               std::vector<RunSummary>& out);

/// Summaries of one series within a partition as bytes: docs/format/coarse.md. At least one, in time order, each within a
/// stretch of its own.
std::string EncodeCoarseBlock(Tier tier, std::span<const RunSummary> runs);
/// Replaces `out`. Errors: Corruption, without saying which block: the caller knows.
Status DecodeCoarseBlock(Tier tier, std::string_view bytes, ValueScratch& scratch, std::vector<RunSummary>& out);

}  // namespace auspex::storage
