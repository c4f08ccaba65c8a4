#include "execution.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <system_error>
#include <thread>

namespace auspex::query {
namespace {

// A time and a value.
constexpr uint64_t kBytesPerSample = 16;

}  // namespace

Execution::Execution(const SeriesStore& store, const EngineOptions& engine, const QueryOptions& query)
    : store_(store),
      query_(query),
      clock_(*engine.clock),
      lookback_ms_(query.lookback_ms > 0 ? query.lookback_ms : engine.lookback_ms),
      timeout_ms_(query.timeout_ms > 0 ? std::min(query.timeout_ms, engine.timeout_ms) : engine.timeout_ms),
      deadline_ns_(clock_.MonotonicNs() + timeout_ms_ * 1'000'000),
      workers_count_(static_cast<size_t>(std::max(engine.threads, 1))),
      max_memory_bytes_(engine.max_memory_bytes),
      budget_(std::min(engine.max_samples, engine.max_memory_bytes / kBytesPerSample)) {}

Status Execution::Stop() const {
  if (query_.cancelled != nullptr && query_.cancelled->load(std::memory_order_relaxed)) {
    return Cancelled("query was canceled in expression evaluation");
  }
  if (clock_.MonotonicNs() > deadline_ns_) {
    return DeadlineExceeded("query timed out in expression evaluation: timeout is {} ms", timeout_ms_);
  }
  return OkStatus();
}

Status Execution::Charge(Batch& batch) { return Charge(batch.reservation, batch.values.size()); }

Status Execution::Charge(Reservation& reservation, uint64_t values_count) {
  if (reservation.Resize(budget_, values_count)) return OkStatus();
  if (budget_.limit() == max_memory_bytes_ / kBytesPerSample) {
    return ResourceExhausted(
        "query processing would load too many samples into memory in query execution: max_memory_bytes is {}",
        max_memory_bytes_);
  }
  return ResourceExhausted("query processing would load too many samples into memory in query execution: max_samples is {}",
                           budget_.limit());
}

void Execution::Note(const Annotations& annotations) {
  if (annotations.warnings.empty() && annotations.infos.empty()) return;
  const std::lock_guard lock(mu_);
  annotations_.Merge(annotations);
}

void Execution::Warn(std::string text) {
  const std::lock_guard lock(mu_);
  annotations_.Warn(std::move(text));
}

Annotations Execution::annotations() const {
  const std::lock_guard lock(mu_);
  return annotations_;
}

void Execution::CountRead(uint64_t series_count, uint64_t samples_count) {
  series_count_.fetch_add(series_count, std::memory_order_relaxed);
  samples_count_.fetch_add(samples_count, std::memory_order_relaxed);
}

void Execution::CountBlocks(const ReadCost& cost) {
  blocks_decoded_.fetch_add(cost.blocks_decoded, std::memory_order_relaxed);
  blocks_skipped_.fetch_add(cost.blocks_skipped, std::memory_order_relaxed);
}

QueryStats Execution::stats() const {
  QueryStats stats;
  stats.runs_count = runs_count_.load();
  stats.blocks_decoded = blocks_decoded_.load();
  stats.blocks_skipped = blocks_skipped_.load();
  stats.peak_samples = budget_.peak();
  stats.series_count = series_count_.load();
  stats.samples_count = samples_count_.load();
  const std::lock_guard lock(mu_);
  stats.samples_per_step = step_counts_;
  return stats;
}

void Execution::CountSteps(const StepGrid& grid) {
  counted_ = grid;
  step_counts_.assign(grid.count, 0);
}

bool Execution::CountsSteps(const StepGrid& grid) const {
  if (counted_.count == 0 || grid.count == 0 || grid.step_ms != counted_.step_ms) return false;
  const int64_t from_start_ms = grid.start_ms - counted_.start_ms;
  return from_start_ms >= 0 && from_start_ms % counted_.step_ms == 0 && grid.end_ms() <= counted_.end_ms();
}

void Execution::AddStepCounts(const StepGrid& grid, std::span<const uint64_t> counts) {
  const std::lock_guard lock(mu_);
  if (grid.count == 1 && grid.start_ms == counted_.start_ms) {
    for (uint64_t& count : step_counts_) count += counts[0];
    return;
  }
  const auto first = static_cast<size_t>((grid.start_ms - counted_.start_ms) / counted_.step_ms);
  for (size_t k = 0; k < counts.size(); ++k) step_counts_[first + k] += counts[k];
}

Status Execution::RunMorsels(size_t series_count, const std::function<Status(size_t, size_t, size_t, size_t)>& work,
                             size_t most_series) {
  const size_t morsel_series = std::min(MorselSeries(series_count), most_series);
  const size_t morsels_count = (series_count + morsel_series - 1) / morsel_series;
  const size_t most_ahead = 2 * workers_count_;
  std::atomic<size_t> next{0};
  std::mutex mu;
  std::condition_variable turn;
  std::vector<bool> done(morsels_count);  // guarded by mu
  size_t oldest = 0;                      // guarded by mu: the first that is not done
  std::map<size_t, Status> failures;      // guarded by mu
  const auto drain = [&](size_t worker) {
    for (size_t morsel = next.fetch_add(1); morsel < morsels_count; morsel = next.fetch_add(1)) {
      {
        // Somebody is at the oldest, and does not wait.
        std::unique_lock lock(mu);
        turn.wait(lock, [&] { return !failures.empty() || morsel < oldest + most_ahead; });
        if (!failures.empty()) return;
      }
      const size_t begin = morsel * morsel_series;
      Status status = work(morsel, begin, std::min(begin + morsel_series, series_count), worker);
      const std::lock_guard lock(mu);
      done[morsel] = true;
      while (oldest < morsels_count && done[oldest]) ++oldest;
      if (!status.ok()) failures.emplace(morsel, std::move(status));
      turn.notify_all();
    }
  };
  std::vector<std::thread> others;
  try {
    for (size_t worker = 1; worker < std::min(workers_count_, morsels_count); ++worker) others.emplace_back(drain, worker);
  } catch (const std::system_error&) {
    // The system refuses another thread: those that there are do all the work.
  }
  drain(0);
  for (std::thread& other : others) other.join();
  return failures.empty() ? OkStatus() : failures.begin()->second;
}

}  // namespace auspex::query
