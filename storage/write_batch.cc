#include "auspex/storage/write_batch.h"

#include <bit>

namespace auspex {

double StaleMarker() { return std::bit_cast<double>(kStaleMarkerBits); }

bool IsStaleMarker(double value) { return std::bit_cast<uint64_t>(value) == kStaleMarkerBits; }

SeriesRef WriteBatch::AddSeries(Labels labels) {
  new_series_.push_back(std::move(labels));
  return SeriesRef{SeriesRef::kBatchLocal | (new_series_.size() - 1)};
}

void WriteBatch::Reserve(size_t samples) {
  series_.reserve(samples);
  t_ms_.reserve(samples);
  values_.reserve(samples);
}

void WriteBatch::Clear() {
  new_series_.clear();
  series_.clear();
  t_ms_.clear();
  values_.clear();
  metadata_.clear();
  exemplars_.clear();
  histograms_.clear();
}

}  // namespace auspex
