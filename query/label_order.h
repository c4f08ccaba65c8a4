#pragma once

#include <mutex>
#include <vector>

#include "operator.h"

namespace auspex::query {

/// Takes series in any order and hands them on in order of labels, all at once. Thread-safe. Borrows the sink.
///
/// A store reads fastest in an order of its own: where the answer is small, that is done, and the answer put in order.
class LabelOrder final : public MorselSink {
 public:
  LabelOrder(size_t steps_count, Execution& execution, MorselSink& sink)
      : steps_count_(steps_count), execution_(execution), sink_(sink) {}
  /// Whether so many series are few enough to be held back.
  static bool Fits(size_t series_count, size_t steps_count) { return series_count * steps_count <= kMostValues; }

  Status Consume(size_t morsel, Batch batch) override;
  /// After the last morsel, if all went well.
  Status Finish();

 private:
  static constexpr size_t kMostValues = size_t{1} << 20;
  const size_t steps_count_;
  Execution& execution_;
  MorselSink& sink_;
  std::mutex mu_;
  std::vector<Batch> parts_;  // guarded by mu_
};

}  // namespace auspex::query
