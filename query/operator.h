#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>

#include "auspex/query/value.h"
#include "auspex/storage/base/result.h"
#include "auspex/storage/series_store.h"
#include "batch.h"
#include "execution.h"

namespace auspex::query {

/// Takes the series of an operator morsel by morsel, without all of them being in memory at once.
class MorselSink {
 public:
  virtual ~MorselSink() = default;
  /// Once per morsel, on any thread, in any order; morsels are numbered from 0 without gaps.
  virtual Status Consume(size_t morsel, Batch batch) = 0;
  /// The only labels that Consume looks at; null: all of them. Where some are left out, series may come in any fixed order.
  virtual const std::vector<std::string_view>* labels_used() const { return nullptr; }
  /// Asked by a leaf that knows how many series it has at most, before the first morsel. True: they must come in order of
  /// Shown(labels), and are not kept.
  virtual bool WantsOrder(size_t /*series_count*/) { return false; }
  /// How many series a morsel should have at most; asked after WantsOrder.
  virtual size_t MorselSeries() const { return Execution::kMostMorselSeries; }
  /// What becomes of the labels of a series that this sink is given.
  virtual Labels Shown(const Labels& labels) const { return labels; }
};

/// A node of a plan: answers an expression for every step of a grid. Immutable, thread-safe; what changes during a run is
/// in the Execution.
class Operator {
 public:
  virtual ~Operator() = default;
  /// Series without a sample at any step are left out. Order is part of the answer of an instant query.
  virtual Result<Batch> Run(const StepGrid& grid, Execution& execution) const = 0;
  /// The same series, given to `sink`. Leaves do this in parallel.
  virtual Status Stream(const StepGrid& grid, Execution& execution, MorselSink& sink) const {
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, Run(grid, execution));
    return sink.Consume(0, std::move(batch));
  }
  /// The value at every step when it is known before the run, else null.
  virtual const double* Constant() const { return nullptr; }
};

using OperatorPtr = std::unique_ptr<const Operator>;

/// Hands what morsels made on in the order of their numbers. Thread-safe.
template <typename T>
class InOrder {
 public:
  /// Calls take(value) for `morsel` and those waiting for it, under a lock, as soon as all before it have come.
  template <typename Take>
  Status Push(size_t morsel, T value, Take take) {
    const std::lock_guard lock(mu_);
    waiting_.emplace(morsel, std::move(value));
    for (auto first = waiting_.begin(); first != waiting_.end() && first->first == next_; first = waiting_.begin()) {
      T ready = std::move(first->second);
      waiting_.erase(first);
      ++next_;
      AUSPEX_RETURN_IF_ERROR(take(std::move(ready)));
    }
    return OkStatus();
  }

 private:
  std::mutex mu_;
  std::map<size_t, T> waiting_;
  size_t next_ = 0;
};

/// Makes one batch of all morsels, in order. Thread-safe.
class Collector final : public MorselSink {
 public:
  Collector(size_t steps_count, Execution& execution) : batch_(steps_count), execution_(execution) {}
  Status Consume(size_t morsel, Batch part) override {
    return order_.Push(morsel, std::move(part), [this](Batch ready) { return Append(std::move(ready)); });
  }
  Batch Take() { return std::move(batch_); }

 private:
  Status Append(Batch part);

  Batch batch_;
  Execution& execution_;
  InOrder<Batch> order_;
};

/// The order of a selection's series by shown(labels); none: as they are.
template <typename MakeShown>
std::vector<size_t> OrderOf(const Selection& selection, MakeShown shown) {
  std::vector<Labels> labels(selection.size());
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = shown(selection.labels(i));
  if (std::is_sorted(labels.begin(), labels.end())) return {};
  std::vector<size_t> order(labels.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return labels[a] < labels[b]; });
  return order;
}

/// The order in which `sink` wants the series of a selection; none: as they are.
/// shown: what the operator makes of the labels of a series.
template <typename MakeShown>
std::vector<size_t> OrderFor(const Selection& selection, MorselSink& sink, MakeShown shown) {
  if (!sink.WantsOrder(selection.size())) return {};
  return OrderOf(selection, [&](Labels labels) { return sink.Shown(shown(std::move(labels))); });
}

/// Streams an operator into one batch.
Result<Batch> Collect(const Operator& streamed, const StepGrid& grid, Execution& execution);

}  // namespace auspex::query
