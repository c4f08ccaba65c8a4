#include "selection.h"

#include <algorithm>
#include <numeric>

#include "block_reader.h"
#include "merge.h"
#include "summarized_builder.h"

namespace auspex::storage {

/// Reads the series of a selection, older samples first: cold blocks, hot blocks, then what the head held.
class StoreSeriesReader final : public SeriesReader {
 public:
  explicit StoreSeriesReader(const StoreSelection& selection) : selection_(selection) {
    if (selection_.histograms_ != nullptr) {
      histograms_ = std::make_unique<HistogramReader>(*selection_.rocks_, selection_.snapshot_, *selection_.histograms_);
    }
    if (selection_.partitions_.empty()) return;
    cold_ = std::make_unique<BlockReader>(*selection_.rocks_, Family::kCold, selection_.snapshot_);
    hot_ = std::make_unique<BlockReader>(*selection_.rocks_, Family::kHot, selection_.snapshot_);
  }

  Status Read(size_t index, SampleColumns& out) override {
    out.Clear();
    const SelectedSeries& series = selection_.series_[index];
    AUSPEX_RETURN_IF_ERROR(Collect(series, cold_.get()));
    AUSPEX_RETURN_IF_ERROR(LayOver(cold_.get(), out));
    AUSPEX_RETURN_IF_ERROR(ReadYoung(series, out));
    if (!HasHistograms(series)) return OkStatus();
    if (selection_.deleted_ != nullptr) deleted_ = selection_.deleted_->Of(selection_.tenant_, series.id.ordinal);
    return histograms_->ReadOver(selection_.tenant_, series.id, selection_.begin_ms_, selection_.end_ms_, deleted_, out);
  }

  Status ReadSummarized(size_t index, const SummaryUse& use, SummarizedColumns& out) override {
    // Histograms are not summed up.
    if (HasHistograms(selection_.series_[index])) return SeriesReader::ReadSummarized(index, use, out);
    out.Clear();
    const SelectedSeries& series = selection_.series_[index];
    AUSPEX_RETURN_IF_ERROR(Collect(series, cold_.get()));
    young_.Clear();
    AUSPEX_RETURN_IF_ERROR(ReadYoung(series, young_));
    if (cold_ != nullptr && cold_->Disjoint()) {
      SummarizedBuilder builder(use, selection_.begin_ms_, selection_.end_ms_, out);
      AUSPEX_RETURN_IF_ERROR(Build(builder));
      if (!builder.failed()) return OkStatus();
      out.Clear();
    }
    AUSPEX_RETURN_IF_ERROR(LayOver(cold_.get(), out.samples));
    MergeOver(out.samples, young_.t_ms, young_.values);
    if (!out.samples.t_ms.empty()) out.pieces.push_back({.summarized = false, .begin = 0, .end = out.samples.t_ms.size()});
    return OkStatus();
  }
  ReadCost cost() const override { return cost_; }

 private:
  bool HasHistograms(const SelectedSeries& series) const {
    return histograms_ != nullptr && selection_.histograms_->Has(series.id.ordinal);
  }

  Status Collect(const SelectedSeries& series, BlockReader* blocks) {
    if (blocks == nullptr) return OkStatus();
    if (selection_.deleted_ != nullptr) deleted_ = selection_.deleted_->Of(selection_.tenant_, series.id.ordinal);
    blocks->SetDeleted(&deleted_);
    blocks->Clear();
    for (const auto& [partition, with_blocks] : selection_.partitions_) {
      if (!with_blocks->contains(series.id.ordinal)) continue;
      AUSPEX_RETURN_IF_ERROR(
          blocks->Collect(partition, selection_.tenant_, series.id, selection_.begin_ms_, selection_.end_ms_));
    }
    return OkStatus();
  }

  Status LayOver(BlockReader* blocks, SampleColumns& out) {
    if (blocks == nullptr) return OkStatus();
    cost_.blocks_decoded += blocks->blocks().size();
    return blocks->ReadOver(selection_.begin_ms_, selection_.end_ms_, scratch_, out);
  }

  // What is younger than any cold block.
  Status ReadYoung(const SelectedSeries& series, SampleColumns& out) {
    AUSPEX_RETURN_IF_ERROR(Collect(series, hot_.get()));
    AUSPEX_RETURN_IF_ERROR(LayOver(hot_.get(), out));
    if (series.pins_at == SelectedSeries::kNoPins) return OkStatus();
    const SelectedPins& pins = selection_.pins_[series.pins_at];
    pins.frozen.ReadOver(selection_.begin_ms_, selection_.end_ms_, scratch_, out);
    pins.head.ReadOver(selection_.begin_ms_, selection_.end_ms_, scratch_, out);
    return OkStatus();
  }

  // Cold blocks, which are disjoint, and young samples between them, in time order.
  Status Build(SummarizedBuilder& builder) {
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
      if (from == to && !cold_->Touched(block.key, view)) {
        if (const Status status = builder.AddBlock(view, scratch_, decoded); !status.ok()) {
          return cold_->Where(block.key, status);
        }
      } else {
        mixed_.Clear();
        const Status status = cold_->DecodeOver(block.key, view, selection_.begin_ms_, selection_.end_ms_, scratch_, mixed_);
        if (!status.ok()) return cold_->Where(block.key, status);
        MergeOver(mixed_, t.subspan(from, to - from), values.subspan(from, to - from));
        builder.AddSamples(mixed_.t_ms, mixed_.values);
      }
      ++(decoded ? cost_.blocks_decoded : cost_.blocks_skipped);
      if (builder.failed()) return OkStatus();
    }
    builder.AddSamples(t.subspan(at), values.subspan(at));
    return OkStatus();
  }

  const StoreSelection& selection_;
  std::unique_ptr<BlockReader> cold_;
  std::unique_ptr<BlockReader> hot_;
  BlockScratch scratch_;
  SampleColumns young_;
  SampleColumns mixed_;
  std::unique_ptr<HistogramReader> histograms_;
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
