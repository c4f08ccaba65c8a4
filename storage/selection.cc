#include "selection.h"

#include "block_reader.h"

namespace auspex::storage {

/// Reads the series of a selection, older samples first: cold blocks, hot blocks, then what the head held.
class StoreSeriesReader final : public SeriesReader {
 public:
  explicit StoreSeriesReader(const StoreSelection& selection) : selection_(selection) {
    if (selection_.partitions_.empty()) return;
    cold_ = std::make_unique<BlockReader>(*selection_.rocks_, Family::kCold, selection_.snapshot_);
    hot_ = std::make_unique<BlockReader>(*selection_.rocks_, Family::kHot, selection_.snapshot_);
  }

  Status Read(size_t index, SampleColumns& out) override {
    out.Clear();
    const SelectedSeries& series = selection_.series_[index];
    const int64_t begin_ms = selection_.begin_ms_;
    const int64_t end_ms = selection_.end_ms_;
    if (selection_.deleted_ != nullptr) deleted_ = selection_.deleted_->Of(selection_.tenant_, series.id.ordinal);
    for (BlockReader* blocks : {cold_.get(), hot_.get()}) {
      if (blocks == nullptr) continue;
      blocks->Clear();
      blocks->SetDeleted(&deleted_);
      for (const auto& [partition, with_blocks] : selection_.partitions_) {
        if (!with_blocks->contains(series.id.ordinal)) continue;
        AUSPEX_RETURN_IF_ERROR(blocks->Collect(partition, selection_.tenant_, series.id, begin_ms, end_ms));
      }
      cost_.blocks_decoded += blocks->blocks().size();
      AUSPEX_RETURN_IF_ERROR(blocks->ReadOver(begin_ms, end_ms, scratch_, out));
    }
    series.frozen.ReadOver(begin_ms, end_ms, out);
    series.head.ReadOver(begin_ms, end_ms, out);
    return OkStatus();
  }
  ReadCost cost() const override { return cost_; }

 private:
  const StoreSelection& selection_;
  std::unique_ptr<BlockReader> cold_;
  std::unique_ptr<BlockReader> hot_;
  BlockScratch scratch_;
  ReadCost cost_;
  DeletedRanges deleted_;
};

StoreSelection::~StoreSelection() {
  if (snapshot_ != nullptr) rocks_->db().ReleaseSnapshot(snapshot_);
}

std::unique_ptr<SeriesReader> StoreSelection::NewReader() const { return std::make_unique<StoreSeriesReader>(*this); }

}  // namespace auspex::storage
