#include "ingest.h"

#include "value_text.h"

namespace auspex::server {

Result<Labels> MakeSeriesLabels(std::vector<LabelView> pairs, const IngestLimits& limits) {
  if (pairs.size() > limits.labels_count) {
    return InvalidArgument("{} labels, the limit is {}", pairs.size(), limits.labels_count);
  }
  for (const LabelView pair : pairs) {
    if (pair.name.size() > limits.label_name_bytes) {
      return InvalidArgument("label name of {} bytes, the limit is {}", pair.name.size(), limits.label_name_bytes);
    }
    if (pair.value.size() > limits.label_value_bytes) {
      return InvalidArgument("label \"{}\": value of {} bytes, the limit is {}", pair.name, pair.value.size(),
                             limits.label_value_bytes);
    }
  }
  AUSPEX_ASSIGN_OR_RETURN(Labels labels, Labels::Make(std::move(pairs)));
  if (labels.empty()) return InvalidArgument("series without labels");
  return labels;
}

Status CheckSampleTime(int64_t t_ms) {
  if (t_ms >= kMinSampleTimeMs && t_ms <= kMaxSampleTimeMs) return OkStatus();
  return InvalidArgument("time: found {} ms, expected between 1970 and 9999 (0 to {}): is it in another unit?", t_ms,
                         kMaxSampleTimeMs);
}

}  // namespace auspex::server
