#include "selection.h"

#include <algorithm>
#include <numeric>

#include "block_reader.h"
#include "merge.h"
#include "summarized_builder.h"

namespace auspex::storage {
namespace {

// Whether no run of samples would fit between the edges. Those of windows at fixed steps lie two distances apart, in turn.
bool TooDense(std::span<const int64_t> edges) {
  constexpr int64_t kLeastMs = 10 * 60'000;
  const size_t middle = edges.size() / 2;
  if (middle > 0 && edges[middle] - edges[middle - 1] < kLeastMs) return true;
  return middle + 1 < edges.size() && edges[middle + 1] - edges[middle] < kLeastMs;
}

}  // namespace

/// Reads the series of a selection, older samples first: cold blocks, hot blocks, then what the head held.
class StoreSeriesReader final : public SeriesReader {
 public:
  explicit StoreSeriesReader(const StoreSelection& selection) : selection_(selection) {
    if (selection_.histograms_ != nullptr) {
      histograms_ = std::make_unique<HistogramReader>(*selection_.rocks_, selection_.snapshot_, *selection_.histograms_);
    }
    if (selection_.partitions_.empty()) return;
    cold_ = std::make_unique<BlockReader>(*selection_.rocks_, Family::kCold, selection_.snapshot_);
    cold_->SetCache(selection_.decoded_.get());
    hot_ = std::make_unique<BlockReader>(*selection_.rocks_, Family::kHot, selection_.snapshot_);
  }

  Status Read(size_t index, SampleColumns& out) override {
    out.Clear();
    const SelectedSeries& series = selection_.series_[index];
    const Range range = SamplesRange();
    AUSPEX_RETURN_IF_ERROR(Collect(series, range, cold_.get()));
    AUSPEX_RETURN_IF_ERROR(LayOver(range, cold_.get(), out));
    AUSPEX_RETURN_IF_ERROR(ReadYoung(series, range, out));
    if (!HasHistograms(series)) return OkStatus();
    if (selection_.deleted_ != nullptr) deleted_ = selection_.deleted_->Of(selection_.tenant_, series.id.ordinal);
    return histograms_->ReadOver(selection_.tenant_, series.id, range.begin_ms, range.end_ms, deleted_, out);
  }

  Status ReadSummarized(size_t index, const SummaryUse& use, SummarizedColumns& out) override {
    const SelectedSeries& series = selection_.series_[index];
    Range range = SamplesRange();
    const bool reaches_expired = selection_.begin_ms_ < range.begin_ms;
    // Histograms are not summed up.
    if (HasHistograms(series) || (!reaches_expired && TooDense(use.edges))) {
      return SeriesReader::ReadSummarized(index, use, out);
    }
    out.Clear();
    if (reaches_expired) AUSPEX_RETURN_IF_ERROR(ReadExpired(series, use, range, out));
    const SummarizedColumns::Piece expired{.summarized = true, .begin = 0, .end = out.runs.size()};
    if (expired.end > 0) out.pieces.push_back(expired);
    AUSPEX_RETURN_IF_ERROR(Collect(series, range, cold_.get()));
    young_.Clear();
    AUSPEX_RETURN_IF_ERROR(ReadYoung(series, range, young_));
    if (cold_ != nullptr && cold_->Disjoint()) {
      SummarizedBuilder builder(use, range.begin_ms, range.end_ms, out);
      AUSPEX_RETURN_IF_ERROR(Build(range, builder));
      if (!builder.failed()) return OkStatus();
      out.samples.Clear();
      out.runs.resize(expired.end);
      out.pieces.resize(expired.end > 0 ? 1 : 0, expired);
      if (expired.end > 0) out.pieces.front() = expired;
    }
    AUSPEX_RETURN_IF_ERROR(LayOver(range, cold_.get(), out.samples));
    MergeOver(out.samples, young_.t_ms, young_.values);
    if (!out.samples.t_ms.empty()) out.pieces.push_back({.summarized = false, .begin = 0, .end = out.samples.t_ms.size()});
    return OkStatus();
  }
  ReadCost cost() const override { return cost_; }

 private:
  struct Range {
    int64_t begin_ms;
    int64_t end_ms;
  };
  // Of what may be answered sample by sample.
  Range SamplesRange() const { return {std::max(selection_.begin_ms_, selection_.oldest_.samples_ms), selection_.end_ms_}; }

  bool HasHistograms(const SelectedSeries& series) const {
    return histograms_ != nullptr && selection_.histograms_->Has(series.id.ordinal);
  }

  Status Collect(const SelectedSeries& series, Range range, BlockReader* blocks) {
    if (blocks == nullptr) return OkStatus();
    if (selection_.deleted_ != nullptr) deleted_ = selection_.deleted_->Of(selection_.tenant_, series.id.ordinal);
    blocks->SetDeleted(&deleted_);
    blocks->Clear();
    for (const SelectedPartition& one : selection_.partitions_) {
      if (one.tiers != 0 || !one.partition.Overlaps(range.begin_ms, range.end_ms)) continue;
      if (!one.series->contains(series.id.ordinal)) continue;
      AUSPEX_RETURN_IF_ERROR(blocks->Collect(one.partition, selection_.tenant_, series.id, range.begin_ms, range.end_ms));
    }
    return OkStatus();
  }

  Status LayOver(Range range, BlockReader* blocks, SampleColumns& out) {
    if (blocks == nullptr) return OkStatus();
    const uint64_t before = blocks->cached_count();
    AUSPEX_RETURN_IF_ERROR(blocks->ReadOver(range.begin_ms, range.end_ms, scratch_, out));
    const uint64_t cached = blocks->cached_count() - before;
    cost_.blocks_skipped += cached;
    cost_.blocks_decoded += blocks->blocks().size() - cached;
    return OkStatus();
  }

  // What is younger than any cold block.
  Status ReadYoung(const SelectedSeries& series, Range range, SampleColumns& out) {
    AUSPEX_RETURN_IF_ERROR(Collect(series, range, hot_.get()));
    AUSPEX_RETURN_IF_ERROR(LayOver(range, hot_.get(), out));
    if (series.pins_at == SelectedSeries::kNoPins) return OkStatus();
    const SelectedPins& pins = selection_.pins_[series.pins_at];
    pins.frozen.ReadOver(range.begin_ms, range.end_ms, scratch_, out);
    pins.head.ReadOver(range.begin_ms, range.end_ms, scratch_, out);
    return OkStatus();
  }

  // Cold blocks, which are disjoint, and young samples between them, in time order.
  Status Build(Range range, SummarizedBuilder& builder) {
    const std::span<const int64_t> t(young_.t_ms);
    const std::span<const double> values(young_.values);
    size_t at = 0;
    for (const BlockReader::Collected& block : cold_->blocks()) {
      const auto from = static_cast<size_t>(std::lower_bound(t.begin(), t.end(), block.key.tmin_ms) - t.begin());
      const auto to = static_cast<size_t>(std::upper_bound(t.begin(), t.end(), block.tmax_ms) - t.begin());
      builder.AddSamples(t.subspan(at, from - at), values.subspan(at, from - at));
      at = to;
      AUSPEX_ASSIGN_OR_RETURN(const BlockView view, cold_->View(block));
      bool decoded = true;
      const uint64_t before = cold_->cached_count();
      if (from == to && !cold_->Touched(block.key, view)) {
        if (const Status status = builder.AddBlock(*cold_, block, view, scratch_, decoded); !status.ok()) {
          return cold_->Where(block.key, status);
        }
      } else {
        mixed_.Clear();
        const Status status = cold_->DecodeOver(block, view, range.begin_ms, range.end_ms, scratch_, mixed_);
        if (!status.ok()) return cold_->Where(block.key, status);
        MergeOver(mixed_, t.subspan(from, to - from), values.subspan(from, to - from));
        builder.AddSamples(mixed_.t_ms, mixed_.values);
      }
      decoded = decoded && cold_->cached_count() == before;
      ++(decoded ? cost_.blocks_decoded : cost_.blocks_skipped);
      if (builder.failed()) return OkStatus();
    }
    builder.AddSamples(t.subspan(at), values.subspan(at));
    return OkStatus();
  }

  // Whether all edges before `until_ms` lie behind ticks.
  static bool Whole(std::span<const int64_t> edges, int64_t until_ms, int64_t resolution_ms) {
    return std::all_of(edges.begin(), edges.end(),
                       [&](int64_t edge) { return edge > until_ms || (edge - 1) % resolution_ms == 0; });
  }

  // What samples before range.begin_ms amount to, as far as a tier knows; moves the range behind it. Where a partition still
  // has its samples they are summed up here in the same way.
  Status ReadExpired(const SelectedSeries& series, const SummaryUse& use, Range& range, SummarizedColumns& out) {
    for (const Tier tier : {Tier::kHour, Tier::kFiveMinutes}) {
      const int64_t oldest_ms = selection_.oldest_.Of(tier);
      const int64_t resolution_ms = ResolutionOf(tier);
      if (oldest_ms >= range.begin_ms) continue;
      const int64_t end_tick_ms = TickAtOrAbove(range.begin_ms, resolution_ms);
      if (end_tick_ms >= range.end_ms && (range.end_ms - 1) % resolution_ms != 0) continue;
      if (!Whole(use.edges, end_tick_ms, resolution_ms)) continue;
      const int64_t begin_tick_ms = TickAtOrAbove(std::max(selection_.begin_ms_, oldest_ms) - 1, resolution_ms);
      AUSPEX_RETURN_IF_ERROR(CollectRuns(series, tier, begin_tick_ms, std::min(end_tick_ms, range.end_ms - 1), out.runs));
      range.begin_ms = std::min(end_tick_ms + 1, range.end_ms);
      for (RunSummary& run : out.runs) {
        if (!use.sums) run.sum = 0;
        if (!use.resets) run.reset_sum = 0;
        if (!use.resets) run.resets_count = 0;
      }
      // Hours may reach further back, and do not fit, or they would have been taken.
      if (tier == Tier::kFiveMinutes) NoteUnused(series, oldest_ms);
      return OkStatus();
    }
    NoteUnused(series, range.begin_ms);
    return OkStatus();
  }

  // Summaries of times before `end_ms` that were asked for and do not fit.
  void NoteUnused(const SelectedSeries& series, int64_t end_ms) {
    const int64_t begin_ms = selection_.begin_ms_;
    const bool any =
        begin_ms < end_ms &&
        std::any_of(selection_.partitions_.begin(), selection_.partitions_.end(), [&](const SelectedPartition& one) {
          return one.tiers != 0 && one.partition.Overlaps(begin_ms, end_ms) && one.series->contains(series.id.ordinal);
        });
    cost_.summaries_unused += any ? 1 : 0;
  }

  // Runs whose stretches lie within (begin_tick_ms, end_tick_ms].
  Status CollectRuns(const SelectedSeries& series, Tier tier, int64_t begin_tick_ms, int64_t end_tick_ms,
                     std::vector<RunSummary>& out) {
    if (begin_tick_ms >= end_tick_ms) return OkStatus();
    if (selection_.deleted_ != nullptr) deleted_ = selection_.deleted_->Of(selection_.tenant_, series.id.ordinal);
    std::unique_ptr<CoarseReader>& reader = coarse_[static_cast<size_t>(tier)];
    for (const SelectedPartition& one : selection_.partitions_) {
      if ((one.tiers & MaskOf(tier)) == 0 || !one.series->contains(series.id.ordinal)) continue;
      if (reader == nullptr) reader = std::make_unique<CoarseReader>(*selection_.rocks_, tier, selection_.snapshot_);
      AUSPEX_RETURN_IF_ERROR(
          reader->ReadInto(one.partition, selection_.tenant_, series.id, begin_tick_ms, end_tick_ms, deleted_, out));
    }
    const Range range{begin_tick_ms + 1, end_tick_ms + 1};
    mixed_.Clear();
    AUSPEX_RETURN_IF_ERROR(Collect(series, range, cold_.get()));
    AUSPEX_RETURN_IF_ERROR(LayOver(range, cold_.get(), mixed_));
    AUSPEX_RETURN_IF_ERROR(ReadYoung(series, range, mixed_));
    Summarize(mixed_.t_ms, mixed_.values, ResolutionOf(tier), out);
    KeepApart(out);
    return OkStatus();
  }

  // Partitions of different lengths, after the retention was changed, may both have some of a stretch: what it amounts to
  // cannot be told any more.
  static void KeepApart(std::vector<RunSummary>& runs) {
    const auto before = [](const RunSummary& a, const RunSummary& b) { return a.t_first_ms < b.t_first_ms; };
    std::sort(runs.begin(), runs.end(), before);
    const auto meet = [&](size_t i) { return i + 1 < runs.size() && runs[i].t_last_ms >= runs[i + 1].t_first_ms; };
    size_t kept = 0;
    bool met = false;
    for (size_t i = 0; i < runs.size(); ++i) {
      const bool meets = meet(i);
      if (!met && !meets) runs[kept++] = runs[i];
      met = meets;
    }
    runs.resize(kept);
  }

  const StoreSelection& selection_;
  std::unique_ptr<BlockReader> cold_;
  std::unique_ptr<BlockReader> hot_;
  BlockScratch scratch_;
  SampleColumns young_;
  SampleColumns mixed_;
  std::unique_ptr<HistogramReader> histograms_;
  std::unique_ptr<CoarseReader> coarse_[kTiersCount];
  ReadCost cost_;
  DeletedRanges deleted_;
};

StoreSelection::~StoreSelection() {
  if (snapshot_ != nullptr) rocks_->db().ReleaseSnapshot(snapshot_);
}

void StoreSelection::Add(SeriesId id, HeadPin frozen, HeadPin head) {
  SelectedSeries& series = series_.emplace_back();
  series.id = id;
  if (frozen.empty() && head.empty()) return;
  series.pins_at = static_cast<uint32_t>(pins_.size());
  pins_.push_back({std::move(frozen), std::move(head)});
}

void StoreSelection::SortById() {
  const auto less = [](const SelectedSeries& a, const SelectedSeries& b) { return a.id < b.id; };
  if (!std::is_sorted(series_.begin(), series_.end(), less)) std::sort(series_.begin(), series_.end(), less);
}

void StoreSelection::SortByLabels() {
  std::vector<uint32_t> ordinals(series_.size());
  for (size_t i = 0; i < ordinals.size(); ++i) ordinals[i] = series_[i].id.ordinal;
  std::vector<Labels> labels = index_->LabelsOf(ordinals);
  std::vector<uint32_t> order(series_.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return labels[a] < labels[b]; });
  std::vector<SelectedSeries> sorted;
  sorted.reserve(order.size());
  labels_.reserve(order.size());
  for (const uint32_t i : order) {
    sorted.push_back(series_[i]);
    labels_.push_back(std::move(labels[i]));
  }
  series_ = std::move(sorted);
}

std::unique_ptr<SeriesReader> StoreSelection::NewReader() const { return std::make_unique<StoreSeriesReader>(*this); }

}  // namespace auspex::storage
