#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include <roaring/roaring.hh>

#include "auspex/storage/series_store.h"
#include "block_cache.h"
#include "coarse_table.h"
#include "head.h"
#include "histogram_table.h"
#include "keys.h"
#include "rocks.h"
#include "series_index.h"
#include "tombstones.h"

namespace auspex::storage {

/// One matched series.
struct SelectedSeries {
  static constexpr uint32_t kNoPins = 0xffff'ffff;
  SeriesId id;
  uint32_t pins_at = kNoPins;  ///< in the selection's pins
};

/// What the head held of a series.
struct SelectedPins {
  HeadPin frozen;  ///< of the head that was being flushed: older
  HeadPin head;
};

/// A partition with blocks, and the series that have some there: no other is looked for.
struct SelectedPartition {
  Partition partition;
  std::shared_ptr<const Roaring> series;
  TierMask tiers = 0;  ///< what is left of it; 0: its samples
};

/// Up to when samples may be answered, and up to when the summaries of each tier: what is older has expired.
struct OldestTimes {
  int64_t samples_ms = kMinTimeMs;
  int64_t tiers_ms[kTiersCount] = {kMaxTimeMs, kMaxTimeMs};  ///< kMaxTimeMs: there is no such tier
  int64_t Of(Tier tier) const { return tiers_ms[static_cast<size_t>(tier)]; }
  int64_t Least() const { return std::min({samples_ms, tiers_ms[0], tiers_ms[1]}); }
};

/// What Select froze: pins of the head and a RocksDB snapshot. Labels are kept when they decide the order, else looked up.
class StoreSelection final : public Selection {
 public:
  /// oldest: from when on what is answered; request.begin_ms is not before the least. partitions: those that have blocks within
  /// the request's times, in order. snapshot: may be null when there are none. deleted: may be null.
  /// decoded: blocks that queries share.
  StoreSelection(std::shared_ptr<Rocks> rocks, std::shared_ptr<const SeriesIndex> index,
                 std::shared_ptr<const SeriesArchive> archive, const SelectRequest& request, const OldestTimes& oldest,
                 std::vector<SelectedPartition> partitions, std::shared_ptr<const Tombstones> deleted,
                 std::shared_ptr<BlockCache> decoded, const rocksdb::Snapshot* snapshot)
      : rocks_(std::move(rocks)),
        archive_(std::move(archive)),
        index_(std::move(index)),
        tenant_(request.tenant),
        begin_ms_(request.begin_ms),
        end_ms_(request.end_ms),
        oldest_(oldest),
        partitions_(std::move(partitions)),
        deleted_(std::move(deleted)),
        decoded_(std::move(decoded)),
        snapshot_(snapshot) {}
  ~StoreSelection() override;

  size_t size() const override { return series_.size(); }
  Labels labels(size_t index) const override {
    return labels_.empty() ? index_->LabelsOf(series_[index].id.ordinal) : labels_[index];
  }
  Labels LabelsKept(size_t index, std::span<const std::string_view> names) const override {
    return index_->LabelsOf(series_[index].id.ordinal, names);
  }
  std::unique_ptr<SeriesReader> NewReader() const override;

  // For Select, which fills this.
  void Add(SeriesId id, HeadPin frozen, HeadPin head);
  void SortById();
  void SortByLabels();
  /// Null: none of the series has any.
  void SetHistograms(std::shared_ptr<const HistogramSelection> histograms) { histograms_ = std::move(histograms); }

 private:
  friend class StoreSeriesReader;
  const std::shared_ptr<Rocks> rocks_;
  const std::shared_ptr<const SeriesArchive> archive_;  // which the index looks into
  const std::shared_ptr<const SeriesIndex> index_;
  const TenantId tenant_;
  const int64_t begin_ms_;
  const int64_t end_ms_;
  const OldestTimes oldest_;
  const std::vector<SelectedPartition> partitions_;
  const std::shared_ptr<const Tombstones> deleted_;
  const std::shared_ptr<BlockCache> decoded_;
  const rocksdb::Snapshot* const snapshot_;
  std::vector<SelectedSeries> series_;
  std::vector<SelectedPins> pins_;
  std::vector<Labels> labels_;  // of series_; empty: looked up
  std::shared_ptr<const HistogramSelection> histograms_;
};

}  // namespace auspex::storage
