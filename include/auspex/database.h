#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/analytics/anomaly_explanation.h"
#include "auspex/analytics/backtest.h"
#include "auspex/analytics/continuous_query.h"
#include "auspex/analytics/detector.h"
#include "auspex/analytics/forecaster_registry.h"
#include "auspex/analytics/insight.h"
#include "auspex/analytics/log_pattern.h"
#include "auspex/query/engine.h"
#include "auspex/storage/store.h"
#include "auspex/storage/verify.h"

/// The top of the library: one object that stores, answers, watches and explains. The server is a thin layer over it.
namespace auspex {

using analytics::AlertStatus;
using analytics::AnomalyExplanation;
using analytics::BacktestReport;
using analytics::BacktestRequest;
using analytics::ContinuousQueryStatus;
using analytics::Event;
using analytics::Insight;
using analytics::InsightFilter;
using analytics::LogPattern;
using analytics::LogPatternSeen;
using analytics::ReplayProgress;
using analytics::TickReport;
using analytics::WhatIfRequest;
using analytics::WhatIfRow;

struct Options {
  std::string path;               ///< the database directory, made if missing
  bool in_memory = false;
  bool read_only = false;
  SyncMode sync = SyncMode::kInterval;
  int64_t retention_ms = 0;       ///< 0 keeps everything
  int64_t retention_5m_ms = 0;    ///< of summaries of five minutes that outlive their samples; 0: there are none
  int64_t retention_1h_ms = 0;    ///< of summaries of an hour; 0: there are none
  int64_t out_of_order_window_ms = 0;  ///< samples older than now - this are refused; 0 takes any age
  uint64_t retention_bytes = 0;   ///< of the whole directory: the oldest days go when it is exceeded; 0: no bound
  bool accept_data_loss = false;  ///< after damage to the log: go on with what could be read, instead of read-only
  uint64_t memory_budget_bytes = uint64_t{512} << 20;  ///< the whole library's share of the process; at least 64 MiB
  int threads = 2;
  int64_t query_timeout_ms = 2 * 60 * 1000;      ///< of one query
  int64_t query_lookback_ms = 5 * 60 * 1000;     ///< how old a sample may be and still be "now"
  uint64_t query_max_samples = 50'000'000;       ///< one query holds in memory at once; the budget may allow less
  const Clock* clock = &Clock::System();
  std::shared_ptr<rocksdb::FileSystem> file_system;  ///< null: the system's
  /// What `algo=` of the anomaly and of the forecast functions can name; null: the built-in ones. A program adds its own to a
  /// DetectorRegistry::BuiltIn() or ForecasterRegistry::BuiltIn().
  std::shared_ptr<const analytics::DetectorRegistry> detectors;
  std::shared_ptr<const analytics::ForecasterRegistry> forecasters;
};

/// Ends its subscription when destroyed.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

/// Thread-safe. Several databases may live in one process: they share nothing that changes. Installs no signal handler,
/// writes nothing to stderr.
class Database {
 public:
  /// Errors: FailedPrecondition ("locked by pid N", directory of a newer format), InvalidArgument, Corruption, IoError.
  static Result<std::unique_ptr<Database>> Open(const Options& options);
  virtual ~Database() = default;

  // Samples.
  virtual Result<SeriesRef> Resolve(const Labels& labels) = 0;
  virtual Result<AppendReport> Append(const WriteBatch& batch) = 0;

  // Questions. compat and limits are in the options; errors as query::Engine's.
  virtual Result<query::QueryResult> Query(std::string_view text, int64_t time_ms, const query::QueryOptions& options = {}) const = 0;
  virtual Result<query::QueryResult> QueryRange(std::string_view text, int64_t start_ms, int64_t end_ms, int64_t step_ms,
                                                const query::QueryOptions& options = {}) const = 0;
  /// Why an anomaly function says what it says of each series. `text`: "EXPLAIN ANOMALY expr [@ t]", or the expression alone.
  virtual Result<std::vector<AnomalyExplanation>> ExplainAnomaly(std::string_view text, int64_t time_ms,
                                                                 const query::QueryOptions& options = {}) const = 0;
  virtual Result<std::string> FormatQuery(std::string_view text) const = 0;
  /// The syntax tree as JSON, in the form of Prometheus 3's /api/v1/parse_query. Errors: InvalidArgument.
  virtual Result<std::string> ParseQuery(std::string_view text) const = 0;
  /// A series selector such as `up{job="api"}` to its matchers. Errors: InvalidArgument.
  virtual Result<std::vector<Matcher>> ParseSelector(std::string_view text) const = 0;
  virtual const SeriesStore& store() const = 0;
  virtual const query::FunctionRegistry& functions() const = 0;
  /// Adds a function to the language. Before the first query.
  virtual Status AddFunction(query::Function function) = 0;

  // Continuous queries. YAML is that of Prometheus rule files, with the third rule kind `insight`.
  /// Adds or replaces the groups in `yaml`: all of them, or, if anything in it is wrong, none. Stored.
  virtual Status PutRuleGroups(std::string_view yaml) = 0;
  /// Replaces or adds one rule of a group. `yaml`: one rule.
  virtual Status PutContinuousQuery(std::string_view group, std::string_view name, std::string_view yaml) = 0;
  virtual Status DeleteContinuousQuery(std::string_view group, std::string_view name) = 0;
  virtual Status DeleteRuleGroup(std::string_view group) = 0;
  virtual std::vector<ContinuousQueryStatus> ContinuousQueries() const = 0;

  /// Evaluates what is due at `now_ms`. Time moves only through here.
  virtual Result<TickReport> Tick(int64_t now_ms) = 0;
  /// When the next group is due; none without groups.
  virtual std::optional<int64_t> NextTickMs() const = 0;
  /// Evaluates one rule over stored history, at its group's interval, by the same path as Tick.
  /// `progress` is called now and then; returning false cancels (what was found stays).
  virtual Result<TickReport> Replay(std::string_view group, std::string_view name, int64_t from_ms, int64_t to_ms,
                                    const std::function<bool(const ReplayProgress&)>& progress = {}) = 0;
  /// One rule over stored history by the same steps as Tick, without storing anything: what it would have told, how late, and,
  /// given labelled windows, how rightly. Errors: NotFound, InvalidArgument.
  virtual Result<BacktestReport> Backtest(const BacktestRequest& request) const = 0;
  /// The same for every pair of a sensitivity and a hold time.
  virtual Result<std::vector<WhatIfRow>> WhatIf(const WhatIfRequest& request) const = 0;

  // Insights and events.
  virtual Result<std::vector<Insight>> Insights(const InsightFilter& filter) const = 0;
  /// Errors: NotFound.
  virtual Result<Insight> GetInsight(std::string_view id, std::optional<int64_t> known_at_ms = {}) const = 0;
  /// Every revision, oldest first.
  virtual Result<std::vector<Insight>> InsightRevisions(std::string_view id) const = 0;
  /// `callback` runs on the thread that ticks, after the revision is durable.
  virtual std::unique_ptr<Subscription> Subscribe(std::function<void(const Insight&)> callback) = 0;
  /// An event without an id gets one. Returns the ids.
  virtual Result<std::vector<std::string>> AddEvents(std::vector<Event> events) = 0;
  virtual Result<std::vector<Event>> Events(int64_t begin_ms, int64_t end_ms, const std::vector<Matcher>& matchers, size_t limit) const = 0;
  /// Lines of logs whose variable parts have been taken out, gathered over some seconds: counted on from what is stored, also
  /// as log_pattern_lines_total{pattern="<id>", ...}. Returns the ids.
  virtual Result<std::vector<std::string>> AddLogPatterns(const std::vector<LogPatternSeen>& seen) = 0;
  /// Those seen at some time of [begin_ms, end_ms], in the order of when they were seen last. limit 0: all.
  virtual Result<std::vector<LogPattern>> LogPatterns(int64_t begin_ms, int64_t end_ms, const std::vector<Matcher>& matchers,
                                                      size_t limit) const = 0;

  // What is known beside the samples; written with a WriteBatch.
  /// By metric name; of one when `metric` is not empty. limit 0: all.
  virtual Result<std::vector<MetricMetadata>> Metadata(std::string_view metric, size_t limit) const = 0;
  /// The exemplars within [begin_ms, end_ms] of the series that the query's selectors match, by series.
  virtual Result<std::vector<SeriesExemplars>> Exemplars(std::string_view query, int64_t begin_ms, int64_t end_ms) const = 0;

  // Care.
  /// Deletes the samples within [begin_ms, end_ms] of the series that any of the selectors matches. What is written afterwards
  /// lives, also at the same times. Returns how many series were found, summed over the selectors.
  virtual Result<uint64_t> DeleteSeries(const std::vector<std::vector<Matcher>>& selectors, int64_t begin_ms, int64_t end_ms) = 0;
  /// Makes the directory a copy of the database as it is now, while writes go on. Errors: AlreadyExists, IoError, ...
  virtual Status Backup(const std::string& directory) = 0;
  /// Makes `directory` a database directory from a backup. Errors: AlreadyExists (unless missing or empty), NotFound, IoError.
  static Status Restore(const std::string& backup, const std::string& directory);
  /// Reads everything in a directory that no process has open, and names what is wrong. Changes nothing.
  static Result<VerifyReport> Verify(const VerifyOptions& options);
  virtual Status Flush() = 0;
  virtual Status Seal() = 0;
  virtual StoreStats Stats() const = 0;
  virtual Status Close() = 0;
};

}  // namespace auspex
