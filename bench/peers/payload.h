#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/sample_sets.h"

namespace auspex::bench {

enum class Format : uint8_t { kRemoteWrite, kInflux };

/// One request, ready to be sent.
struct Payload {
  std::string body;
  size_t samples = 0;
};

/// `connections` streams of requests, each in the order of time; a series is in one stream only. A request holds 10,000
/// samples: one of each series for remote write, as an agent sends them; lines of ten fields for Influx.
std::vector<std::vector<Payload>> Render(const std::vector<Series>& set, Format format, size_t connections);

/// `series` series of 8 labels with two samples each, a minute apart, after one another: what a restart of a large fleet looks
/// like to a database. Rendered as it is generated: the set itself would be larger than the requests.
std::vector<std::vector<Payload>> RenderCard(size_t series, size_t connections);

}  // namespace auspex::bench
