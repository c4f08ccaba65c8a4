#include "anomaly_functions.h"

#include <fmt/format.h>

#include "function_rows.h"

namespace auspex::analytics {

using query::RangeCall;

Result<AnomalyCall> ReadAnomalyCall(std::string_view name, const RangeCall& call, const DetectorRegistry& detectors) {
  AnomalyCall out;
  std::string text;
  for (size_t i = 1; i < call.types.size(); ++i) {
    if (call.types[i] == query::ValueType::kString) text = call.strings[i];
    if (call.types[i] != query::ValueType::kScalar) continue;
    out.k_position = static_cast<int>(i);
    if (call.numbers[i] <= 0) return InvalidArgument("{}: k: found {}, expected more than 0", name, call.numbers[i]);
  }
  AUSPEX_ASSIGN_OR_RETURN(out.options, ParseAnomalyOptions(name, text, detectors));
  if (out.options.eval_ms > call.range_ms) return InvalidArgument("{}: option eval: longer than the range", name);
  return out;
}

std::vector<query::Argument> AnomalyArguments() {
  return {{"v", query::ArgumentType::kMatrix},
          {"k", query::ArgumentType::kScalar, true},
          {"opts", query::ArgumentType::kString, true}};
}

namespace {

query::Function Row(std::string name, AnomalyOutput output, std::string description,
                    std::shared_ptr<const DetectorRegistry> detectors, std::shared_ptr<PassCache> cache, FindEvents events) {
  query::Function row;
  row.name = name;
  row.arguments = AnomalyArguments();
  row.description = std::move(description);
  row.example = name + "(http_request_duration_seconds[1d])";
  row.make_range = [name, output, detectors = std::move(detectors), cache = std::move(cache),
                    events = std::move(events)](const RangeCall& call) -> Result<std::unique_ptr<const query::RangeFunction>> {
    AUSPEX_ASSIGN_OR_RETURN(const AnomalyCall read, ReadAnomalyCall(name, call, *detectors));
    if (!read.options.exclude.empty() && events == nullptr) {
      return InvalidArgument("{}: option exclude: there are no events here", name);
    }
    return std::unique_ptr<const query::RangeFunction>(
        std::make_unique<AnomalyKernel>(output, name, call.range_ms, read.k_position, detectors, cache, events, read.options));
  };
  return row;
}

}  // namespace

std::vector<query::Function> AnomalyFunctions(std::shared_ptr<const DetectorRegistry> detectors, size_t cache_bytes,
                                              FindEvents events) {
  // Shared by all rows: anomaly_score and its band take turns with one state.
  const auto cache = std::make_shared<PassCache>(cache_bytes);
  return {
      Row("anomaly_score", AnomalyOutput::kScore, "How unusual the newest sample is; 1 is the boundary.", detectors, cache,
          events),
      Row("anomaly", AnomalyOutput::kFilter, "Only series that are anomalous now: the score, negative when too low.", detectors,
          cache, events),
      Row("anomaly_flag", AnomalyOutput::kFlag, "1 when the newest sample is anomalously high, -1 when low, 0 otherwise.",
          detectors, cache, events),
      Row("anomaly_rate", AnomalyOutput::kRate,
          "Share (0 to 1) of the range's samples, or of those within eval=, that were anomalous.", detectors, cache, events),
      Row("anomaly_expected", AnomalyOutput::kExpected, "What the newest sample was expected to be, in the unit of the series.",
          detectors, cache, events),
      Row("anomaly_lower", AnomalyOutput::kLower, "Below this the newest sample is anomalous, in the unit of the series.",
          detectors, cache, events),
      Row("anomaly_upper", AnomalyOutput::kUpper, "Above this the newest sample is anomalous, in the unit of the series.",
          detectors, cache, events),
      Row("anomaly_bounds", AnomalyOutput::kBounds,
          "anomaly_expected, anomaly_lower and anomaly_upper in one, told apart by the label bound.", detectors, cache, events),
  };
}

}  // namespace auspex::analytics
