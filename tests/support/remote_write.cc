#include "tests/support/remote_write.h"

#include <snappy.h>
#include <protozero/pbf_writer.hpp>

namespace auspex::testing {

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
  }
  std::string body;
  snappy::Compress(message.data(), message.size(), &body);
  return body;
}

std::vector<std::string> RemoteWriteHeaders() {
  return {"Content-Type: application/x-protobuf", "Content-Encoding: snappy", "X-Prometheus-Remote-Write-Version: 0.1.0"};
}

}  // namespace auspex::testing
