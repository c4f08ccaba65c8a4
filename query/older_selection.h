#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>

#include "auspex/query/older_samples.h"
#include "execution.h"
#include "range_source.h"

namespace auspex::query {

/// The series of a range selector over a longer stretch of the past, selected when the first of them is asked for.
/// Thread-safe. Borrows source and execution.
class OlderSelection {
 public:
  OlderSelection(const RangeSource& source, int64_t begin_ms, int64_t end_ms, Execution& execution)
      : source_(source), begin_ms_(begin_ms), end_ms_(end_ms), execution_(execution) {}

  /// One thread's view, of one series after the other. Borrows the selection.
  class Reader final : public OlderSamples {
   public:
    explicit Reader(OlderSelection& parent) : parent_(parent) {}
    void SetSeries(const Labels& labels) { labels_ = &labels; }
    Status Read(int64_t begin_ms, int64_t end_ms, SampleColumns& out) override;
    Result<uint64_t> Version() override;
    StoreChanges ChangesSince(uint64_t version) const override;

   private:
    OlderSelection& parent_;
    const Labels* labels_ = nullptr;
    std::unique_ptr<SeriesReader> reader_;
  };

 private:
  Status Open();

  const RangeSource& source_;
  const int64_t begin_ms_;
  const int64_t end_ms_;
  Execution& execution_;
  std::once_flag once_;
  Status opened_;
  uint64_t version_ = 0;
  std::unique_ptr<Selection> selection_;
  std::unordered_map<Labels, size_t> index_;  // a selection need not be in the order of the other
};

}  // namespace auspex::query
