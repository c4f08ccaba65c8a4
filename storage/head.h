#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "auspex/storage/series_store.h"

namespace auspex::storage {

/// A growing column pair of one series. The first `count` samples never change, so a reader that holds a reference and a
/// count reads without a lock while samples are appended behind them.
class HeadChunk {
 public:
  static HeadChunk* Make(uint32_t capacity, HeadChunk* older);
  static size_t BytesFor(uint32_t capacity) { return sizeof(HeadChunk) + size_t{capacity} * 16; }

  void Ref() { refs_.fetch_add(1, std::memory_order_relaxed); }
  /// Frees this, and what only this kept alive, at the last reference.
  static void Unref(HeadChunk* chunk);

  int64_t* t() { return reinterpret_cast<int64_t*>(this + 1); }
  double* v() { return reinterpret_cast<double*>(t() + capacity_); }
  uint32_t count() const { return count_; }
  bool full() const { return count_ == capacity_; }
  uint32_t capacity() const { return capacity_; }
  HeadChunk* older() const { return older_; }
  void Push(int64_t t_ms, double value) {
    t()[count_] = t_ms;
    v()[count_] = value;
    ++count_;
  }
  void TakeOver(HeadChunk& smaller);

 private:
  HeadChunk() = default;
  std::atomic<uint32_t> refs_{1};
  uint32_t capacity_ = 0;
  uint32_t count_ = 0;          // guarded by the head's lock; a pin keeps its own copy
  HeadChunk* older_ = nullptr;  // earlier samples, full; owned
};

/// What one series held at one moment. Immutable; owns references.
class HeadPin {
 public:
  HeadPin() = default;
  HeadPin(HeadChunk* sorted, HeadChunk* late);
  HeadPin(HeadPin&& other) noexcept { *this = std::move(other); }
  HeadPin& operator=(HeadPin&& other) noexcept;
  HeadPin(const HeadPin&) = delete;
  HeadPin& operator=(const HeadPin&) = delete;
  ~HeadPin();

  bool empty() const { return sorted_ == nullptr && late_ == nullptr; }
  /// Lays the samples within [begin_ms, end_ms) over `out` (younger over older). Costs a sort of the late ones.
  void ReadOver(int64_t begin_ms, int64_t end_ms, SampleColumns& out) const;

 private:
  HeadChunk* sorted_ = nullptr;
  HeadChunk* late_ = nullptr;
  uint32_t sorted_count_ = 0;
  uint32_t late_count_ = 0;
};

/// Samples since the last flush, by series ordinal. Guarded by its owner's lock: shared for Pin and the getters, exclusive
/// for Append. Samples in time order go to a sorted column; those that come late, or repeat a time, to a second column in
/// order of arrival, which is sorted when it is read: a late sample costs as little as any other.
class Head {
 public:
  Head() = default;
  ~Head();
  Head(const Head&) = delete;
  Head& operator=(const Head&) = delete;

  /// Rows in journal order. `ordinals` name series.
  void Append(std::span<const uint32_t> ordinals, std::span<const int64_t> t_ms, std::span<const double> values);

  HeadPin Pin(uint32_t ordinal) const;
  bool Has(uint32_t ordinal) const { return ordinal < series_.size() && series_[ordinal].sorted != nullptr; }
  /// Whether the series may have a sample in [begin_ms, end_ms): never false when it has.
  bool MayHave(uint32_t ordinal, int64_t begin_ms, int64_t end_ms) const;

  uint64_t samples_count() const { return samples_count_; }
  uint64_t bytes() const { return chunk_bytes_ + series_.capacity() * sizeof(Series); }
  /// One above the largest ordinal that may have samples.
  uint32_t ordinals_end() const { return static_cast<uint32_t>(series_.size()); }

 private:
  struct Series {
    HeadChunk* sorted = nullptr;
    HeadChunk* late = nullptr;
  };
  void Push(HeadChunk*& chunk, int64_t t_ms, double value);

  std::vector<Series> series_;
  uint64_t samples_count_ = 0;
  uint64_t chunk_bytes_ = 0;
};

}  // namespace auspex::storage
