#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "auspex/query/engine.h"
#include "auspex/query/value.h"
#include "auspex/storage/base/result.h"
#include "auspex/storage/series_store.h"

namespace auspex::analytics {

/// What rules need of the query engine. Thread-safe.
class RuleEvaluator {
 public:
  virtual ~RuleEvaluator() = default;
  virtual Result<query::QueryResult> Instant(std::string_view expr, int64_t t_ms) const = 0;
  virtual Result<query::QueryResult> Range(std::string_view expr, int64_t start_ms, int64_t end_ms, int64_t step_ms) const = 0;
  virtual Result<query::ValueType> Check(std::string_view expr) const = 0;
  /// One that sees the samples of `pending` as well, as if they were stored. Borrows this and `pending`.
  virtual std::unique_ptr<RuleEvaluator> Seeing(const WriteBatch& pending) const = 0;
};

/// On an engine. Borrows all three.
std::unique_ptr<RuleEvaluator> MakeEngineEvaluator(const SeriesStore& store, const query::FunctionRegistry& registry,
                                                   const query::EngineOptions& options);

/// Whether points that are native histograms are walked over, or left out and counted.
enum class HistogramPoints : uint8_t { kTake, kLeaveOut };

/// The points of an answer by step: what a rule walks over.
struct StepPoint {
  uint32_t series = 0;  ///< index in StepMatrix::series
  double value = 0;     ///< 0 of a histogram
  HistogramPtr histogram = nullptr;
};
struct StepMatrix {
  std::vector<Labels> series;
  std::vector<std::vector<StepPoint>> steps;  ///< of the grid, series in order
  uint64_t points_count = 0;
  uint64_t histograms_left_out = 0;

  /// One step.
  static Result<StepMatrix> At(const RuleEvaluator& evaluator, std::string_view expr, int64_t t_ms,
                               HistogramPoints histograms = HistogramPoints::kLeaveOut);
  static Result<StepMatrix> Over(const RuleEvaluator& evaluator, std::string_view expr, const query::StepGrid& grid,
                                 HistogramPoints histograms = HistogramPoints::kLeaveOut);
  /// Whether a series present at `step` agrees with `labels` on every label that both have, the metric name aside.
  bool HasPartner(size_t step, const Labels& labels) const;
};

/// Whether no label that both have (the metric name aside) differs.
bool Agree(const Labels& a, const Labels& b);

}  // namespace auspex::analytics
