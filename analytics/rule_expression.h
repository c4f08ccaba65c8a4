#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auspex/storage/labels.h"

namespace auspex::analytics {

/// What the text of a rule's expression tells about its answers: which series is observed, and how to ask for its expected
/// value or for the bounds of its forecast. Immutable.
struct RuleExpression {
  enum class Family : uint8_t {
    kOther,
    kAnomaly,     ///< holds a call of anomaly, anomaly_score or anomaly_flag
    kExhaustion,  ///< holds a call of forecast_exhaustion, _earliest or _latest
  };
  std::string text;
  Family family = Family::kOther;
  std::string function;         ///< the call's
  std::string subject;          ///< the metric, or the inner expression, that the call observes; "" when not known
  bool plain_metric = false;    ///< `subject` is a metric name
  bool one_series = false;      ///< the answer's labels name the observed series: a call can be narrowed to it
  std::optional<double> limit;  ///< of an exhaustion

  /// The same call with another function; narrowed to the series with `labels` where that is sound.
  std::string Sibling(std::string_view other_function, const Labels& labels) const;
  /// The whole expression with another k of its anomaly function; none where it has no such call.
  std::optional<std::string> WithSensitivity(double k) const;
  /// The observed series' last value in the call's range.
  std::string Observed(const Labels& labels) const;
};

/// Reads an expression; one that does not parse tells nothing.
RuleExpression ReadRuleExpression(std::string_view text);

}  // namespace auspex::analytics
