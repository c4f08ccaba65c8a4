#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <mutex>

#include "auspex/query/engine.h"
#include "auspex/storage/base/result.h"
#include "batch.h"

namespace auspex::query {

/// What changes while one query runs: its limits, its notes, its costs. Thread-safe. Borrows everything it is given.
class Execution {
 public:
  /// The limits come from `engine` where `query` does not set its own.
  Execution(const SeriesStore& store, const EngineOptions& engine, const QueryOptions& query);

  const SeriesStore& store() const { return store_; }
  const Clock& clock() const { return clock_; }
  TenantId tenant() const { return query_.tenant; }
  /// The time on the clock.
  int64_t NowMs() const { return clock_.NowMs(); }
  int64_t lookback_ms() const { return lookback_ms_; }
  /// Windows and lookback include their left edge, and what else Prometheus 2 does differently.
  bool compat_2() const { return query_.compat == 2; }
  /// Metric names are dropped at the end of the query, not where it says so (metric_identity.h). Set before the run.
  bool delayed_names() const { return delayed_names_ && !compat_2(); }
  void DelayNames() { delayed_names_ = true; }

  /// Errors: Cancelled, DeadlineExceeded. Looked at once per series and operator.
  Status Stop() const;
  /// Makes the batch's reservation as large as the batch. Errors: ResourceExhausted.
  Status Charge(Batch& batch);
  /// As Charge, for a number of values held outside of a batch.
  Status Charge(Reservation& reservation, uint64_t values_count);

  /// How many values the query may hold at once.
  uint64_t samples_limit() const { return budget_.limit(); }

  void Note(const Annotations& annotations);
  void Warn(std::string text);
  Annotations annotations() const;

  void CountRead(uint64_t series_count, uint64_t samples_count);
  void CountRuns(uint64_t runs_count) { runs_count_.fetch_add(runs_count, std::memory_order_relaxed); }
  void CountBlocks(const ReadCost& cost);
  QueryStats stats() const;

  /// From now on what the steps of `grid` look at is counted.
  void CountSteps(const StepGrid& grid);
  /// Whether evaluation on `grid` is counted: on all or some steps of the query, or once for all of them (`@`).
  bool CountsSteps(const StepGrid& grid) const;
  /// counts: as many as `grid` has steps. CountsSteps(grid).
  void AddStepCounts(const StepGrid& grid, std::span<const uint64_t> counts);

  /// Series per morsel: of few series each is a part, so that every thread gets some. Sinks see series in their order, so no
  /// answer depends on it.
  static constexpr size_t kMostMorselSeries = 64;
  static size_t MorselSeries(size_t series_count) { return std::clamp<size_t>(series_count / 8, 8, kMostMorselSeries); }
  size_t workers_count() const { return workers_count_; }
  /// Calls work(morsel, begin, end, worker) for every morsel of [0, series_count), on up to workers_count() threads. None runs
  /// far ahead of the oldest: what waits for its turn stays little. Returns the error of the first morsel that failed.
  /// most_series: of a morsel.
  Status RunMorsels(size_t series_count, const std::function<Status(size_t, size_t, size_t, size_t)>& work,
                    size_t most_series = kMostMorselSeries);

 private:
  const SeriesStore& store_;
  const QueryOptions query_;
  const Clock& clock_;
  const int64_t lookback_ms_;
  const int64_t timeout_ms_;
  const int64_t deadline_ns_;
  const size_t workers_count_;
  bool delayed_names_ = false;
  const uint64_t max_memory_bytes_;
  SampleBudget budget_;  // by max_samples or max_memory_bytes, whichever is less
  std::atomic<uint64_t> series_count_{0};
  std::atomic<uint64_t> samples_count_{0};
  std::atomic<uint64_t> runs_count_{0};
  std::atomic<uint64_t> blocks_decoded_{0};
  std::atomic<uint64_t> blocks_skipped_{0};
  StepGrid counted_{0, 1, 0};  // no steps: nothing is counted
  mutable std::mutex mu_;
  std::vector<uint64_t> step_counts_;  // guarded by mu_
  Annotations annotations_;            // guarded by mu_
};

}  // namespace auspex::query
