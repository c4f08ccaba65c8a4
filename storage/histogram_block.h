#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/storage/base/result.h"
#include "auspex/storage/histogram.h"
#include "int_codec.h"
#include "value_codec.h"

namespace auspex::storage {

/// The histograms of one series: two columns of the same length.
struct HistogramColumns {
  std::vector<int64_t> t_ms;
  std::vector<HistogramPtr> histograms;
  size_t size() const { return t_ms.size(); }
  bool empty() const { return t_ms.empty(); }
  void Clear() {
    t_ms.clear();
    histograms.clear();
  }
  void Push(int64_t t, HistogramPtr histogram) {
    t_ms.push_back(t);
    histograms.push_back(std::move(histogram));
  }
};

/// Sorts by time; of several at one time the last is kept.
void SortAndKeepLast(HistogramColumns& columns);

inline constexpr size_t kHistogramBlockSamples = 1024;
/// Samples times buckets of one block: what bounds its memory.
inline constexpr size_t kHistogramBlockCells = size_t{1} << 20;

/// How many of the histograms from `begin` on make a block; at least one.
size_t HistogramsForBlock(std::span<const HistogramPtr> histograms);

/// Histograms of one series as bytes: the layouts of their buckets once, and a column for everything that is counted.
/// docs/format/histograms.md. Times must be strictly increasing; 0 < size <= HistogramsForBlock.
std::string EncodeHistogramBlock(std::span<const int64_t> t_ms, std::span<const HistogramPtr> histograms, Effort effort);

/// The bytes of a histogram block whose checksum and header are right. *Borrows* the bytes.
class HistogramBlockView {
 public:
  /// Errors: Corruption, without saying which block.
  static Result<HistogramBlockView> Parse(std::string_view bytes);
  size_t samples_count() const { return count_; }
  int64_t tmin_ms() const { return tmin_ms_; }
  int64_t tmax_ms() const { return tmax_ms_; }
  /// Appends the histograms within [begin_ms, end_ms) to `out`. Errors: Corruption.
  Status DecodeInto(int64_t begin_ms, int64_t end_ms, ValueScratch& scratch, HistogramColumns& out) const;

 private:
  HistogramBlockView() = default;
  size_t count_ = 0;
  int64_t tmin_ms_ = 0;
  int64_t tmax_ms_ = 0;
  std::string_view body_;  // behind the header
};

/// One histogram as bytes, for the journal: counts as they are.
void AppendHistogram(std::string& out, const Histogram& histogram);
/// Errors: Corruption.
Result<Histogram> TakeHistogram(ByteReader& reader);

}  // namespace auspex::storage
