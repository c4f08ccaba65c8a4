#include "summarized_builder.h"

#include <algorithm>
#include <cmath>

#include "decimal.h"

namespace auspex::storage {

SummarizedBuilder::SummarizedBuilder(const SummaryUse& use, int64_t begin_ms, int64_t end_ms, SummarizedColumns& out)
    : use_(use), begin_ms_(begin_ms), end_ms_(end_ms), out_(out) {}

size_t SummarizedBuilder::SamplesEnd() const {
  for (size_t i = out_.pieces.size(); i-- > 0;) {
    if (!out_.pieces[i].summarized) return out_.pieces[i].end;
  }
  return 0;
}

void SummarizedBuilder::AddPiece(bool summarized, size_t end) {
  if (out_.pieces.empty() || out_.pieces.back().summarized != summarized) {
    // Pieces of both kinds alternate.
    const size_t begin = out_.pieces.size() < 2 ? 0 : out_.pieces[out_.pieces.size() - 2].end;
    out_.pieces.push_back({.summarized = summarized, .begin = begin, .end = end});
  }
  out_.pieces.back().end = end;
}

void SummarizedBuilder::CheckSums() {
  if (!use_.sums || out_.runs.empty()) return;  // without runs nobody asks
  for (; checked_ < out_.samples.values.size(); ++checked_) {
    const double v = out_.samples.values[checked_];
    if (IsStaleMarker(v)) continue;
    integers_ &= std::nearbyint(v) == v;
    magnitude_ += std::fabs(v);
  }
  failed_ = !(integers_ && magnitude_ <= kMaxInteger);
}

void SummarizedBuilder::AddSamples(std::span<const int64_t> t_ms, std::span<const double> values) {
  if (t_ms.empty()) return;
  out_.samples.t_ms.insert(out_.samples.t_ms.end(), t_ms.begin(), t_ms.end());
  out_.samples.values.insert(out_.samples.values.end(), values.begin(), values.end());
  AddPiece(/*summarized=*/false, out_.samples.t_ms.size());
  CheckSums();
}

bool SummarizedBuilder::Divided(int64_t t_first_ms, int64_t t_last_ms) const {
  const auto edge = std::upper_bound(use_.edges.begin(), use_.edges.end(), t_first_ms);
  return edge != use_.edges.end() && *edge <= t_last_ms;
}

bool SummarizedBuilder::WorthLooking(const BlockView& block) const {
  if (!block.has_runs()) return false;
  // With an edge for every few samples no run stays whole.
  constexpr size_t kSamplesPerEdge = 64;
  const auto from = std::upper_bound(use_.edges.begin(), use_.edges.end(), block.tmin_ms());
  const auto to = std::upper_bound(from, use_.edges.end(), block.tmax_ms());
  return static_cast<size_t>(to - from) * kSamplesPerEdge < block.samples_count();
}

Status SummarizedBuilder::AddBlock(BlockReader& reader, const BlockReader::Collected& collected, const BlockView& block,
                                   BlockScratch& scratch, bool& read) {
  bool summarizes = WorthLooking(block);
  if (summarizes) {
    AUSPEX_RETURN_IF_ERROR(block.Runs(table_));
    summarizes = (!use_.sums || table_.sums) && (!use_.resets || table_.resets);
  }
  read = !summarizes;
  if (!summarizes) {
    AUSPEX_RETURN_IF_ERROR(reader.DecodeOver(collected, block, begin_ms_, end_ms_, scratch, out_.samples));
    const size_t end = out_.samples.t_ms.size();
    if (end > SamplesEnd()) AddPiece(/*summarized=*/false, end);
    CheckSums();
    return OkStatus();
  }
  const auto add = [&](const RunSummary& run) {
    if (!read) {
      samples_.Clear();
      AUSPEX_RETURN_IF_ERROR(reader.DecodeOver(collected, block, begin_ms_, end_ms_, scratch, samples_));
      read = true;
    }
    const std::span<const int64_t> t(samples_.t_ms);
    const auto from = static_cast<size_t>(std::lower_bound(t.begin(), t.end(), run.t_first_ms) - t.begin());
    const auto to = static_cast<size_t>(std::upper_bound(t.begin(), t.end(), run.t_last_ms) - t.begin());
    AddSamples(t.subspan(from, to - from), std::span<const double>(samples_.values).subspan(from, to - from));
    return OkStatus();
  };
  for (const BlockRun& run : table_.runs) {
    const RunSummary& summary = run.summary;
    if (summary.t_last_ms < begin_ms_ || summary.t_first_ms >= end_ms_) continue;
    if (!run.plain || summary.t_first_ms < begin_ms_ || summary.t_last_ms >= end_ms_ ||
        Divided(summary.t_first_ms, summary.t_last_ms)) {
      AUSPEX_RETURN_IF_ERROR(add(summary));
      continue;
    }
    RunSummary& added = out_.runs.emplace_back(summary);
    if (!use_.sums) added.sum = 0;
    if (!use_.resets) added.reset_sum = 0;
    if (!use_.resets) added.resets_count = 0;
    magnitude_ += static_cast<double>(summary.count) * std::max(std::fabs(summary.min), std::fabs(summary.max));
    AddPiece(/*summarized=*/true, out_.runs.size());
  }
  CheckSums();
  return OkStatus();
}

}  // namespace auspex::storage
