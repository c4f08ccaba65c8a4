#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/storage/base/result.h"
#include "auspex/storage/histogram.h"
#include "auspex/storage/labels.h"
#include "auspex/storage/matcher.h"
#include "auspex/storage/write_batch.h"

namespace auspex {

/// The samples of one series in a time range: two columns of the same length, times strictly increasing.
struct SampleColumns {
  std::vector<int64_t> t_ms;
  std::vector<double> values;
  /// Empty, or as long: null where the sample is a number. Where it is a histogram, its value is HistogramMarker().
  std::vector<HistogramPtr> histograms = {};
  const Histogram* HistogramAt(size_t i) const { return histograms.empty() ? nullptr : histograms[i].get(); }
  void Push(int64_t t, double value, HistogramPtr histogram = nullptr) {
    t_ms.push_back(t);
    values.push_back(value);
    if (histogram != nullptr) {
      histograms.resize(values.size());
      histograms.back() = std::move(histogram);
    } else if (!histograms.empty()) {
      histograms.push_back(nullptr);
    }
  }
  /// Leaves the numbers.
  void DropHistograms() {
    if (histograms.empty()) return;
    size_t kept = 0;
    for (size_t i = 0; i < t_ms.size(); ++i) {
      if (histograms[i] != nullptr) continue;
      t_ms[kept] = t_ms[i];
      values[kept++] = values[i];
    }
    t_ms.resize(kept);
    values.resize(kept);
    histograms.clear();
  }
  void Clear() {
    t_ms.clear();
    values.clear();
    histograms.clear();
  }
};

/// Which series, and when. Times are half-open: [begin_ms, end_ms).
struct SelectRequest {
  TenantId tenant = kDefaultTenant;
  std::vector<Matcher> matchers;  ///< all must hold
  int64_t begin_ms = std::numeric_limits<int64_t>::min();
  int64_t end_ms = std::numeric_limits<int64_t>::max();
  /// Select alone: false gives the series in a fixed order of the store's own, the same before and after a restart, and looks
  /// labels up only when they are asked for.
  bool by_labels = true;
};

/// What neighbouring samples of a series amount to. A run that has a NaN (staleness markers are such), an infinity or -0.0 is
/// never summarized, so each figure is what a walk over the samples would give, bit for bit.
struct RunSummary {
  int64_t t_first_ms = 0;  ///< of its first and last sample
  int64_t t_last_ms = 0;
  uint64_t count = 0;  ///< > 0
  double min = 0;
  double max = 0;
  double first = 0;
  double last = 0;
  double sum = 0;             ///< 0 unless the caller asked for sums
  double reset_sum = 0;       ///< of v[i - 1] over the pairs within the run with v[i] < v[i - 1]; 0 unless asked for resets
  uint64_t resets_count = 0;  ///< of those pairs; 0 unless asked for resets
  /// Of a counter, within the run.
  double increase() const { return (last - first) + reset_sum; }
};

/// What a caller of ReadSummarized will use beyond t, count, min, max, first and last: those are always there.
struct SummaryUse {
  std::span<const int64_t> edges;  ///< increasing; a run never has samples on both sides: t < edge and t >= edge
  bool sums = false;
  bool resets = false;
};

/// The samples of one series in a time range, neighbouring ones possibly summed up.
struct SummarizedColumns {
  /// A stretch [begin, end) of `samples` or of `runs`.
  struct Piece {
    bool summarized;
    size_t begin;
    size_t end;
  };
  SampleColumns samples;
  std::vector<RunSummary> runs;
  std::vector<Piece> pieces;  ///< in time order; each sample and each run is in one of them
  void Clear() {
    samples.Clear();
    runs.clear();
    pieces.clear();
  }
};

/// What was touched to read series: for EXPLAIN ANALYZE.
struct ReadCost {
  uint64_t blocks_decoded = 0;  ///< wholly or in part
  uint64_t blocks_skipped = 0;  ///< in the range, but answered from their summaries, or found to be outside by their header
  uint64_t summaries_unused = 0;  ///< series with summaries of expired samples that the windows do not fit
};

/// What became of a store's samples since some moment, for caches of what was computed from them.
struct StoreChanges {
  /// Samples from here on may be others than they were: the earliest time written or deleted since. Default: all may be.
  int64_t earliest_ms = std::numeric_limits<int64_t>::min();
  /// Samples before this may have gone: the end of what retention has expired by now.
  int64_t expired_ms = std::numeric_limits<int64_t>::max();
};

/// Reads series of one selection, with buffers of its own. One thread at a time. Borrows the selection.
class SeriesReader {
 public:
  virtual ~SeriesReader() = default;
  /// Replaces `out` by the samples of series `index` within the request's times. Errors: Corruption, IoError.
  virtual Status Read(size_t index, SampleColumns& out) = 0;

  /// Like Read, but samples that no edge divides may come as one RunSummary, without having been decoded. How many do is up to
  /// the store; none is always right, and is what this does unless overridden.
  ///
  /// Edges are cuts between samples: a window (a, b] has the edges a + 1 and b + 1, a window [a, b] the edges a and b + 1. Then
  /// a run lies wholly within a window or wholly outside of it.
  /// use.sums: if there is any run, then all values of the series in the range are integers whose magnitudes add up to
  /// at most 2^53: every order and grouping of adding them gives the same sum. Otherwise everything comes as samples.
  /// Expired samples of which a store keeps summaries come as runs where all edges fit those, and not at all otherwise. Of such
  /// runs sums are rounded where they are no sums of integers, and resets may be several.
  /// use.resets: a run has at most one reset. Then (last - first) of a window, plus in time order the reset_sum of each
  /// run and the value before each reset elsewhere, is the same sum of the same numbers as over samples.
  /// Errors: as Read.
  virtual Status ReadSummarized(size_t index, const SummaryUse& use, SummarizedColumns& out);

  /// What reading has cost since this reader was made.
  virtual ReadCost cost() const { return {}; }
};

/// The series that matched, frozen at one moment: later writes do not show. Immutable, thread-safe.
/// Order: by labels (Labels' operator<=>), unless the request left that open. Series without a sample in the range may be among them.
class Selection {
 public:
  virtual ~Selection() = default;
  virtual size_t size() const = 0;
  virtual Labels labels(size_t index) const = 0;
  /// Those of them that `names` name.
  virtual Labels LabelsKept(size_t index, std::span<const std::string_view> names) const { return labels(index).Keep(names); }
  virtual std::unique_ptr<SeriesReader> NewReader() const = 0;
};

/// The seam between queries and whatever holds samples. Thread-safe.
class SeriesStore {
 public:
  virtual ~SeriesStore() = default;

  /// The ref of a series, made known to the store if it is new (it is listed once it has a sample).
  /// Errors: FailedPrecondition (read-only).
  virtual Result<SeriesRef> Resolve(TenantId tenant, const Labels& labels) = 0;
  /// Acknowledged when this returns ok: the batch survives the death of the process.
  /// Errors: FailedPrecondition (read-only, closed), ResourceExhausted (disk reserve), IoError.
  virtual Result<AppendReport> Append(const WriteBatch& batch) = 0;

  virtual Result<std::unique_ptr<Selection>> Select(const SelectRequest& request) const = 0;
  /// Names, or values of `name`, among the matching series with samples near the range (whole partitions may be taken
  /// for samples); sorted, unique, at most `limit`, which may be any of them (0: no limit).
  virtual Result<std::vector<std::string>> LabelNames(const SelectRequest& request, size_t limit) const = 0;
  virtual Result<std::vector<std::string>> LabelValues(std::string_view name, const SelectRequest& request,
                                                       size_t limit) const = 0;
  /// The label sets of the matching series, in Labels' order; at most `limit`, which may be any of them (0: no limit).
  virtual Result<std::vector<Labels>> Series(const SelectRequest& request, size_t limit) const = 0;

  /// A number for this moment. What is selected after it was asked for, and ChangesSince of it, miss nothing: a write is
  /// counted after it can be seen and before it is acknowledged.
  virtual uint64_t ChangeVersion() const { return 0; }
  /// What may have changed since ChangeVersion() answered `version`, never too little.
  virtual StoreChanges ChangesSince(uint64_t /*version*/) const { return {}; }
};

}  // namespace auspex
