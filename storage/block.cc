#include "block.h"

#include <algorithm>
#include <limits>

#include <xxhash.h>

#include "merge.h"

namespace auspex::storage {
namespace {

constexpr uint8_t kVersion = 2;
constexpr uint8_t kHasRuns = 1;  // flag; the others are free and must be 0
constexpr size_t kChecksumBytes = 4;

uint32_t Checksum(std::string_view bytes) { return static_cast<uint32_t>(XXH3_64bits(bytes.data(), bytes.size())); }

}  // namespace

std::string EncodeBlock(std::span<const int64_t> t_ms, std::span<const double> values, Effort effort) {
  AUSPEX_CHECK(!t_ms.empty());
  AUSPEX_CHECK(t_ms.size() == values.size());
  AUSPEX_CHECK(t_ms.size() <= kMaxBlockSamples);
  std::vector<int64_t> since(t_ms.begin(), t_ms.end());
  for (int64_t& t : since) t -= t_ms.front();
  std::string times;
  AppendInts(times, since, effort);
  std::string runs;
  if (effort == Effort::kDense) AppendRuns(runs, t_ms, values);

  std::string out;
  AppendFixed(out, kVersion);
  AppendFixed(out, static_cast<uint8_t>(SampleType::kFloat64));
  AppendFixed(out, static_cast<uint8_t>(runs.empty() ? 0 : kHasRuns));
  AppendVarint(out, t_ms.size());
  AppendSigned(out, t_ms.front());
  AppendVarint(out, static_cast<uint64_t>(t_ms.back()) - static_cast<uint64_t>(t_ms.front()));
  if (!runs.empty()) {
    AppendVarint(out, runs.size());
    out += runs;
  }
  AppendVarint(out, times.size());
  out += times;
  AppendValues(out, values, effort);
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
  if ((flags & ~kHasRuns) != 0) return Corruption("flags: stored {:#x}, known {:#x}", flags, kHasRuns);
  BlockView view;
  view.count_ = reader.Varint();
  view.tmin_ms_ = reader.Signed();
  const uint64_t span_ms = reader.Varint();
  view.tmax_ms_ = static_cast<int64_t>(static_cast<uint64_t>(view.tmin_ms_) + span_ms);
  if ((flags & kHasRuns) != 0) {
    view.runs_ = reader.Take(reader.Varint());
    if (view.runs_.empty()) return Corruption("flags say that there are runs: there are none");
  }
  view.times_ = reader.Take(reader.Varint());
  if (!reader.ok()) return Corruption("header and times do not fit into {} bytes", bytes.size());
  view.values_ = reader.rest();
  if (view.count_ == 0 || view.count_ > kMaxBlockSamples) {
    return Corruption("samples: stored {}, expected 1 to {}", view.count_, kMaxBlockSamples);
  }
  if (view.tmax_ms_ < view.tmin_ms_) return Corruption("times: from {} to {} ms", view.tmin_ms_, view.tmax_ms_);
  return view;
}

Status BlockView::Runs(RunTable& out) const {
  ByteReader reader(runs_);
  if (!TakeRuns(reader, count_, tmin_ms_, tmax_ms_, out) || !reader.Done()) {
    return Corruption("runs: {} bytes are not those of {} samples", runs_.size(), count_);
  }
  return OkStatus();
}

Status BlockView::Decode(BlockScratch& scratch, SampleColumns& out) const {
  out.t_ms.resize(count_);
  out.values.resize(count_);
  ByteReader times(times_);
  if (!TakeInts(times, count_, out.t_ms.data(), scratch.values.entropy) || !times.Done()) {
    return Corruption("times: {} bytes are not {} integers", times_.size(), count_);
  }
  bool increasing = true;
  for (size_t i = 1; i < count_; ++i) increasing &= out.t_ms[i - 1] < out.t_ms[i];
  if (!increasing) return Corruption("times: not strictly increasing");
  if (out.t_ms.front() != 0 ||
      static_cast<uint64_t>(out.t_ms.back()) != static_cast<uint64_t>(tmax_ms_) - static_cast<uint64_t>(tmin_ms_)) {
    return Corruption("times: header says {} ms, column {} to {}", tmax_ms_ - tmin_ms_, out.t_ms.front(), out.t_ms.back());
  }
  for (int64_t& t : out.t_ms) t += tmin_ms_;
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
