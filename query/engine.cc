#include "auspex/query/engine.h"

#include <algorithm>

#include "auspex/query/parser.h"
#include "execution.h"
#include "plan.h"

namespace auspex::query {
namespace {

ResultSeries SeriesOf(Labels labels, std::span<const double> row, const StepGrid& grid) {
  ResultSeries series;
  series.labels = std::move(labels);
  for (size_t k = 0; k < row.size(); ++k) {
    if (IsAbsent(row[k])) continue;
    series.t_ms.push_back(grid.At(k));
    series.values.push_back(row[k]);
  }
  return series;
}

std::vector<ResultSeries> SeriesOf(Batch batch, const StepGrid& grid) {
  std::vector<ResultSeries> out;
  for (size_t i = 0; i < batch.size(); ++i) {
    ResultSeries series = SeriesOf(std::move(batch.labels[i]), batch.Row(i), grid);
    if (!series.t_ms.empty()) out.push_back(std::move(series));
  }
  return out;
}

void SortByLabels(std::vector<ResultSeries>& series) {
  std::stable_sort(series.begin(), series.end(),
                   [](const ResultSeries& a, const ResultSeries& b) { return a.labels < b.labels; });
}

// times: what start() and end() stand for; step_ms: what step() does.
Result<Plan> Prepare(std::string_view text, const FunctionRegistry& registry, PlanTimes times, int64_t step_ms, bool range) {
  AUSPEX_ASSIGN_OR_RETURN(const ExprPtr expr, Parse(text));
  AUSPEX_RETURN_IF_ERROR(CheckTypes(*expr, text, registry));
  if (range && expr->type != ValueType::kScalar && expr->type != ValueType::kVector) {
    return InvalidArgument("invalid expression type \"{}\" for range query, must be Scalar or instant Vector",
                           ValueTypeName(expr->type));
  }
  AUSPEX_RETURN_IF_ERROR(ResolveDurations(*expr, step_ms, times.end_ms - times.start_ms));
  times.step_ms = step_ms;
  return MakePlan(*expr, text, registry, times);
}

// Times beyond this could overflow when windows and offsets are taken off: about the year 146,000.
constexpr int64_t kFarthestMs = int64_t{1} << 62;

Status CheckTime(std::string_view what, int64_t t_ms) {
  if (t_ms > -kFarthestMs && t_ms < kFarthestMs) return OkStatus();
  return InvalidArgument("{}: found {} ms, which is out of range", what, t_ms);
}

Status CheckCompat(const QueryOptions& options) {
  if (options.compat == 2 || options.compat == 3) return OkStatus();
  return InvalidArgument("compat: found {}, expected 2 or 3", options.compat);
}

}  // namespace

Engine::Engine(const SeriesStore& store, const FunctionRegistry& registry, EngineOptions options)
    : store_(store), registry_(registry), options_(options) {}

Engine::~Engine() = default;

Result<QueryResult> Engine::Instant(std::string_view text, int64_t time_ms, const QueryOptions& options) const {
  const int64_t started_ns = options_.clock->MonotonicNs();
  AUSPEX_RETURN_IF_ERROR(CheckCompat(options));
  AUSPEX_RETURN_IF_ERROR(CheckTime("time", time_ms));
  const StepGrid grid{time_ms, 1, 1};
  AUSPEX_ASSIGN_OR_RETURN(const Plan plan, Prepare(text, registry_, {time_ms, time_ms}, 0, /*range=*/false));
  const int64_t parsed_ns = options_.clock->MonotonicNs();
  Execution execution(store_, options_, options);
  QueryResult result;
  result.type = plan.type;
  result.t_ms = time_ms;
  if (plan.type == ValueType::kString) {
    result.text = plan.text;
  } else if (plan.type == ValueType::kMatrix) {
    AUSPEX_ASSIGN_OR_RETURN(result.series, ReadMatrix(*plan.source, plan.range_ms, plan.extension, plan.shift, time_ms, execution));
    SortByLabels(result.series);
  } else {
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, plan.root->Run(grid, execution));
    result.series = SeriesOf(std::move(batch), grid);
  }
  result.annotations = execution.annotations();
  result.stats = execution.stats();
  result.stats.parse_ns = parsed_ns - started_ns;
  result.stats.evaluate_ns = options_.clock->MonotonicNs() - parsed_ns;
  return result;
}

Result<QueryResult> Engine::Range(std::string_view text, int64_t start_ms, int64_t end_ms, int64_t step_ms,
                                  const QueryOptions& options) const {
  const int64_t started_ns = options_.clock->MonotonicNs();
  AUSPEX_RETURN_IF_ERROR(CheckCompat(options));
  AUSPEX_RETURN_IF_ERROR(CheckTime("start", start_ms));
  AUSPEX_RETURN_IF_ERROR(CheckTime("end", end_ms));
  if (end_ms < start_ms) return InvalidArgument("invalid parameter \"end\": end timestamp must not be before start time");
  if (step_ms <= 0) {
    return InvalidArgument(
        "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer");
  }
  StepGrid grid{start_ms, step_ms, 1};
  const auto intervals = static_cast<uint64_t>((end_ms - start_ms) / step_ms);
  if (intervals > options_.max_points) {
    return ResourceExhausted(
        "exceeded maximum resolution of {} points per timeseries (max_points). Try decreasing the query resolution (?step=XX)",
        options_.max_points);
  }
  grid.count = static_cast<size_t>(intervals) + 1;
  AUSPEX_ASSIGN_OR_RETURN(const Plan plan, Prepare(text, registry_, {start_ms, end_ms}, step_ms, /*range=*/true));
  const int64_t parsed_ns = options_.clock->MonotonicNs();
  Execution execution(store_, options_, options);
  QueryResult result;
  result.type = ValueType::kMatrix;
  AUSPEX_ASSIGN_OR_RETURN(Batch batch, plan.root->Run(grid, execution));
  result.series = SeriesOf(std::move(batch), grid);
  SortByLabels(result.series);
  result.annotations = execution.annotations();
  result.stats = execution.stats();
  result.stats.parse_ns = parsed_ns - started_ns;
  result.stats.evaluate_ns = options_.clock->MonotonicNs() - parsed_ns;
  return result;
}

Result<std::string> Engine::Format(std::string_view text) const {
  AUSPEX_ASSIGN_OR_RETURN(const ExprPtr expr, Parse(text));
  AUSPEX_RETURN_IF_ERROR(CheckTypes(*expr, text, registry_));
  return Print(*expr);
}

Result<ValueType> Engine::Check(std::string_view text) const {
  AUSPEX_ASSIGN_OR_RETURN(const ExprPtr expr, Parse(text));
  AUSPEX_RETURN_IF_ERROR(CheckTypes(*expr, text, registry_));
  return expr->type;
}

}  // namespace auspex::query
