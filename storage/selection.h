#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <roaring/roaring.hh>

#include "auspex/storage/series_store.h"
#include "head.h"
#include "keys.h"
#include "rocks.h"
#include "tombstones.h"

namespace auspex::storage {

/// One matched series and what the head held of it.
struct SelectedSeries {
  Labels labels;
  SeriesId id;
  HeadPin frozen;  ///< of the head that was being flushed: older
  HeadPin head;
};

/// A partition with blocks, and the series that have some there: no other is looked for.
struct SelectedPartition {
  Partition partition;
  std::shared_ptr<const Roaring> series;
};

/// What Select froze: pins of the head and a RocksDB snapshot.
class StoreSelection final : public Selection {
 public:
  /// partitions: those that have blocks within the request's times, in order. snapshot: may be null when there are none.
  /// deleted: may be null.
  StoreSelection(std::shared_ptr<Rocks> rocks, const SelectRequest& request, std::vector<SelectedPartition> partitions,
                 std::shared_ptr<const Tombstones> deleted, const rocksdb::Snapshot* snapshot)
      : rocks_(std::move(rocks)),
        tenant_(request.tenant),
        begin_ms_(request.begin_ms),
        end_ms_(request.end_ms),
        partitions_(std::move(partitions)),
        deleted_(std::move(deleted)),
        snapshot_(snapshot) {}
  ~StoreSelection() override;

  size_t size() const override { return series_.size(); }
  const Labels& labels(size_t index) const override { return series_[index].labels; }
  std::unique_ptr<SeriesReader> NewReader() const override;

  std::vector<SelectedSeries>& series() { return series_; }

 private:
  friend class StoreSeriesReader;
  const std::shared_ptr<Rocks> rocks_;
  const TenantId tenant_;
  const int64_t begin_ms_;
  const int64_t end_ms_;
  const std::vector<SelectedPartition> partitions_;
  const std::shared_ptr<const Tombstones> deleted_;
  const rocksdb::Snapshot* const snapshot_;
  std::vector<SelectedSeries> series_;
};

}  // namespace auspex::storage
