#include "auspex/database.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <map>
#include <mutex>
#include <utility>

#include "auspex/analytics/functions.h"
#include "auspex/query/ast.h"
#include "auspex/query/parser.h"
#include "auspex/query/selectors.h"
#include "event_log.h"
#include "insight_log.h"
#include "pattern_log.h"
#include "rule_evaluator.h"
#include "scheduler.h"

namespace auspex {
namespace {

constexpr uint64_t kLeastBudgetBytes = uint64_t{64} << 20;

/// Calls back whoever listens to insights. Thread-safe. Outlives the database through its subscriptions.
class Subscribers {
 public:
  using Callback = std::function<void(const Insight&)>;

  /// Ends when destroyed: afterwards the callback does not run, save when it is what destroys it.
  class Entry final : public Subscription {
   public:
    explicit Entry(Callback callback) : slot_(std::make_shared<Slot>(std::move(callback))) {}
    ~Entry() override {
      const std::lock_guard lock(slot_->mu);
      slot_->alive = false;
    }

   private:
    friend class Subscribers;
    struct Slot {
      explicit Slot(Callback given) : callback(std::move(given)) {}
      std::recursive_mutex mu;
      bool alive = true;
      Callback callback;
    };
    std::shared_ptr<Slot> slot_;
  };

  std::unique_ptr<Subscription> Add(Callback callback) {
    auto entry = std::make_unique<Entry>(std::move(callback));
    const std::lock_guard lock(mu_);
    slots_.push_back(entry->slot_);
    return entry;
  }

  void Tell(const std::vector<Insight>& revisions) {
    if (revisions.empty()) return;
    std::vector<std::shared_ptr<Entry::Slot>> slots;
    {
      const std::lock_guard lock(mu_);
      std::erase_if(slots_, [](const std::weak_ptr<Entry::Slot>& slot) { return slot.expired(); });
      for (const auto& slot : slots_) {
        if (auto alive = slot.lock()) slots.push_back(std::move(alive));
      }
    }
    for (const Insight& revision : revisions) {
      for (const auto& slot : slots) {
        const std::lock_guard lock(slot->mu);
        if (slot->alive) slot->callback(revision);
      }
    }
  }

 private:
  std::mutex mu_;
  std::vector<std::weak_ptr<Entry::Slot>> slots_;
};

class DatabaseImpl final : public Database {
 public:
  DatabaseImpl(const Options& options, std::unique_ptr<Store> store, std::shared_ptr<analytics::EventLog> events,
               query::FunctionRegistry registry)
      : read_only_(options.read_only),
        retention_ms_(options.retention_ms),
        clock_(*options.clock),
        store_(std::move(store)),
        registry_(std::move(registry)),
        engine_options_(EngineOptions(options)),
        engine_(*store_, registry_, engine_options_),
        evaluator_(analytics::MakeEngineEvaluator(*store_, registry_, engine_options_)),
        events_(std::move(events)),
        patterns_(*store_),
        insights_(*store_),
        scheduler_({*store_, *evaluator_, *events_, insights_, clock_}) {}

  Status Load() {
    AUSPEX_RETURN_IF_ERROR(insights_.Load());
    return scheduler_.Load();
  }

  Result<SeriesRef> Resolve(const Labels& labels) override { return store_->Resolve(kDefaultTenant, labels); }
  Result<AppendReport> Append(const WriteBatch& batch) override { return store_->Append(batch); }

  Result<query::QueryResult> Query(std::string_view text, int64_t time_ms, const query::QueryOptions& options) const override {
    queried_ = true;
    return engine_.Instant(text, time_ms, options);
  }
  Result<query::QueryResult> QueryRange(std::string_view text, int64_t start_ms, int64_t end_ms, int64_t step_ms,
                                        const query::QueryOptions& options) const override {
    queried_ = true;
    return engine_.Range(text, start_ms, end_ms, step_ms, options);
  }
  Result<std::vector<AnomalyExplanation>> ExplainAnomaly(std::string_view text, int64_t time_ms,
                                                         const query::QueryOptions& options) const override {
    queried_ = true;
    AUSPEX_ASSIGN_OR_RETURN(const auto statement, analytics::ParseExplainAnomaly(text));
    if (!statement) return analytics::ExplainAnomaly(*store_, registry_, engine_options_, text, time_ms, options);
    return analytics::ExplainAnomaly(*store_, registry_, engine_options_, statement->expr, statement->t_ms.value_or(time_ms),
                                     options);
  }
  Result<std::string> FormatQuery(std::string_view text) const override { return engine_.Format(text); }
  Result<std::string> ParseQuery(std::string_view text) const override { return engine_.ParseTree(text); }
  Result<std::vector<Matcher>> ParseSelector(std::string_view text) const override {
    AUSPEX_ASSIGN_OR_RETURN(const query::ExprPtr tree, query::Parse(text));
    const auto* selector = std::get_if<query::VectorSelector>(&tree->node);
    if (selector == nullptr) return InvalidArgument("'{}': expected a series selector such as up{{job=\"api\"}}", text);
    if (!selector->alternatives.empty()) return InvalidArgument("'{}': \"or\" is for queries: give several selectors", text);
    return selector->matchers;
  }
  const SeriesStore& store() const override { return *store_; }
  const query::FunctionRegistry& functions() const override { return registry_; }
  Status AddFunction(query::Function function) override {
    if (queried_) return FailedPrecondition("function {}: functions are added before the first query or tick", function.name);
    return registry_.Add(std::move(function));
  }

  Status PutRuleGroups(std::string_view yaml) override {
    return Changed([&] { return scheduler_.PutGroups(yaml); });
  }
  Status PutContinuousQuery(std::string_view group, std::string_view name, std::string_view yaml) override {
    return Changed([&] { return scheduler_.PutRule(group, name, yaml); });
  }
  Status DeleteContinuousQuery(std::string_view group, std::string_view name) override {
    return Changed([&] { return scheduler_.DeleteRule(group, name); });
  }
  Status DeleteRuleGroup(std::string_view group) override {
    return Changed([&] { return scheduler_.DeleteGroup(group); });
  }
  std::vector<ContinuousQueryStatus> ContinuousQueries() const override { return scheduler_.Statuses(); }

  Result<TickReport> Tick(int64_t now_ms) override {
    AUSPEX_RETURN_IF_ERROR(ExpireInsights());
    return Run([&] { return scheduler_.Tick(now_ms); });
  }
  std::optional<int64_t> NextTickMs() const override { return scheduler_.NextTickMs(); }
  Result<TickReport> Replay(std::string_view group, std::string_view name, int64_t from_ms, int64_t to_ms,
                            const std::function<bool(const ReplayProgress&)>& progress) override {
    return Run([&] { return scheduler_.Replay(group, name, from_ms, to_ms, progress); });
  }

  Result<BacktestReport> Backtest(const BacktestRequest& request) const override {
    queried_ = true;
    AUSPEX_ASSIGN_OR_RETURN(std::vector<WhatIfRow> rows, scheduler_.JudgeVariants({request, {}, {}}));
    return std::move(rows.front().report);
  }
  Result<std::vector<WhatIfRow>> WhatIf(const WhatIfRequest& request) const override {
    queried_ = true;
    return scheduler_.JudgeVariants(request);
  }

  Result<std::vector<Insight>> Insights(const InsightFilter& filter) const override { return insights_.Find(filter); }
  Result<Insight> GetInsight(std::string_view id, std::optional<int64_t> known_at_ms) const override {
    return insights_.Get(id, known_at_ms);
  }
  Result<std::vector<Insight>> InsightRevisions(std::string_view id) const override { return insights_.Revisions(id); }
  std::unique_ptr<Subscription> Subscribe(std::function<void(const Insight&)> callback) override {
    return subscribers_.Add(std::move(callback));
  }
  Result<std::vector<std::string>> AddEvents(std::vector<Event> events) override {
    AUSPEX_RETURN_IF_ERROR(CheckWritable());
    return events_->Add(std::move(events), clock_.NowMs());
  }
  Result<std::vector<Event>> Events(int64_t begin_ms, int64_t end_ms, const std::vector<Matcher>& matchers,
                                    size_t limit) const override {
    return events_->Find(begin_ms, end_ms, matchers, limit);
  }
  Result<std::vector<std::string>> AddLogPatterns(const std::vector<LogPatternSeen>& seen) override {
    AUSPEX_RETURN_IF_ERROR(CheckWritable());
    return patterns_.Add(kDefaultTenant, seen);
  }
  Result<std::vector<LogPattern>> LogPatterns(int64_t begin_ms, int64_t end_ms, const std::vector<Matcher>& matchers,
                                              size_t limit) const override {
    return patterns_.Find(kDefaultTenant, begin_ms, end_ms, matchers, limit);
  }

  Result<std::vector<MetricMetadata>> Metadata(std::string_view metric, size_t limit) const override {
    return store_->Metadata(kDefaultTenant, metric, limit);
  }
  Result<std::vector<SeriesExemplars>> Exemplars(std::string_view query, int64_t begin_ms, int64_t end_ms) const override {
    AUSPEX_ASSIGN_OR_RETURN(const query::ExprPtr tree, query::Parse(query));
    std::map<Labels, std::vector<Exemplar>> found;  // a series that two selectors match has its exemplars once
    for (const query::VectorSelector* selector : query::SelectorsOf(*tree)) {
      std::vector<std::vector<Matcher>> parts = selector->alternatives;
      if (parts.empty()) parts.push_back(selector->matchers);
      for (const std::vector<Matcher>& matchers : parts) {
        AUSPEX_ASSIGN_OR_RETURN(auto series, store_->Exemplars(WithinOf(matchers, begin_ms, end_ms)));
        for (SeriesExemplars& one : series) found[std::move(one.series)] = std::move(one.exemplars);
      }
    }
    std::vector<SeriesExemplars> out;
    for (auto& [labels, exemplars] : found) out.push_back({labels, std::move(exemplars)});
    return out;
  }
  Result<uint64_t> DeleteSeries(const std::vector<std::vector<Matcher>>& selectors, int64_t begin_ms, int64_t end_ms) override {
    AUSPEX_RETURN_IF_ERROR(CheckWritable());
    uint64_t series_count = 0;
    for (const std::vector<Matcher>& matchers : selectors) {
      AUSPEX_ASSIGN_OR_RETURN(const uint64_t deleted, store_->Delete(WithinOf(matchers, begin_ms, end_ms)));
      series_count += deleted;
    }
    return series_count;
  }
  Status Backup(const std::string& directory) override { return store_->Backup(directory); }

  Status Flush() override { return store_->Flush(); }
  Status Seal() override { return store_->Seal(); }
  StoreStats Stats() const override { return store_->Stats(); }
  Status Close() override { return store_->Close(); }

 private:
  static query::EngineOptions EngineOptions(const Options& options) {
    query::EngineOptions out;
    out.threads = std::max(options.threads, 1);
    out.clock = options.clock;
    out.timeout_ms = options.query_timeout_ms;
    out.lookback_ms = options.query_lookback_ms;
    out.max_samples = options.query_max_samples;
    out.max_memory_bytes = options.memory_budget_bytes / 4;
    out.result_cache_bytes = options.memory_budget_bytes / 16;
    return out;
  }

  /// Insights follow the retention of samples; the store itself looks after what has its time in its key.
  Status ExpireInsights() {
    constexpr int64_t kHourMs = 3'600'000;
    const int64_t now_ms = clock_.NowMs();
    if (retention_ms_ == 0 || read_only_ || now_ms - insights_expired_ms_.load() < kHourMs) return OkStatus();
    insights_expired_ms_ = now_ms;
    // No longer than a closed one may be opened again.
    return insights_.Expire(now_ms - std::max(retention_ms_, 2 * kHourMs));
  }

  /// Both ends belong to the range.
  static SelectRequest WithinOf(const std::vector<Matcher>& matchers, int64_t begin_ms, int64_t end_ms) {
    SelectRequest request;
    request.matchers = matchers;
    request.begin_ms = begin_ms;
    request.end_ms = end_ms == std::numeric_limits<int64_t>::max() ? end_ms : end_ms + 1;
    return request;
  }

  Status CheckWritable() const { return read_only_ ? FailedPrecondition("the database is open read-only") : OkStatus(); }

  /// Runs something that stores insights, then tells who listens. No lock is held while they are told.
  template <typename Action>
  Result<TickReport> Run(const Action& action) {
    AUSPEX_RETURN_IF_ERROR(CheckWritable());
    queried_ = true;
    AUSPEX_ASSIGN_OR_RETURN(const analytics::Scheduler::Outcome outcome, action());
    subscribers_.Tell(outcome.revisions);
    return outcome.report;
  }
  template <typename Action>
  Status Changed(const Action& action) {
    AUSPEX_RETURN_IF_ERROR(CheckWritable());
    AUSPEX_ASSIGN_OR_RETURN(const analytics::Scheduler::Outcome outcome, action());
    subscribers_.Tell(outcome.revisions);
    return OkStatus();
  }

  const bool read_only_;
  const int64_t retention_ms_;
  std::atomic<int64_t> insights_expired_ms_{std::numeric_limits<int64_t>::min() / 2};
  const Clock& clock_;
  const std::unique_ptr<Store> store_;
  query::FunctionRegistry registry_;
  const query::EngineOptions engine_options_;
  const query::Engine engine_;
  const std::unique_ptr<analytics::RuleEvaluator> evaluator_;
  const std::shared_ptr<analytics::EventLog> events_;  // the functions ask it as well
  analytics::PatternLog patterns_;
  analytics::InsightLog insights_;
  analytics::Scheduler scheduler_;
  Subscribers subscribers_;
  mutable std::atomic<bool> queried_{false};
};

/// For states of detectors, see StoreOptionsOf: 6,500 series with the default budget.
uint64_t DetectorCacheBytes(const Options& options) { return options.memory_budget_bytes / 8; }

StoreOptions StoreOptionsOf(const Options& options) {
  StoreOptions out;
  out.path = options.path;
  out.in_memory = options.in_memory;
  out.read_only = options.read_only;
  out.sync = options.sync;
  out.retention_ms = options.retention_ms;
  out.retention_5m_ms = options.retention_5m_ms;
  out.retention_1h_ms = options.retention_1h_ms;
  out.out_of_order_window_ms = options.out_of_order_window_ms;
  out.retention_bytes = options.retention_bytes;
  out.accept_data_loss = options.accept_data_loss;
  // A quarter is for running queries and a sixteenth for their answers, see EngineOptions; an eighth for the states of
  // detectors.
  out.memory_budget_bytes = std::max(kLeastBudgetBytes, options.memory_budget_bytes / 16 * 9);
  out.clock = options.clock;
  out.file_system = options.file_system;
  return out;
}

}  // namespace

Status Database::Restore(const std::string& backup, const std::string& directory) { return Store::Restore(backup, directory); }

Result<VerifyReport> Database::Verify(const VerifyOptions& options) { return auspex::Verify(options); }

Result<std::unique_ptr<Database>> Database::Open(const Options& options) {
  if (options.memory_budget_bytes < kLeastBudgetBytes) {
    return InvalidArgument("memory budget: found {} bytes, expected at least {}", options.memory_budget_bytes,
                           kLeastBudgetBytes);
  }
  if (options.clock == nullptr) return InvalidArgument("clock: is null");
  AUSPEX_ASSIGN_OR_RETURN(std::unique_ptr<Store> store, Store::Open(StoreOptionsOf(options)));
  const auto events = std::make_shared<analytics::EventLog>(*store);
  query::FunctionRegistry registry = query::FunctionRegistry::BuiltIn();
  AUSPEX_RETURN_IF_ERROR(
      analytics::RegisterAnalyticsFunctions(registry, options.detectors, options.forecasters, DetectorCacheBytes(options),
                                            [events, memo = std::make_shared<analytics::EventMemo>(*events)](
                                                int64_t begin_ms, int64_t end_ms) { return memo->Find(begin_ms, end_ms); }));
  auto database = std::make_unique<DatabaseImpl>(options, std::move(store), events, std::move(registry));
  AUSPEX_RETURN_IF_ERROR(database->Load());
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace auspex
