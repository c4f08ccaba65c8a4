#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <protozero/pbf_reader.hpp>

#include "auspex/storage/labels.h"
#include "auspex/storage/write_batch.h"

namespace auspex::server {

/// As Prometheus' remote write (1.0 and 2.0) and its scrapers number and name the types of metrics; "unknown" for others.
std::string_view MetricTypeName(uint64_t number);

/// Whether an exemplar's labels are few enough: at most 128 characters of names and values together, as OpenMetrics has it.
bool ExemplarFits(const std::vector<LabelView>& pairs);

/// Remote write 1.0: MetricMetadata { type = 1; metric_family_name = 2; help = 4; unit = 5; }. Adds it to the batch unless it
/// names no metric, is too long, or cannot be read; returns whether it did.
bool AddRemoteMetadata(protozero::pbf_reader message, WriteBatch& batch);
/// Remote write 1.0: Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; } of `series`. As above.
bool AddRemoteExemplar(protozero::pbf_reader message, SeriesRef series, WriteBatch& batch);

}  // namespace auspex::server
