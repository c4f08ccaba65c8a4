#pragma once

#include <string>

#include "server/ingest.h"

namespace auspex::server {

/// What a decoder made of a body.
struct Decoded {
  Status status;
  IngestReport report;
  WriteBatch batch;
  /// One line a sample: `cpu_usage{host="a"} @1700000000000 3.5`.
  std::string Rows() const {
    std::string out;
    for (size_t i = 0; i < batch.samples_count(); ++i) {
      out += fmt::format("{} @{} {}\n", batch.LabelsOf(batch.series()[i]).ToString(), batch.t_ms()[i], batch.values()[i]);
    }
    return out;
  }
};

}  // namespace auspex::server
