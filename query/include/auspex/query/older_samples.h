#pragma once

#include <cstdint>
#include <span>

#include "auspex/query/function_registry.h"
#include "auspex/storage/series_store.h"

namespace auspex::query {

/// Samples of the series under evaluation from before those that a range function is given: read when they are asked for.
/// One thread at a time.
class OlderSamples {
 public:
  virtual ~OlderSamples() = default;
  /// Those of [begin_ms, end_ms), staleness markers left out. Errors: the store's.
  virtual Status Read(int64_t begin_ms, int64_t end_ms, SampleColumns& out) = 0;
  /// For caches of what was computed from them; the version is from before they were selected. See SeriesStore.
  virtual Result<uint64_t> Version() = 0;
  virtual StoreChanges ChangesSince(uint64_t version) const = 0;
};

/// A range function that may read further back than the samples that it is given, where they are stored ones.
class LookingBackFunction : public RangeFunction {
 public:
  /// How much further back.
  virtual int64_t OlderMs() const = 0;
  /// As Evaluate. older: null for subqueries, and where OlderMs() is 0.
  virtual Status EvaluateWith(const RangeInput& input, OlderSamples* older, std::span<double> out,
                              Annotations& annotations) const = 0;
  Status Evaluate(const RangeInput& input, std::span<double> out, Annotations& annotations) const final {
    return EvaluateWith(input, nullptr, out, annotations);
  }
};

}  // namespace auspex::query
