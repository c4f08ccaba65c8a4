#include "rule_evaluator.h"

#include <algorithm>

namespace auspex::analytics {
namespace {

StepPoint PointOf(const query::ResultSeries& series, size_t i, uint32_t index) {
  if (series.HistogramAt(i) == nullptr) return {index, series.values[i]};
  return {index, 0, series.histograms[i]};
}

}  // namespace

Result<StepMatrix> StepMatrix::At(const RuleEvaluator& evaluator, std::string_view expr, int64_t t_ms,
                                  HistogramPoints histograms) {
  AUSPEX_ASSIGN_OR_RETURN(query::QueryResult answer, evaluator.Instant(expr, t_ms));
  if (answer.type != query::ValueType::kVector && answer.type != query::ValueType::kScalar) {
    return InvalidArgument("found {}, expected instant vector or scalar", query::ValueTypeName(answer.type));
  }
  StepMatrix out;
  out.steps.resize(1);
  for (query::ResultSeries& series : answer.series) {
    if (series.values.empty()) continue;
    if (histograms == HistogramPoints::kLeaveOut && series.HistogramAt(0) != nullptr) {
      ++out.histograms_left_out;
      continue;
    }
    out.steps[0].push_back(PointOf(series, 0, static_cast<uint32_t>(out.series.size())));
    out.series.push_back(std::move(series.labels));
    ++out.points_count;
  }
  return out;
}

Result<StepMatrix> StepMatrix::Over(const RuleEvaluator& evaluator, std::string_view expr, const query::StepGrid& grid,
                                    HistogramPoints histograms) {
  AUSPEX_ASSIGN_OR_RETURN(query::QueryResult answer, evaluator.Range(expr, grid.start_ms, grid.end_ms(), grid.step_ms));
  StepMatrix out;
  out.steps.resize(grid.count);
  for (query::ResultSeries& series : answer.series) {
    const auto index = static_cast<uint32_t>(out.series.size());
    for (size_t i = 0; i < series.values.size(); ++i) {
      if (histograms == HistogramPoints::kLeaveOut && series.HistogramAt(i) != nullptr) {
        ++out.histograms_left_out;
        continue;
      }
      const int64_t step = (series.t_ms[i] - grid.start_ms) / grid.step_ms;
      if (step < 0 || step >= static_cast<int64_t>(grid.count)) return Internal("{}: answer outside the asked steps", expr);
      out.steps[static_cast<size_t>(step)].push_back(PointOf(series, i, index));
      ++out.points_count;
    }
    out.series.push_back(std::move(series.labels));
  }
  return out;
}

bool StepMatrix::HasPartner(size_t step, const Labels& labels) const {
  return std::any_of(steps[step].begin(), steps[step].end(),
                     [&](const StepPoint& point) { return Agree(series[point.series], labels); });
}

bool Agree(const Labels& a, const Labels& b) {
  auto left = a.begin();
  auto right = b.begin();
  while (left != a.end() && right != b.end()) {
    const LabelView l = *left;
    const LabelView r = *right;
    if (l.name == r.name) {
      if (l.value != r.value && l.name != kMetricName) return false;
      ++left;
      ++right;
    } else if (l.name < r.name) {
      ++left;
    } else {
      ++right;
    }
  }
  return true;
}

}  // namespace auspex::analytics
