#include "histogram_head.h"

#include <algorithm>

namespace auspex::storage {
namespace {

constexpr uint8_t kRecordVersion = 0x81;  // records of numbers stay below 0x80
constexpr size_t kFirstCapacity = 4;
constexpr size_t kLastCapacity = 128;

uint64_t BytesOf(const Histogram& histogram) {
  return sizeof(HistogramChunk::Sample) + sizeof(Histogram) + 32 +
         histogram.buckets_count() * (sizeof(int32_t) + sizeof(double)) + histogram.custom_values.size() * sizeof(double);
}

}  // namespace

void HistogramPin::ReadInto(int64_t begin_ms, int64_t end_ms, HistogramColumns& out) const {
  std::vector<std::pair<const HistogramChunk*, size_t>> chain;
  size_t count = count_;
  for (const HistogramChunk* chunk = youngest_.get(); chunk != nullptr; chunk = chunk->older.get()) {
    chain.emplace_back(chunk, count);
    if (chunk->older != nullptr) count = chunk->older->capacity;
  }
  std::reverse(chain.begin(), chain.end());
  for (const auto& [chunk, samples] : chain) {
    for (size_t i = 0; i < samples; ++i) {
      const HistogramChunk::Sample& sample = chunk->samples[i];
      if (sample.t_ms >= begin_ms && sample.t_ms < end_ms) out.Push(sample.t_ms, sample.histogram);
    }
  }
}

void HistogramHead::Append(const HistogramRows& rows) {
  for (size_t i = 0; i < rows.ordinals.size(); ++i) {
    const int64_t t_ms = rows.t_ms[i];
    const auto [at, added] = series_.try_emplace(rows.ordinals[i], Series{nullptr, t_ms, t_ms});
    Series& series = at->second;
    series.tmin_ms = std::min(series.tmin_ms, t_ms);
    series.tmax_ms = std::max(series.tmax_ms, t_ms);
    if (added || series.youngest->count == series.youngest->capacity) {
      const size_t capacity = added ? kFirstCapacity : std::min(kLastCapacity, series.youngest->capacity * 2);
      auto chunk = std::make_shared<HistogramChunk>(capacity);
      chunk->older = std::move(series.youngest);
      series.youngest = std::move(chunk);
    }
    HistogramChunk& chunk = *series.youngest;
    chunk.samples[chunk.count] = {t_ms, rows.histograms[i]};
    ++chunk.count;
    bytes_ += BytesOf(*rows.histograms[i]);
  }
  samples_count_ += rows.ordinals.size();
}

bool HistogramHead::MayHave(uint32_t ordinal, int64_t begin_ms, int64_t end_ms) const {
  const auto at = series_.find(ordinal);
  return at != series_.end() && at->second.tmin_ms < end_ms && at->second.tmax_ms >= begin_ms;
}

HistogramPin HistogramHead::Pin(uint32_t ordinal) const {
  const auto at = series_.find(ordinal);
  if (at == series_.end()) return {};
  return HistogramPin(at->second.youngest, at->second.youngest->count);
}

std::vector<uint32_t> HistogramHead::Ordinals() const {
  std::vector<uint32_t> ordinals;
  for (const auto& [ordinal, series] : series_) ordinals.push_back(ordinal);
  std::sort(ordinals.begin(), ordinals.end());
  return ordinals;
}

std::string EncodeHistogramRecord(const HistogramRows& rows) {
  std::string out;
  AppendFixed(out, kRecordVersion);
  AppendVarint(out, rows.ordinals.size());
  for (size_t i = 0; i < rows.ordinals.size(); ++i) {
    AppendVarint(out, rows.ordinals[i]);
    AppendSigned(out, rows.t_ms[i]);
    AppendHistogram(out, *rows.histograms[i]);
  }
  return out;
}

bool IsHistogramRecord(std::string_view bytes) { return !bytes.empty() && static_cast<uint8_t>(bytes[0]) >= 0x80; }

Status DecodeHistogramRecord(uint64_t sequence, std::string_view bytes, HistogramRows& rows) {
  rows = {};
  ByteReader reader(bytes);
  const uint8_t version = reader.Byte();
  if (version != kRecordVersion) {
    return Corruption("journal record {}: histograms: version: stored {:#x}, newest known {:#x}", sequence, version,
                      kRecordVersion);
  }
  const uint64_t count = reader.Varint();
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t ordinal = reader.Varint();
    const int64_t t_ms = reader.Signed();
    Result<Histogram> histogram = TakeHistogram(reader);
    if (!histogram.ok()) return Corruption("journal record {}: row {}: {}", sequence, i, histogram.status().message());
    if (ordinal != static_cast<uint32_t>(ordinal)) return Corruption("journal record {}: series {}", sequence, ordinal);
    rows.ordinals.push_back(static_cast<uint32_t>(ordinal));
    rows.t_ms.push_back(t_ms);
    rows.histograms.push_back(std::make_shared<const Histogram>(*std::move(histogram)));
  }
  if (!reader.Done()) return Corruption("journal record {}: {} histograms do not fill {} bytes", sequence, count, bytes.size());
  return OkStatus();
}

}  // namespace auspex::storage
