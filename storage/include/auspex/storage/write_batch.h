#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "auspex/storage/histogram.h"
#include "auspex/storage/labels.h"

namespace auspex {

using TenantId = uint32_t;
inline constexpr TenantId kDefaultTenant = 0;

/// Names a series. From SeriesStore::Resolve: valid while that store is open and has samples of the series, or has been written
/// to it within a day (AppendReport::unknown_series tells of those that retention or deletion took). From
/// WriteBatch::AddSeries: valid in that batch alone (top bit set). 0 names nothing.
struct SeriesRef {
  uint64_t id = 0;
  static constexpr uint64_t kBatchLocal = uint64_t{1} << 63;
  bool batch_local() const { return (id & kBatchLocal) != 0; }
  friend bool operator==(SeriesRef, SeriesRef) = default;
};

/// The bits of the value that says "this series ended here" (Prometheus' staleness marker).
inline constexpr uint64_t kStaleMarkerBits = 0x7ff0000000000002;
double StaleMarker();
bool IsStaleMarker(double value);

/// What a metric is, as its exporter says: any of these may be empty.
struct MetricMetadata {
  std::string metric;  ///< its name; of a classic histogram or summary the family's
  std::string type;    ///< "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset", "unknown"
  std::string unit;
  std::string help;
  friend bool operator==(const MetricMetadata&, const MetricMetadata&) = default;
};

/// An example behind a sample of a series: mostly the id of a trace.
struct Exemplar {
  int64_t t_ms = 0;
  double value = 0;
  Labels labels;  ///< the exemplar's own, such as trace_id
};

/// What one request writes: samples as three columns, the label sets that the batch introduces, and what was said of the
/// metrics. All of it is acknowledged together, and a query sees all of it or nothing. One thread at a time.
class WriteBatch {
 public:
  explicit WriteBatch(TenantId tenant = kDefaultTenant) : tenant_(tenant) {}

  /// Makes room in the batch for a series named by its labels; the same labels may be added twice.
  SeriesRef AddSeries(Labels labels);
  /// t_ms: milliseconds since 1970, any sign; value: any bits.
  void Add(SeriesRef series, int64_t t_ms, double value) {
    series_.push_back(series);
    t_ms_.push_back(t_ms);
    values_.push_back(value);
  }
  /// The last one of a metric is kept.
  void AddMetadata(MetricMetadata metadata) { metadata_.push_back(std::move(metadata)); }
  /// The store keeps the latest few of each series.
  void AddExemplar(SeriesRef series, Exemplar exemplar) { exemplars_.push_back({series, std::move(exemplar)}); }
  /// A histogram that Validate accepts. At a time that has a number as well the histogram counts, whichever came first.
  void AddHistogram(SeriesRef series, int64_t t_ms, HistogramPtr histogram) {
    histograms_.push_back({series, t_ms, std::move(histogram)});
  }
  void Reserve(size_t samples);
  /// Empties the batch and keeps its memory.
  void Clear();

  TenantId tenant() const { return tenant_; }
  size_t samples_count() const { return t_ms_.size(); }
  bool empty() const { return t_ms_.empty() && histograms_.empty() && metadata_.empty() && exemplars_.empty(); }
  std::span<const Labels> new_series() const { return new_series_; }
  /// The three columns have the same length; row i is (series()[i], t_ms()[i], values()[i]).
  std::span<const SeriesRef> series() const { return series_; }
  std::span<const int64_t> t_ms() const { return t_ms_; }
  std::span<const double> values() const { return values_; }
  std::span<const MetricMetadata> metadata() const { return metadata_; }
  struct ExemplarRow {
    SeriesRef series;
    Exemplar exemplar;
  };
  std::span<const ExemplarRow> exemplars() const { return exemplars_; }
  struct HistogramRow {
    SeriesRef series;
    int64_t t_ms;
    HistogramPtr histogram;
  };
  /// Rows of their own, not among samples_count().
  std::span<const HistogramRow> histograms() const { return histograms_; }
  /// The labels behind a batch-local ref.
  const Labels& LabelsOf(SeriesRef batch_local) const { return new_series_[batch_local.id & ~SeriesRef::kBatchLocal]; }

 private:
  TenantId tenant_;
  std::vector<Labels> new_series_;
  std::vector<SeriesRef> series_;
  std::vector<int64_t> t_ms_;
  std::vector<double> values_;
  std::vector<MetricMetadata> metadata_;
  std::vector<ExemplarRow> exemplars_;
  std::vector<HistogramRow> histograms_;
};

/// What became of a batch's rows. Bad rows do not sink the others.
struct AppendReport {
  uint64_t accepted = 0;
  uint64_t accepted_histograms = 0;  ///< of these
  uint64_t rejected = 0;
  /// Of these: older than the out-of-order window or the retention.
  uint64_t too_old = 0;
  /// Rows, exemplars among them, with a ref that names no series of the store any more.
  uint64_t unknown_series = 0;
  /// The first row that was refused, and why; ok when none was.
  Status first_rejected;
};

}  // namespace auspex
