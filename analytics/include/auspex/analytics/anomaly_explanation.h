#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/analytics/detector.h"
#include "auspex/query/engine.h"
#include "auspex/storage/labels.h"

namespace auspex::analytics {

/// Why an anomaly function says what it says of one series at one time.
struct AnomalyExplanation {
  Labels labels;
  std::string algorithm;
  double k = 3;
  int64_t t_ms = 0;       ///< evaluation time
  int64_t sample_ms = 0;  ///< the sample that it is about: the newest
  double value = 0;
  bool ready = false;  ///< false: too little history, nothing below holds
  bool anomalous = false;
  double score = 0;                           ///< after the guards; negative below what was expected; 1 is the boundary
  double raw_score = 0;                       ///< before the guards, >= 0
  double expected = 0, lower = 0, upper = 0;  ///< unit of the series
  Reason reason = Reason::kNone;
  std::string guard;  ///< "none", or what decided beside the detector: dir, min_abs, min_rel, resolution, range

  struct Span {
    int64_t begin_ms = 0, end_ms = 0;
    size_t count = 0;  ///< samples, or means of five minutes
  };
  Span history;                        ///< what level and spread were learned from
  std::optional<Span> season_history;  ///< what the seasons were learned from beside it
  struct Season {
    std::string period;  ///< "1d"
    double cycles = 0;   ///< seen
    double weight = 0;   ///< 0 to 1: share in what is expected
  };
  std::vector<Season> seasons;

  /// In the place of this sample every value of [normal_from, normal_to] near the expected one (or near the sample itself,
  /// where it is no anomaly) would be no anomaly, and the next one beyond either end would; none: no end on that side.
  std::optional<double> normal_from, normal_to;
  bool no_normal_value = false;  ///< even the expected value would be an anomaly: the samples before it decide
  std::string text;              ///< all of this in a few sentences
};

/// The statement behind the words EXPLAIN ANOMALY: an expression, and after a last `@` the time it is asked for.
struct ExplainAnomalyStatement {
  std::string expr;
  std::optional<int64_t> t_ms;
};
/// Reads "EXPLAIN ANOMALY expr [@ t]"; t: unix seconds or RFC 3339. Errors: InvalidArgument. None: another statement.
Result<std::optional<ExplainAnomalyStatement>> ParseExplainAnomaly(std::string_view text);

/// Explains each series of the first anomaly function called in `expr`, or of a bare range vector. The same passes over the
/// same samples as the function itself. Errors: InvalidArgument, and the engine's.
Result<std::vector<AnomalyExplanation>> ExplainAnomaly(const SeriesStore& store, const query::FunctionRegistry& registry,
                                                       const query::EngineOptions& engine, std::string_view expr, int64_t t_ms,
                                                       const query::QueryOptions& options = {});

/// A list of them as the HTTP API shows it.
std::string ToJson(const std::vector<AnomalyExplanation>& explanations);

}  // namespace auspex::analytics
