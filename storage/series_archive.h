#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <roaring/roaring.hh>

#include "archive_rows.h"
#include "auspex/storage/base/result.h"
#include "auspex/storage/labels.h"
#include "auspex/storage/matcher.h"
#include "keys.h"
#include "rocks.h"

namespace auspex::storage {

/// Series that nothing has been written to for a while: labels and postings in the column family `archive`, in segments that do
/// not change, read through RocksDB's block cache. In memory there is only which ordinals a segment has. An ordinal may be in
/// several segments, and in the index at the same time: it names the same series everywhere. Thread-safe.
/// docs/format/keys.md has the rows.
class SeriesArchive {
 public:
  /// Series of one segment at most: what writing one holds in memory.
  static constexpr size_t kSegmentSeries = 65'536;

  using Entry = ArchivedSeries;

  explicit SeriesArchive(std::shared_ptr<const Rocks> rocks) : rocks_owner_(std::move(rocks)), rocks_(*rocks_owner_) {}

  /// Errors: Corruption, IoError.
  Status Load();
  /// Makes a segment of at most kSegmentSeries series. `written` is told after each write.
  Status Add(std::span<const Entry> entries, const std::function<void()>& written);
  /// Deletes the segments that have none of the `live` series.
  Status DropAllBut(const Roaring& live, const std::function<void()>& written);

  bool empty() const { return segments_count_.load(std::memory_order_acquire) == 0; }
  /// One above the largest ordinal; 0 when empty.
  uint32_t ordinals_end() const;
  uint64_t series_count() const;
  uint64_t bytes() const;

  /// The series of the tenant among `candidates` that pass every matcher, and their groups.
  Result<std::vector<SeriesId>> Match(TenantId tenant, std::span<const Matcher> matchers, const Roaring& candidates) const;
  /// None when it is in no segment.
  Result<std::optional<Entry>> Find(uint32_t ordinal) const;
  Result<std::optional<Entry>> Find(TenantId tenant, const Labels& labels) const;

  /// Calls visit for the label names, or the values of `name`, of those series, each segment's in its order, until it returns
  /// false. Some come several times.
  Status VisitNames(TenantId tenant, const Roaring& series, const std::function<bool(std::string_view)>& visit) const;
  Status VisitValues(TenantId tenant, std::string_view name, const Roaring& series,
                     const std::function<bool(std::string_view)>& visit) const;

  static uint64_t HashOf(TenantId tenant, const Labels& labels);

 private:
  struct Segment {
    uint32_t number = 0;
    Roaring ordinals;
  };
  using Hashes = std::map<uint64_t, std::string>;  // ordinals by hash
  /// The row of a hash, read once.
  Result<std::reference_wrapper<std::string>> Hashed(uint64_t hash, Hashes& hashes) const;
  using Segments = std::vector<std::shared_ptr<const Segment>>;
  Segments Current() const;
  Status Restrict(const Segment& segment, TenantId tenant, const Matcher& matcher, Roaring& set) const;
  Status Filter(const Segment& segment, std::span<const Matcher> matchers, Roaring& set) const;
  Result<std::optional<Entry>> Read(const Segment& segment, uint32_t ordinal) const;
  /// Calls visit(value, ordinals) for the postings of `name` whose value begins with `prefix`, in their order.
  Status VisitPostings(const Segment& segment, TenantId tenant, std::string_view name, std::string_view prefix,
                       const std::function<bool(std::string_view, const Roaring&)>& visit) const;

  const std::shared_ptr<const Rocks> rocks_owner_;
  const Rocks& rocks_;
  mutable std::shared_mutex mu_;
  Segments segments_;  // guarded by mu_; by number
  uint32_t next_number_ = 1;
  std::atomic<size_t> segments_count_{0};
};

}  // namespace auspex::storage
