#include "auspex/query/engine.h"

#include "answer_stream.h"
#include "auspex/query/parser.h"
#include "cache_terms.h"
#include "execution.h"
#include "explain.h"
#include "plan.h"
#include "result_cache.h"
#include "tree_json.h"

namespace auspex::query {
namespace {

std::vector<ResultSeries> SeriesOf(Batch batch, const StepGrid& grid) {
  std::vector<ResultSeries> out;
  out.reserve(batch.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    ResultSeries series = SeriesOf(std::move(batch.labels[i]), batch.View(i), grid);
    if (!series.t_ms.empty()) out.push_back(std::move(series));
  }
  return out;
}

// Into the sink, or else the result.
Status Answer(Batch batch, const StepGrid& grid, const SeriesSink* sink, QueryResult& result) {
  if (sink == nullptr) {
    result.series = SeriesOf(std::move(batch), grid);
    return OkStatus();
  }
  for (size_t i = 0; i < batch.size(); ++i) {
    const ResultSeries series = SeriesOf(std::move(batch.labels[i]), std::as_const(batch).View(i), grid);
    if (!series.t_ms.empty()) AUSPEX_RETURN_IF_ERROR((*sink)(series));
  }
  return OkStatus();
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

// What is asked: a text over the steps of a grid.
struct Engine::Question {
  std::string_view text;
  StepGrid grid;
  bool range = false;
  PlanTimes times;
};

Engine::Engine(const SeriesStore& store, const FunctionRegistry& registry, EngineOptions options)
    : store_(store),
      registry_(registry),
      options_(options),
      cache_(options.result_cache_bytes > 0 ? std::make_unique<ResultCache>(options.result_cache_bytes) : nullptr) {}

Engine::~Engine() = default;

Result<QueryResult> Engine::Instant(std::string_view text, int64_t time_ms, const QueryOptions& options) const {
  AUSPEX_RETURN_IF_ERROR(CheckTime("time", time_ms));
  Question question{text, {time_ms, 1, 1}, /*range=*/false, {}};
  question.times.start_ms = question.times.end_ms = time_ms;
  return Ask(question, options);
}

Result<QueryResult> Engine::Range(std::string_view text, int64_t start_ms, int64_t end_ms, int64_t step_ms,
                                  const QueryOptions& options) const {
  AUSPEX_RETURN_IF_ERROR(CheckTime("start", start_ms));
  AUSPEX_RETURN_IF_ERROR(CheckTime("end", end_ms));
  if (end_ms < start_ms) return InvalidArgument("invalid parameter \"end\": end timestamp must not be before start time");
  if (step_ms <= 0) {
    return InvalidArgument(
        "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer");
  }
  const auto intervals = static_cast<uint64_t>((end_ms - start_ms) / step_ms);
  if (intervals > options_.max_points) {
    return ResourceExhausted(
        "exceeded maximum resolution of {} points per timeseries (max_points). Try decreasing the query resolution (?step=XX)",
        options_.max_points);
  }
  Question question{text, {start_ms, step_ms, static_cast<size_t>(intervals) + 1}, /*range=*/true, {}};
  question.times.start_ms = start_ms;
  question.times.end_ms = end_ms;
  question.times.step_ms = step_ms;
  return Ask(question, options);
}

Result<QueryResult> Engine::Ask(const Question& question, const QueryOptions& options) const {
  AUSPEX_RETURN_IF_ERROR(CheckCompat(options));
  std::string text(question.text);
  const Statement statement = TakeStatement(text);
  Question asked = question;
  asked.text = text;
  QueryResult result;
  result.t_ms = question.grid.start_ms;
  AUSPEX_RETURN_IF_ERROR(Evaluate(asked, statement, options, result));
  return result;
}

Status Engine::Evaluate(const Question& question, Statement statement, const QueryOptions& options, QueryResult& result) const {
  const int64_t started_ns = options_.clock->MonotonicNs();
  const StepGrid& grid = question.grid;
  AUSPEX_ASSIGN_OR_RETURN(const ExprPtr expr, Parse(question.text));
  AUSPEX_RETURN_IF_ERROR(CheckTypes(*expr, question.text, registry_));
  if (question.range && expr->type != ValueType::kScalar && expr->type != ValueType::kVector) {
    return InvalidArgument("invalid expression type \"{}\" for range query, must be Scalar or instant Vector",
                           ValueTypeName(expr->type));
  }
  AUSPEX_RETURN_IF_ERROR(ResolveDurations(*expr, question.times.step_ms, question.times.end_ms - question.times.start_ms));
  const bool explained = statement != Statement::kNone;
  AUSPEX_ASSIGN_OR_RETURN(const Plan plan, MakePlan(*expr, question.text, registry_, question.times, explained));
  Execution execution(store_, options_, options);
  if (explained) AUSPEX_RETURN_IF_ERROR(EstimatePlan(*plan.explained, grid, execution));
  const int64_t parsed_ns = options_.clock->MonotonicNs();
  if (options.count_steps) execution.CountSteps(grid);
  const auto finish = [&] {
    result.annotations = execution.annotations();
    const uint64_t cached_steps = result.stats.cached_steps;
    result.stats = execution.stats();
    result.stats.cached_steps = cached_steps;
    result.stats.parse_ns = parsed_ns - started_ns;
    result.stats.evaluate_ns = options_.clock->MonotonicNs() - parsed_ns;
  };
  Explanation explanation;
  if (statement == Statement::kExplain) {
    explanation = ExplainEstimated(*plan.explained);
  } else if (plan.type == ValueType::kString) {
    result.text = plan.text;
  } else if (plan.type == ValueType::kMatrix) {
    Reservation held;
    uint64_t held_count = 0;
    PlanNode::Figures figures;
    const auto take = [&](ResultSeries series) -> Status {
      ++figures.series;
      figures.values += series.t_ms.size();
      if (explained) return OkStatus();
      if (options.sink != nullptr) return (*options.sink)(series);
      AUSPEX_RETURN_IF_ERROR(execution.Charge(held, held_count += series.t_ms.size()));
      result.series.push_back(std::move(series));
      return OkStatus();
    };
    AUSPEX_RETURN_IF_ERROR(ReadMatrix(*plan.source, plan.range_ms, plan.extension, plan.shift, grid.start_ms, execution, take));
    if (explained) {
      figures.runs = 1;
      figures.read = execution.stats();
      figures.time_ns = options_.clock->MonotonicNs() - parsed_ns;
      plan.explained->Count(figures);
    }
  } else if (explained || !question.range) {
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, plan.root->Run(grid, execution));
    if (!explained) result.series = SeriesOf(std::move(batch), grid);
  } else {
    AnswerStream answer(grid, execution, options.sink);
    Batch batch(grid.count);
    if (cache_ != nullptr && options.use_cache) {
      AUSPEX_ASSIGN_OR_RETURN(batch, RunCached(*expr, *plan.root, question, options, execution, answer, result.stats));
    } else {
      AUSPEX_RETURN_IF_ERROR(plan.root->Stream(grid, execution, answer));
      batch = answer.Take();
    }
    AUSPEX_RETURN_IF_ERROR(Answer(std::move(batch), grid, options.sink, result));
  }
  finish();
  if (!explained) {
    result.type = question.range ? ValueType::kMatrix : plan.type;
    return OkStatus();
  }
  if (statement == Statement::kExplainAnalyze) explanation = ExplainMeasured(*plan.explained, result.stats);
  result.series.clear();
  result.type = ValueType::kString;
  result.statement = "explain";
  result.text = std::move(explanation.text);
  result.json = std::move(explanation.json);
  return OkStatus();
}

Result<Batch> Engine::RunCached(const Expr& expr, const Operator& root, const Question& question, const QueryOptions& options,
                                Execution& execution, AnswerStream& answer, QueryStats& stats) const {
  const StepGrid& grid = question.grid;
  const std::optional<CacheTerms> terms = CacheTermsOf(expr, registry_, execution.lookback_ms());
  if (!terms) {
    AUSPEX_RETURN_IF_ERROR(root.Stream(grid, execution, answer));
    return answer.Take();
  }
  const int64_t phase_ms = (grid.start_ms % grid.step_ms + grid.step_ms) % grid.step_ms;
  const CacheKey key{std::string(question.text), options.tenant, options.compat,
                     execution.lookback_ms(),    grid.step_ms,   phase_ms};
  // Before anything is selected: what is written meanwhile counts as a change.
  const uint64_t version = store_.ChangeVersion();
  const std::shared_ptr<const CachedAnswer> known = cache_->Find(key);
  if (known != nullptr) {
    stats.cached_steps = ReusableSteps(*known, grid, store_.ChangesSince(known->version), terms->reach_ms);
  }
  const size_t reused = stats.cached_steps;
  StepGrid rest = grid;
  rest.start_ms = grid.At(reused);
  rest.count = grid.count - reused;
  Batch batch(rest.count);
  if (reused == 0) {
    AUSPEX_RETURN_IF_ERROR(root.Stream(grid, execution, answer));
    if (answer.streams()) return batch;
    batch = answer.Take();
  } else {
    if (rest.count > 0) {
      AUSPEX_ASSIGN_OR_RETURN(batch, root.Run(rest, execution));
      batch = SortedRows(std::move(batch));
    }
    batch = JoinSteps(*known, reused, grid, std::move(batch));
    AUSPEX_RETURN_IF_ERROR(execution.Charge(batch));
  }
  // Notes belong to the steps that cause them: an answer with notes is not kept.
  const Annotations notes = execution.annotations();
  if (notes.warnings.empty() && notes.infos.empty()) {
    auto kept = std::make_shared<CachedAnswer>();
    kept->grid = grid;
    kept->version = version;
    kept->rows.steps_count = batch.steps_count;
    kept->rows.labels = batch.labels;
    kept->rows.values = batch.values;
    kept->rows.histograms = batch.histograms;
    cache_->Put(key, std::move(kept));
  }
  return batch;
}

Result<std::string> Engine::Format(std::string_view text) const {
  AUSPEX_ASSIGN_OR_RETURN(const ExprPtr expr, Parse(text));
  AUSPEX_RETURN_IF_ERROR(CheckTypes(*expr, text, registry_));
  return Print(*expr);
}

Result<std::string> Engine::ParseTree(std::string_view text) const {
  AUSPEX_ASSIGN_OR_RETURN(const ExprPtr expr, Parse(text));
  AUSPEX_RETURN_IF_ERROR(CheckTypes(*expr, text, registry_));
  return TreeJson(*expr, registry_);
}

Result<ValueType> Engine::Check(std::string_view text) const {
  AUSPEX_ASSIGN_OR_RETURN(const ExprPtr expr, Parse(text));
  AUSPEX_RETURN_IF_ERROR(CheckTypes(*expr, text, registry_));
  return expr->type;
}

}  // namespace auspex::query
