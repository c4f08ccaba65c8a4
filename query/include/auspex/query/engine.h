#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "auspex/query/function_registry.h"
#include "auspex/query/value.h"
#include "auspex/storage/base/clock.h"
#include "auspex/storage/base/result.h"
#include "auspex/storage/series_store.h"

namespace auspex::query {

struct EngineOptions {
  int threads = 2;                            ///< that share one query's series
  int64_t lookback_ms = 5 * 60 * 1000;        ///< how old a sample may be and still be "now"
  int64_t timeout_ms = 2 * 60 * 1000;
  uint64_t max_samples = 50'000'000;          ///< in memory at once, per query, decoded columns included
  uint64_t max_memory_bytes = uint64_t{1} << 30;  ///< of one query's samples, at 16 bytes each
  uint64_t result_cache_bytes = 0;            ///< for answers of range queries that later ones begin with; 0: none
  uint64_t max_points = 11'000;               ///< steps of a range query
  const Clock* clock = &Clock::System();
};

/// Takes the series of a matrix one after the other, in order of labels. An error ends the query, and is its answer.
using SeriesSink = std::function<Status(const ResultSeries& series)>;

/// What may be said of one query beside its text.
struct QueryOptions {
  TenantId tenant = kDefaultTenant;
  int compat = 3;             ///< 3: ranges and lookback open at the left, as Prometheus 3; 2: closed, as Prometheus 2
  int64_t lookback_ms = 0;    ///< 0: the engine's
  int64_t timeout_ms = 0;     ///< 0: the engine's
  const std::atomic<bool>* cancelled = nullptr;  ///< looked at while the query runs
  bool use_cache = true;      ///< false: every step is evaluated anew
  bool count_steps = false;   ///< fill QueryStats::samples_per_step
  /// Where an answer that is a matrix goes, in place of QueryResult::series: of functions and scalar operations on a selector
  /// no more than a few series are then in memory at once. It may have got some before an error is found. Borrowed.
  const SeriesSink* sink = nullptr;
};

struct Batch;
struct Expr;
class AnswerStream;
class Execution;
class Operator;
class ResultCache;
enum class Statement : uint8_t;

/// Parses, checks, plans and evaluates. Thread-safe. Borrows the store and the registry.
///
/// `EXPLAIN expr` answers the plan with estimates, `EXPLAIN ANALYZE expr` runs the query and answers what each operator cost.
///
/// Errors: InvalidArgument (does not parse, types, unknown function, bad parameter; the text has line:column),
/// ResourceExhausted (a limit, named), DeadlineExceeded, Cancelled, and what the store reports.
/// Errors found only while evaluating (for example many-to-many matching) are FailedPrecondition.
class Engine {
 public:
  Engine(const SeriesStore& store, const FunctionRegistry& registry, EngineOptions options);
  ~Engine();

  /// At one time.
  Result<QueryResult> Instant(std::string_view text, int64_t time_ms, const QueryOptions& options = {}) const;
  /// At every step of [start_ms, end_ms].
  Result<QueryResult> Range(std::string_view text, int64_t start_ms, int64_t end_ms, int64_t step_ms,
                            const QueryOptions& options = {}) const;
  /// The text as the language prints it, or the error with its place.
  Result<std::string> Format(std::string_view text) const;
  /// The syntax tree as JSON, in the form of Prometheus 3's /api/v1/parse_query; or the error with its place.
  Result<std::string> ParseTree(std::string_view text) const;
  /// The type of an expression and the metric names and labels that it reads: what a rule loader checks.
  Result<ValueType> Check(std::string_view text) const;

 private:
  struct Question;
  Result<QueryResult> Ask(const Question& question, const QueryOptions& options) const;
  Status Evaluate(const Question& question, Statement statement, const QueryOptions& options, QueryResult& result) const;
  /// The rows of a range query in order of labels, as far as possible from the cache; what `answer` did not hand on.
  Result<Batch> RunCached(const Expr& expr, const Operator& root, const Question& question, const QueryOptions& options,
                          Execution& execution, AnswerStream& answer, QueryStats& stats) const;
  const SeriesStore& store_;
  const FunctionRegistry& registry_;
  EngineOptions options_;
  const std::unique_ptr<ResultCache> cache_;  // null without one
};

}  // namespace auspex::query
