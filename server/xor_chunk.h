#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace auspex::server {

/// Samples of one series as a chunk of Prometheus' XOR encoding: a count, the first sample whole, then deltas of deltas of the
/// times and XORs of the values. At most 65,535 samples; times strictly increasing.
/// Source: https://github.com/prometheus/prometheus/blob/main/tsdb/docs/format/chunks.md, after Gorilla (Pelkonen et al. 2015).
std::string EncodeXorChunk(std::span<const int64_t> t_ms, std::span<const double> values);

/// CRC-32C (Castagnoli), as frames of a streamed remote read carry it.
uint32_t Crc32c(std::string_view bytes);

}  // namespace auspex::server
