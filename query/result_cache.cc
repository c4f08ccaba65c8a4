#include "result_cache.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

namespace auspex::query {
namespace {

// An answer larger than this part of the cache is not worth what it displaces.
constexpr uint64_t kLargestPart = 8;

// Those of `count` steps from `first` on to the last row of `out`, from step `to` on.
void CopyHistograms(const RowView& from, size_t first, size_t count, Batch& out, size_t to) {
  for (size_t k = 0; k < count && !from.histograms.empty(); ++k) {
    const HistogramPtr& histogram = from.histograms[first + k];
    if (histogram != nullptr) out.SetHistogram(out.size() - 1, to + k, histogram);
  }
}

}  // namespace

uint64_t CachedAnswer::bytes() const {
  uint64_t out = sizeof(CachedAnswer) + rows.values.size() * sizeof(double) + rows.histograms.size() * sizeof(HistogramPtr);
  for (const HistogramPtr& histogram : rows.histograms) {
    if (histogram != nullptr) out += sizeof(Histogram) + histogram->buckets_count() * (sizeof(int32_t) + sizeof(double));
  }
  for (const Labels& labels : rows.labels) out += sizeof(Labels) + labels.bytes().size();
  return out;
}

size_t ResultCache::KeyHash::operator()(const CacheKey& key) const {
  size_t hash = std::hash<std::string>()(key.text);
  for (const int64_t part :
       {static_cast<int64_t>(key.tenant), static_cast<int64_t>(key.compat), key.lookback_ms, key.step_ms, key.phase_ms}) {
    hash = hash * 1'000'003 + static_cast<size_t>(part);
  }
  return hash;
}

std::shared_ptr<const CachedAnswer> ResultCache::Find(const CacheKey& key) {
  const std::lock_guard lock(mu_);
  const auto found = at_.find(key);
  if (found == at_.end()) return nullptr;
  entries_.splice(entries_.end(), entries_, found->second);
  return found->second->answer;
}

void ResultCache::Put(const CacheKey& key, std::shared_ptr<const CachedAnswer> answer) {
  const uint64_t size = answer->bytes();
  const std::lock_guard lock(mu_);
  if (const auto old = at_.find(key); old != at_.end()) {
    bytes_ -= old->second->answer->bytes();
    entries_.erase(old->second);
    at_.erase(old);
  }
  if (size > limit_bytes_ / kLargestPart) return;
  entries_.push_back({key, std::move(answer)});
  at_.emplace(key, std::prev(entries_.end()));
  bytes_ += size;
  while (bytes_ > limit_bytes_) {
    bytes_ -= entries_.front().answer->bytes();
    at_.erase(entries_.front().key);
    entries_.pop_front();
  }
}

uint64_t ResultCache::bytes() const {
  const std::lock_guard lock(mu_);
  return bytes_;
}

size_t ReusableSteps(const CachedAnswer& answer, const StepGrid& grid, const StoreChanges& changes, int64_t reach_ms) {
  if (grid.start_ms < answer.grid.start_ms || grid.start_ms > answer.grid.end_ms()) return 0;
  if (grid.start_ms - reach_ms < changes.expired_ms) return 0;
  const int64_t last_ms = std::min(answer.grid.end_ms(), grid.end_ms());
  if (changes.earliest_ms <= grid.start_ms) return 0;
  // The last step that is before the earliest change.
  const int64_t end_ms = changes.earliest_ms > last_ms ? last_ms : changes.earliest_ms - 1;
  return static_cast<size_t>((end_ms - grid.start_ms) / grid.step_ms) + 1;
}

Batch SortedRows(Batch batch) {
  if (std::is_sorted(batch.labels.begin(), batch.labels.end())) return batch;
  std::vector<size_t> order(batch.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return batch.labels[a] < batch.labels[b]; });
  Batch out(batch.steps_count);
  out.values.reserve(batch.values.size());
  out.labels.reserve(batch.size());
  for (const size_t i : order) {
    out.Append(std::move(batch.labels[i]), std::as_const(batch).View(i));
  }
  out.reservation = std::move(batch.reservation);
  return out;
}

Batch JoinSteps(const CachedAnswer& answer, size_t steps_count, const StepGrid& grid, Batch rest) {
  const auto first = static_cast<size_t>((grid.start_ms - answer.grid.start_ms) / grid.step_ms);
  Batch out(grid.count);
  const Batch& old = answer.rows;
  size_t i = 0;
  size_t j = 0;
  while (i < old.size() || j < rest.size()) {
    const bool take_old = j == rest.size() || (i < old.size() && old.labels[i] <= rest.labels[j]);
    const bool take_new = i == old.size() || (j < rest.size() && rest.labels[j] <= old.labels[i]);
    const std::span<double> row = out.Add(take_old ? old.labels[i] : rest.labels[j]);
    if (take_old) {
      const std::span<const double> from = old.Row(i).subspan(first, steps_count);
      std::copy(from.begin(), from.end(), row.begin());
      CopyHistograms(old.View(i++), first, steps_count, out, 0);
    }
    if (take_new) {
      const std::span<const double> from = rest.Row(j);
      std::copy(from.begin(), from.end(), row.begin() + static_cast<ptrdiff_t>(steps_count));
      CopyHistograms(std::as_const(rest).View(j++), 0, from.size(), out, steps_count);
    }
    if (IsEmptyRow(row)) out.DropLast();
  }
  return out;
}

}  // namespace auspex::query
