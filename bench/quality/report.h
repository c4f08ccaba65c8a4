#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "auspex/query/function_registry.h"
#include "bench/quality/nab_corpus.h"
#include "bench/quality/nab_score.h"

namespace auspex::quality {

/// A labelled file with a score for each of its samples.
ScoredSeries Labelled(const LabelledSeries& series, std::vector<double> scores);

// Each measurement prints its table. All are deterministic: generated series come from fixed seeds.

/// Numenta Anomaly Benchmark, in sample: per file, and at the boundary for the three profiles.
Status ReportNab(const query::FunctionRegistry& registry, const std::vector<LabelledSeries>& corpus, int64_t range_ms,
                 const std::string& options, bool alarms);
/// The same for scores that others made: `path` holds {method: {file: [score of each row]}}.
Status ReportScores(const std::vector<LabelledSeries>& corpus, const std::string& path);
/// The same with constants chosen on the other categories.
Status LeaveCategoryOut(const std::vector<LabelledSeries>& corpus, int64_t range_ms);
/// Precision, recall and F1 on generated production KPIs.
Status ReportKpi(const query::FunctionRegistry& registry, int64_t range_ms, const std::string& options, bool episodes);
/// Time to exhaustion on generated histories of six kinds, beside predict_linear and Theil-Sen.
Status ReportExhaustion(const query::FunctionRegistry& registry, bool cases);
/// Forecasts 1 h and 1 d ahead on the corpus, beside the seasonal-naive forecast and predict_linear.
Status ReportForecast(const query::FunctionRegistry& registry, const std::vector<LabelledSeries>& corpus, int64_t range_ms,
                      const std::string& options);

}  // namespace auspex::quality
