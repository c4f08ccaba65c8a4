#include "selection.h"

namespace auspex::storage {

/// Reads the series of a selection: blocks from the snapshot, oldest first, then what the head held.
class StoreSeriesReader final : public SeriesReader {
 public:
  explicit StoreSeriesReader(const StoreSelection& selection) : selection_(selection) {}

  Status Read(size_t index, SampleColumns& out) override {
    out.Clear();
    const SelectedSeries& series = selection_.series_[index];
    series.frozen.ReadOver(selection_.begin_ms_, selection_.end_ms_, out);
    series.head.ReadOver(selection_.begin_ms_, selection_.end_ms_, out);
    return OkStatus();
  }

 private:
  const StoreSelection& selection_;
};

StoreSelection::~StoreSelection() {
  if (snapshot_ != nullptr) rocks_->db().ReleaseSnapshot(snapshot_);
}

std::unique_ptr<SeriesReader> StoreSelection::NewReader() const { return std::make_unique<StoreSeriesReader>(*this); }

}  // namespace auspex::storage
