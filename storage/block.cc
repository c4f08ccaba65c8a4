#include "block.h"

#include <algorithm>
#include <limits>

#include "block_frame.h"
#include "kernels.h"
#include "merge.h"

namespace auspex::storage {
namespace {

constexpr uint8_t kVersion = 2;
constexpr uint8_t kHasRuns = 1;  // flag; the others are free and must be 0

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
  BeginBlock(out, BlockType::kFloat64, kVersion);
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
  EndBlock(out);
  return out;
}

Result<BlockView> BlockView::Parse(std::string_view bytes) {
  AUSPEX_ASSIGN_OR_RETURN(const ByteReader reader, OpenBlock(bytes, BlockType::kFloat64, kVersion));
  return ReadHeader(reader);
}

Result<BlockView> BlockView::ParseAgain(std::string_view bytes) { return ReadHeader(ReopenBlock(bytes)); }

Result<BlockView> BlockView::ReadHeader(ByteReader reader) {
  const size_t bytes_count = reader.rest().size();
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
  if (!reader.ok()) return Corruption("header and times do not fit into {} bytes", bytes_count);
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

Status BlockView::DecodeTo(BlockScratch& scratch, int64_t* t_ms, double* values_out) const {
  const uint64_t span_ms = static_cast<uint64_t>(tmax_ms_) - static_cast<uint64_t>(tmin_ms_);
  if (const auto line = LineOf(times_)) {
    uint64_t rise = 0;
    const bool over = __builtin_mul_overflow(static_cast<uint64_t>(line->slope), uint64_t{count_ - 1}, &rise);
    if (over || line->first != 0 || rise != span_ms || (count_ > 1 && line->slope <= 0)) {
      return Corruption("times: header says {} ms, column {} times {} ms", span_ms, count_ - 1, line->slope);
    }
    FillLine(tmin_ms_, line->slope, count_, t_ms);
  } else {
    ByteReader times(times_);
    if (!TakeInts(times, count_, t_ms, scratch.values.entropy) || !times.Done()) {
      return Corruption("times: {} bytes are not {} integers", times_.size(), count_);
    }
    if (!Increasing(t_ms, count_)) return Corruption("times: not strictly increasing");
    if (t_ms[0] != 0 || static_cast<uint64_t>(t_ms[count_ - 1]) != span_ms) {
      return Corruption("times: header says {} ms, column {} to {}", span_ms, t_ms[0], t_ms[count_ - 1]);
    }
    for (size_t i = 0; i < count_; ++i) t_ms[i] += tmin_ms_;
  }
  ByteReader values(values_);
  if (!TakeValues(values, count_, values_out, scratch.values) || !values.Done()) {
    return Corruption("values: {} bytes are not {} doubles", values_.size(), count_);
  }
  return OkStatus();
}

Status BlockView::Decode(BlockScratch& scratch, SampleColumns& out) const {
  out.t_ms.resize(count_);
  out.values.resize(count_);
  return DecodeTo(scratch, out.t_ms.data(), out.values.data());
}

Status BlockView::DecodeOver(int64_t begin_ms, int64_t end_ms, BlockScratch& scratch, SampleColumns& out) const {
  if (tmax_ms_ < begin_ms || tmin_ms_ >= end_ms) return OkStatus();
  const size_t before = out.t_ms.size();
  if (tmin_ms_ >= begin_ms && tmax_ms_ < end_ms && (before == 0 || out.t_ms.back() < tmin_ms_)) {
    // Wholly wanted, and behind what is there: no second copy.
    out.t_ms.resize(before + count_);
    out.values.resize(before + count_);
    return DecodeTo(scratch, out.t_ms.data() + before, out.values.data() + before);
  }
  AUSPEX_RETURN_IF_ERROR(Decode(scratch, scratch.columns));
  const std::span<const int64_t> t(scratch.columns.t_ms);
  const auto begin = static_cast<size_t>(std::lower_bound(t.begin(), t.end(), begin_ms) - t.begin());
  const auto end = static_cast<size_t>(std::lower_bound(t.begin(), t.end(), end_ms) - t.begin());
  MergeOver(out, t.subspan(begin, end - begin), std::span<const double>(scratch.columns.values).subspan(begin, end - begin));
  return OkStatus();
}

}  // namespace auspex::storage
