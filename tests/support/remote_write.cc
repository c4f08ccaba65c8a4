#include "tests/support/remote_write.h"

#include <snappy.h>
#include <protozero/pbf_writer.hpp>

namespace auspex::testing {
namespace {

// One span per bucket.
void WriteSide(protozero::pbf_writer& message, uint32_t spans_tag, uint32_t counts_tag, const HistogramBuckets& buckets) {
  int32_t next = 0;
  for (const int32_t index : buckets.index) {
    protozero::pbf_writer span(message, spans_tag);
    span.add_sint32(1, index - next);
    span.add_uint32(2, 1);
    next = index + 1;
  }
  message.add_packed_double(counts_tag, buckets.count.begin(), buckets.count.end());
}

void WriteHistogram(protozero::pbf_writer& series, int64_t t_ms, const Histogram& histogram) {
  protozero::pbf_writer message(series, 4);
  message.add_double(2, histogram.count);
  message.add_double(3, histogram.sum);
  message.add_sint32(4, histogram.schema);
  message.add_double(5, histogram.zero_threshold);
  message.add_double(7, histogram.zero_count);
  WriteSide(message, 8, 10, histogram.negative);
  WriteSide(message, 11, 13, histogram.positive);
  message.add_enum(14, static_cast<int32_t>(histogram.hint));
  message.add_int64(15, t_ms);
  message.add_packed_double(16, histogram.custom_values.begin(), histogram.custom_values.end());
}

}  // namespace

std::string RemoteWriteBody(const std::vector<RemoteSeries>& series) {
  std::string message;
  protozero::pbf_writer request(message);
  for (const RemoteSeries& one : series) {
    protozero::pbf_writer series_writer(request, 1);
    for (const LabelView pair : one.labels) {
      protozero::pbf_writer label(series_writer, 1);
      label.add_string(1, pair.name.data(), pair.name.size());
      label.add_string(2, pair.value.data(), pair.value.size());
    }
    for (const auto& sample : one.samples) {
      protozero::pbf_writer sample_writer(series_writer, 2);
      sample_writer.add_double(1, sample.second);
      sample_writer.add_int64(2, sample.first);
    }
    for (const auto& histogram : one.histograms) WriteHistogram(series_writer, histogram.first, *histogram.second);
  }
  std::string body;
  snappy::Compress(message.data(), message.size(), &body);
  return body;
}

std::vector<std::string> RemoteWriteHeaders() {
  return {"Content-Type: application/x-protobuf", "Content-Encoding: snappy", "X-Prometheus-Remote-Write-Version: 0.1.0"};
}

}  // namespace auspex::testing
