#include "block.h"

#include <algorithm>
#include <limits>

#include <xxhash.h>

#include "merge.h"

namespace auspex::storage {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kHasSummary = 1;  // flag; the others are free and must be 0
constexpr size_t kChecksumBytes = 4;
// A summary takes 40 bytes: more than it spares on a block that is decoded in a microsecond.
constexpr size_t kSummaryFrom = 64;

uint32_t Checksum(std::string_view bytes) { return static_cast<uint32_t>(XXH3_64bits(bytes.data(), bytes.size())); }

}  // namespace

BlockSummary Summarize(std::span<const double> values) {
  BlockSummary summary;
  summary.min = std::numeric_limits<double>::infinity();
  summary.max = -std::numeric_limits<double>::infinity();
  bool nan = false;
  for (const double v : values) {
    if (IsStaleMarker(v)) continue;
    if (summary.count++ == 0) summary.first = v;
    summary.last = v;
    summary.sum += v;
    nan |= v != v;
    summary.min = std::min(summary.min, v);
    summary.max = std::max(summary.max, v);
  }
  if (nan) summary.min = summary.max = summary.sum = std::numeric_limits<double>::quiet_NaN();
  if (summary.count == 0) summary = {};
  return summary;
}

std::string EncodeBlock(std::span<const int64_t> t_ms, std::span<const double> values, Effort effort) {
  AUSPEX_CHECK(!t_ms.empty());
  AUSPEX_CHECK(t_ms.size() == values.size());
  AUSPEX_CHECK(t_ms.size() <= kMaxBlockSamples);
  std::string times;
  AppendInts(times, t_ms, effort);
  std::string column;
  AppendValues(column, values, effort);
  const bool with_summary = values.size() >= kSummaryFrom;

  std::string out;
  out.reserve(times.size() + column.size() + 80);
  AppendFixed(out, kVersion);
  AppendFixed(out, static_cast<uint8_t>(SampleType::kFloat64));
  AppendFixed(out, static_cast<uint8_t>(with_summary ? kHasSummary : 0));
  AppendVarint(out, t_ms.size());
  AppendSigned(out, t_ms.front());
  AppendVarint(out, static_cast<uint64_t>(t_ms.back()) - static_cast<uint64_t>(t_ms.front()));
  if (with_summary) {
    const BlockSummary summary = Summarize(values);
    AppendVarint(out, summary.count);
    for (const double v : {summary.sum, summary.min, summary.max, summary.first, summary.last}) AppendFixed(out, v);
  }
  AppendVarint(out, times.size());
  out += times;
  AppendVarint(out, column.size());
  out += column;
  AppendFixed(out, Checksum(out));
  return out;
}

Result<BlockView> BlockView::Parse(std::string_view bytes) {
  if (bytes.size() < kChecksumBytes + 3) return Corruption("{} bytes cannot be a block", bytes.size());
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  const auto stored = ByteReader(bytes.substr(body.size())).Fixed<uint32_t>();
  if (const uint32_t computed = Checksum(body); computed != stored) {
    return Corruption("checksum mismatch: stored {:08x}, computed {:08x}", stored, computed);
  }
  ByteReader reader(body);
  const uint8_t version = reader.Byte();
  if (version != kVersion) return Corruption("version: stored {}, newest known {}", version, kVersion);
  const uint8_t type = reader.Byte();
  if (type != static_cast<uint8_t>(SampleType::kFloat64))
    return Corruption("sample type: stored {}, expected 1 (float64)", type);
  const uint8_t flags = reader.Byte();
  if ((flags & ~kHasSummary) != 0) return Corruption("flags: stored {:#x}, known {:#x}", flags, kHasSummary);
  BlockView view;
  view.count_ = reader.Varint();
  view.tmin_ms_ = reader.Signed();
  const uint64_t span_ms = reader.Varint();
  view.tmax_ms_ = static_cast<int64_t>(static_cast<uint64_t>(view.tmin_ms_) + span_ms);
  if ((flags & kHasSummary) != 0) {
    view.summary_.count = reader.Varint();
    for (double* v : {&view.summary_.sum, &view.summary_.min, &view.summary_.max, &view.summary_.first, &view.summary_.last}) {
      *v = reader.Fixed<double>();
    }
  }
  view.times_ = reader.Take(reader.Varint());
  view.values_ = reader.Take(reader.Varint());
  if (!reader.Done()) return Corruption("header and columns do not fill {} bytes", bytes.size());
  if (view.count_ == 0 || view.count_ > kMaxBlockSamples) {
    return Corruption("samples: stored {}, expected 1 to {}", view.count_, kMaxBlockSamples);
  }
  if (view.tmax_ms_ < view.tmin_ms_) return Corruption("times: from {} to {} ms", view.tmin_ms_, view.tmax_ms_);
  return view;
}

Status BlockView::Decode(BlockScratch& scratch, SampleColumns& out) const {
  out.t_ms.resize(count_);
  out.values.resize(count_);
  ByteReader times(times_);
  if (!TakeInts(times, count_, out.t_ms.data(), scratch.values.entropy) || !times.Done()) {
    return Corruption("times: {} bytes are not {} integers", times_.size(), count_);
  }
  if (out.t_ms.front() != tmin_ms_ || out.t_ms.back() != tmax_ms_) {
    return Corruption("times: header says {} to {}, column {} to {}", tmin_ms_, tmax_ms_, out.t_ms.front(), out.t_ms.back());
  }
  bool increasing = true;
  for (size_t i = 1; i < count_; ++i) increasing &= out.t_ms[i - 1] < out.t_ms[i];
  if (!increasing) return Corruption("times: not strictly increasing");
  ByteReader values(values_);
  if (!TakeValues(values, count_, out.values.data(), scratch.values) || !values.Done()) {
    return Corruption("values: {} bytes are not {} doubles", values_.size(), count_);
  }
  return OkStatus();
}

Status BlockView::DecodeOver(int64_t begin_ms, int64_t end_ms, BlockScratch& scratch, SampleColumns& out) const {
  if (tmax_ms_ < begin_ms || tmin_ms_ >= end_ms) return OkStatus();
  AUSPEX_RETURN_IF_ERROR(Decode(scratch, scratch.columns));
  const std::span<const int64_t> t(scratch.columns.t_ms);
  const auto begin = static_cast<size_t>(std::lower_bound(t.begin(), t.end(), begin_ms) - t.begin());
  const auto end = static_cast<size_t>(std::lower_bound(t.begin(), t.end(), end_ms) - t.begin());
  MergeOver(out, t.subspan(begin, end - begin), std::span<const double>(scratch.columns.values).subspan(begin, end - begin));
  return OkStatus();
}

}  // namespace auspex::storage
