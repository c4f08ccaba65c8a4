#include "ingest_histogram.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "auspex/storage/write_batch.h"

// Histogram { oneof count { uint64 count_int = 1; double count_float = 2; } double sum = 3; sint32 schema = 4;
//   double zero_threshold = 5; oneof zero_count { uint64 zero_count_int = 6; double zero_count_float = 7; }
//   repeated BucketSpan negative_spans = 8; repeated sint64 negative_deltas = 9; repeated double negative_counts = 10;
//   repeated BucketSpan positive_spans = 11; repeated sint64 positive_deltas = 12; repeated double positive_counts = 13;
//   ResetHint reset_hint = 14; int64 timestamp = 15; repeated double custom_values = 16; }
// BucketSpan { sint32 offset = 1; uint32 length = 2; }
// Source: https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/

namespace auspex::server {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

// Finer ones would not fit an index after the reduction, and nothing measures so finely.
constexpr int32_t kMaxReducibleSchema = 30;

struct Span {
  int32_t offset = 0;
  uint32_t length = 0;
};

// One side of the buckets as the message has it.
struct Side {
  std::vector<Span> spans;
  std::vector<int64_t> deltas;  // of an integer histogram
  std::vector<double> counts;   // of a float one
};

Span ReadSpan(pbf_reader message) {
  Span span;
  while (message.next()) {
    if (message.tag_and_type() == protozero::tag_and_type(1, pbf_wire_type::varint)) {
      span.offset = message.get_sint32();
    } else if (message.tag_and_type() == protozero::tag_and_type(2, pbf_wire_type::varint)) {
      span.length = message.get_uint32();
    } else {
      message.skip();
    }
  }
  return span;
}

// Packed or one by one: both are valid.
void ReadDoubles(pbf_reader& message, std::vector<double>& out) {
  if (message.wire_type() == pbf_wire_type::length_delimited) {
    for (const double value : message.get_packed_double()) out.push_back(value);
  } else {
    out.push_back(message.get_double());
  }
}
void ReadDeltas(pbf_reader& message, std::vector<int64_t>& out) {
  if (message.wire_type() == pbf_wire_type::length_delimited) {
    for (const int64_t value : message.get_packed_sint64()) out.push_back(value);
  } else {
    out.push_back(message.get_sint64());
  }
}

Status FillBuckets(std::string_view name, const Side& side, bool integer, HistogramBuckets& out) {
  const size_t count = integer ? side.deltas.size() : side.counts.size();
  uint64_t wanted = 0;
  for (const Span& span : side.spans) wanted += span.length;
  if (wanted != count) {
    return InvalidArgument(
        "{} side: spans need {} buckets, have {} buckets: histogram spans specify different number of buckets than provided",
        name, wanted, count);
  }
  if (count > kMaxHistogramBuckets)
    return InvalidArgument("{} side: {} buckets, at most {} are taken", name, count, kMaxHistogramBuckets);
  int64_t index = 0;
  size_t at = 0;
  double population = 0;
  for (size_t s = 0; s < side.spans.size(); ++s) {
    const Span& span = side.spans[s];
    if (s > 0 && span.offset < 0) {
      return InvalidArgument("{} side: span number {} with offset {}: histogram has a span whose offset is negative", name,
                             s + 1, span.offset);
    }
    index += span.offset;
    for (uint32_t i = 0; i < span.length; ++i, ++at, ++index) {
      population = integer ? population + static_cast<double>(side.deltas[at]) : side.counts[at];
      if (index != static_cast<int32_t>(index)) return InvalidArgument("{} side: bucket index {} is out of range", name, index);
      out.Push(static_cast<int32_t>(index), population);
    }
  }
  return OkStatus();
}

}  // namespace

Result<HistogramSample> ReadHistogramMessage(pbf_reader message) {
  HistogramSample sample;
  Histogram histogram;
  Side positive;
  Side negative;
  bool integer = false;
  while (message.next()) {
    const bool varint = message.wire_type() == pbf_wire_type::varint;
    const bool fixed = message.wire_type() == pbf_wire_type::fixed64;
    const bool bytes = message.wire_type() == pbf_wire_type::length_delimited;
    switch (message.tag()) {
      case 1:
        if (!varint) break;
        integer = true;
        histogram.count = static_cast<double>(message.get_uint64());
        continue;
      case 2:
        if (!fixed) break;
        integer = false;
        histogram.count = message.get_double();
        continue;
      case 3:
        if (!fixed) break;
        histogram.sum = message.get_double();
        continue;
      case 4:
        if (!varint) break;
        histogram.schema = message.get_sint32();
        continue;
      case 5:
        if (!fixed) break;
        histogram.zero_threshold = message.get_double();
        continue;
      case 6:
        if (!varint) break;
        histogram.zero_count = static_cast<double>(message.get_uint64());
        continue;
      case 7:
        if (!fixed) break;
        histogram.zero_count = message.get_double();
        continue;
      case 8:
      case 11:
        if (!bytes) break;
        (message.tag() == 8 ? negative : positive).spans.push_back(ReadSpan(message.get_message()));
        continue;
      case 9:
      case 12:
        if (!bytes && !varint) break;
        ReadDeltas(message, (message.tag() == 9 ? negative : positive).deltas);
        continue;
      case 10:
      case 13:
        if (!bytes && !fixed) break;
        ReadDoubles(message, (message.tag() == 10 ? negative : positive).counts);
        continue;
      case 14:
        if (!varint) break;
        if (message.get_enum() == static_cast<int32_t>(CounterReset::kGauge)) histogram.hint = CounterReset::kGauge;
        continue;
      case 15:
        if (!varint) break;
        sample.t_ms = message.get_int64();
        continue;
      case 16:
        if (!bytes && !fixed) break;
        ReadDoubles(message, histogram.custom_values);
        continue;
      default:
        break;
    }
    message.skip();
  }
  if (IsStaleMarker(histogram.sum)) return sample;
  AUSPEX_RETURN_IF_ERROR(FillBuckets("positive", positive, integer, histogram.positive));
  AUSPEX_RETURN_IF_ERROR(FillBuckets("negative", negative, integer, histogram.negative));
  if (histogram.schema > kMaxHistogramSchema && histogram.schema <= kMaxReducibleSchema) {
    ReduceResolution(histogram, kMaxHistogramSchema);
  }
  AUSPEX_RETURN_IF_ERROR(Validate(histogram));
  sample.histogram = std::make_shared<const Histogram>(std::move(histogram));
  return sample;
}

}  // namespace auspex::server
