#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "auspex/storage/histogram.h"

namespace auspex::server {

/// Buckets that follow each other: `offset` buckets after the span before it, or after bucket 0.
struct BucketSpan {
  int32_t offset = 0;
  uint32_t length = 0;
};
std::vector<BucketSpan> SpansOf(const HistogramBuckets& buckets);

/// How many histograms, from the first, can stand in one chunk: they have the same buckets, are all gauges or none, and no
/// counter among them starts again.
size_t ChunkableCount(std::span<const HistogramPtr> histograms);

/// Histograms of one series as a chunk of Prometheus' encoding for float histograms. ChunkableCount says that they fit; at most
/// 65,535. hint: what is known of the first and the histogram before it.
/// Source: https://github.com/prometheus/prometheus/blob/main/tsdb/docs/format/chunks.md
std::string EncodeHistogramChunk(std::span<const int64_t> t_ms, std::span<const HistogramPtr> histograms, CounterReset hint);

}  // namespace auspex::server
