#pragma once

#include <gtest/gtest.h>
#include <atomic>

#include "auspex/storage/base/clock.h"
#include "auspex/storage/record_store.h"
#include "auspex/storage/series_store.h"

namespace auspex::testing {

/// A clock that stands where it was put.
class FixedClock final : public Clock {
 public:
  explicit FixedClock(int64_t now_ms) : now_ms_(now_ms) {}
  int64_t NowMs() const override { return now_ms_; }
  int64_t MonotonicNs() const override { return now_ms_ * 1'000'000; }
  void Set(int64_t now_ms) { now_ms_ = now_ms; }

 private:
  std::atomic<int64_t> now_ms_;
};

/// Every series of the request with its samples, values as bits; series without a sample are left out.
std::string Dump(const SeriesStore& store, const SelectRequest& request);

/// Whether both have the same samples, bit for bit. A store may go on listing series that lost all of theirs.
::testing::AssertionResult SameSamples(const SeriesStore& got, const SeriesStore& want, const SelectRequest& request);
/// Whether both answer the request alike: samples bit for bit, label listings exactly when the request has no time bounds.
::testing::AssertionResult SameAnswers(const SeriesStore& got, const SeriesStore& want, const SelectRequest& request);
/// Whether both hold the same records of the kind.
::testing::AssertionResult SameRecords(const RecordStore& got, const RecordStore& want, TenantId tenant, RecordKind kind);

}  // namespace auspex::testing
