#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "auspex/query/value.h"
#include "auspex/storage/labels.h"

namespace auspex::query {

/// Values that one query holds in memory at once. Thread-safe.
class SampleBudget {
 public:
  explicit SampleBudget(uint64_t limit) : limit_(limit) {}
  /// False, and nothing taken, when the limit would be passed.
  bool Take(uint64_t count) {
    const uint64_t before = held_.fetch_add(count, std::memory_order_relaxed);
    if (count <= limit_ && before <= limit_ - count) {
      uint64_t peak = peak_.load(std::memory_order_relaxed);
      while (peak < before + count && !peak_.compare_exchange_weak(peak, before + count, std::memory_order_relaxed)) {
      }
      return true;
    }
    held_.fetch_sub(count, std::memory_order_relaxed);
    return false;
  }
  void Give(uint64_t count) { held_.fetch_sub(count, std::memory_order_relaxed); }
  uint64_t limit() const { return limit_; }
  uint64_t peak() const { return peak_.load(std::memory_order_relaxed); }

 private:
  const uint64_t limit_;
  std::atomic<uint64_t> held_{0};
  std::atomic<uint64_t> peak_{0};
};

/// A part of a budget, given back when destroyed. Borrows the budget.
class Reservation {
 public:
  Reservation() = default;
  Reservation(Reservation&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  Reservation& operator=(Reservation&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~Reservation() {
    if (budget_ != nullptr) budget_->Give(count_);
  }
  /// Makes this hold `count` values of `budget`; false when the limit would be passed.
  bool Resize(SampleBudget& budget, uint64_t count) {
    if (count > count_ && !budget.Take(count - count_)) return false;
    if (count < count_) budget.Give(count_ - count);
    budget_ = &budget;
    count_ = count;
    return true;
  }

 private:
  SampleBudget* budget_ = nullptr;
  uint64_t count_ = 0;
};

/// One row of a batch. *Borrows* it.
struct RowView {
  RowView(std::span<const double> row_values, std::span<const HistogramPtr> row_histograms = {})  // NOLINT: a plain row is one
      : values(row_values), histograms(row_histograms) {}
  std::span<const double> values;
  std::span<const HistogramPtr> histograms;  ///< empty, or as many
  const HistogramPtr& HistogramAt(size_t k) const {
    static const HistogramPtr kNone;
    return histograms.empty() ? kNone : histograms[k];
  }
};

/// What an operator answers: series on the same steps. `values` is row-major, shape [labels.size(), steps_count];
/// Absent() where a series has no sample at a step. A scalar is one row without labels and without absent steps.
struct Batch {
  Batch() = default;
  explicit Batch(size_t steps) : steps_count(steps) {}

  size_t steps_count = 1;
  std::vector<Labels> labels;
  std::vector<double> values;
  /// Empty, or as long as `values`: null where the cell is a number or absent. A histogram's value is HistogramMarker(), but
  /// only this column says that a cell is one.
  std::vector<HistogramPtr> histograms;
  Reservation reservation;  ///< set by Execution::Charge

  size_t size() const { return labels.size(); }
  std::span<double> Row(size_t i) { return std::span<double>(values).subspan(i * steps_count, steps_count); }
  std::span<const double> Row(size_t i) const { return std::span<const double>(values).subspan(i * steps_count, steps_count); }
  RowView View(size_t i) const {
    if (histograms.empty()) return Row(i);
    return {Row(i), std::span<const HistogramPtr>(histograms).subspan(i * steps_count, steps_count)};
  }
  /// Adds a row of absent steps and returns it; valid until the next row is added.
  std::span<double> Add(Labels row_labels) {
    labels.push_back(std::move(row_labels));
    values.resize(values.size() + steps_count, Absent());
    if (!histograms.empty()) histograms.resize(values.size());
    return Row(size() - 1);
  }
  /// Adds rows, which must not be this batch's own.
  void Append(Labels row_labels, const RowView& row) {
    labels.push_back(std::move(row_labels));
    values.insert(values.end(), row.values.begin(), row.values.end());
    AppendHistograms(row.histograms);
  }
  /// The column that goes with values that were just added; empty when they are all numbers.
  void AppendHistograms(std::span<const HistogramPtr> column) {
    if (column.empty() && histograms.empty()) return;
    if (!column.empty()) {
      histograms.resize(values.size() - column.size());
      histograms.insert(histograms.end(), column.begin(), column.end());
    }
    histograms.resize(values.size());
  }
  /// Takes the last row back.
  void DropLast() {
    labels.pop_back();
    values.resize(values.size() - steps_count);
    if (!histograms.empty()) histograms.resize(values.size());
  }

  bool has_histograms() const { return !histograms.empty(); }
  const Histogram* HistogramAt(size_t i, size_t k) const {
    return histograms.empty() ? nullptr : histograms[i * steps_count + k].get();
  }
  /// Makes a cell a histogram, or absent when it is null.
  void SetHistogram(size_t i, size_t k, HistogramPtr histogram) {
    const size_t at = i * steps_count + k;
    values[at] = histogram == nullptr ? Absent() : HistogramMarker();
    if (histograms.empty()) {
      if (histogram == nullptr) return;
      histograms.resize(values.size());
    }
    histograms[at] = std::move(histogram);
  }
  /// Makes a cell a number, or absent.
  void SetNumber(size_t i, size_t k, double value) {
    const size_t at = i * steps_count + k;
    values[at] = value;
    if (!histograms.empty()) histograms[at] = nullptr;
  }
  /// Makes every histogram absent.
  void DropHistograms() {
    for (size_t at = 0; at < histograms.size(); ++at) {
      if (histograms[at] != nullptr) values[at] = Absent();
    }
    histograms.clear();
  }
};

/// Whether no step of a row has a sample.
inline bool IsEmptyRow(std::span<const double> row) {
  for (const double value : row) {
    if (!IsAbsent(value)) return false;
  }
  return true;
}

}  // namespace auspex::query
