#pragma once

#include <cstdint>
#include <string_view>

#include "auspex/storage/base/result.h"
#include "auspex/storage/write_batch.h"
#include "series_cache.h"

namespace auspex::server {

/// What is believed of a sender before anything is stored.
struct IngestLimits {
  size_t line_bytes = 1 << 20;  ///< of a text line
  size_t labels_count = 128;    ///< of a series
  size_t label_name_bytes = 1024;
  size_t label_value_bytes = 16 << 10;
};

/// What a decoder made of a body, beside the samples in the batch.
struct IngestReport {
  uint64_t rejected = 0;  ///< rows (samples, or lines) that are wrong; the others are kept
  Status first_rejected;  ///< where and why
  uint64_t skipped = 0;   ///< values that are valid and no samples: strings, exemplars, metadata
  void Reject(uint64_t rows, Status why) {
    if (rejected == 0) first_rejected = std::move(why);
    rejected += rows;
  }
};

/// What every decoder needs. Borrows the cache and the batch.
struct IngestTarget {
  SeriesCache& series;
  WriteBatch& batch;
  IngestLimits limits;
  int64_t now_ms = 0;  ///< for rows that name no time
};

/// Whether `pairs` may become a series: limits, then Labels' own rules.
/// Errors: InvalidArgument naming the label.
Result<Labels> MakeSeriesLabels(std::vector<LabelView> pairs, const IngestLimits& limits);
/// Whether a sample may carry `t_ms`. Errors: InvalidArgument.
Status CheckSampleTime(int64_t t_ms);

// One decoder per protocol. They read untrusted bytes and fill target.batch; nothing is stored yet.
// Errors: InvalidArgument when the whole body is unreadable (nothing of it may be stored), and what resolving a series
// reports. Single bad rows are told in `report`.

/// Prometheus remote write 1.0: the protobuf prometheus.WriteRequest, already decompressed.
Status DecodeRemoteWrite(std::string_view body, const IngestTarget& target, IngestReport& report);
/// Prometheus remote write 2.0: the protobuf io.prometheus.write.v2.Request, already decompressed.
Status DecodeRemoteWriteV2(std::string_view body, const IngestTarget& target, IngestReport& report);

/// The unit of the times in line protocol, as its `precision` parameter names it: "ns" (also "n" and ""), "us" ("u"),
/// "ms", "s", "m", "h". Returns it in nanoseconds. Errors: InvalidArgument.
Result<int64_t> ParseLinePrecision(std::string_view precision);
/// Influx line protocol. Field `f` of measurement `m` becomes the series m_f with the tags as labels.
Status DecodeInfluxLine(std::string_view body, int64_t precision_ns, const IngestTarget& target, IngestReport& report);

/// Prometheus' text exposition format with times in ms; `openmetrics`: times in seconds.
Status DecodeTextExposition(std::string_view body, bool openmetrics, const IngestTarget& target, IngestReport& report);

}  // namespace auspex::server
