#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "histogram_block.h"

namespace auspex::storage {

/// Where histograms of one batch go: columns of the same length.
struct HistogramRows {
  std::vector<uint32_t> ordinals;
  std::vector<int64_t> t_ms;
  std::vector<HistogramPtr> histograms;
  bool empty() const { return ordinals.empty(); }
};

/// The histograms of one series in order of arrival. What is before a count that a reader has taken never changes.
struct HistogramChunk {
  struct Sample {
    int64_t t_ms;
    HistogramPtr histogram;
  };
  explicit HistogramChunk(size_t limit) : capacity(limit), samples(new Sample[limit]) {}
  const size_t capacity;
  size_t count = 0;
  const std::unique_ptr<Sample[]> samples;
  std::shared_ptr<const HistogramChunk> older;  // full
};

/// What a head held of one series at one moment. Immutable.
class HistogramPin {
 public:
  HistogramPin() = default;
  HistogramPin(std::shared_ptr<const HistogramChunk> youngest, size_t count) : youngest_(std::move(youngest)), count_(count) {}
  /// Appends the histograms within [begin_ms, end_ms) in order of arrival.
  void ReadInto(int64_t begin_ms, int64_t end_ms, HistogramColumns& out) const;

 private:
  std::shared_ptr<const HistogramChunk> youngest_;
  size_t count_ = 0;
};

/// Histograms since the last flush, by series ordinal. Guarded by its owner's lock: shared for the getters, exclusive for
/// Append.
class HistogramHead {
 public:
  void Append(const HistogramRows& rows);
  bool empty() const { return samples_count_ == 0; }
  bool Has(uint32_t ordinal) const { return series_.count(ordinal) != 0; }
  /// Never false when the series has one in [begin_ms, end_ms).
  bool MayHave(uint32_t ordinal, int64_t begin_ms, int64_t end_ms) const;
  HistogramPin Pin(uint32_t ordinal) const;
  std::vector<uint32_t> Ordinals() const;
  uint64_t samples_count() const { return samples_count_; }
  uint64_t bytes() const { return bytes_; }

 private:
  struct Series {
    std::shared_ptr<HistogramChunk> youngest;
    int64_t tmin_ms;
    int64_t tmax_ms;
  };
  std::unordered_map<uint32_t, Series> series_;
  uint64_t samples_count_ = 0;
  uint64_t bytes_ = 0;
};

/// One journal record of histograms; told apart from one of numbers by its first byte. docs/format/histograms.md.
std::string EncodeHistogramRecord(const HistogramRows& rows);
bool IsHistogramRecord(std::string_view bytes);
/// Replaces `rows`. Errors: Corruption (names the sequence).
Status DecodeHistogramRecord(uint64_t sequence, std::string_view bytes, HistogramRows& rows);

}  // namespace auspex::storage
