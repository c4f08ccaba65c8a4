#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "auspex/storage/series_store.h"
#include "block.h"

namespace auspex::storage {

/// Samples of one series in memory, linked from younger to older: either a growing pair of columns, or a block once they were
/// full. The first `count` samples never change, so a reader that holds a reference and a count reads without a lock while
/// samples are appended behind them.
class HeadChunk {
 public:
  /// Columns. Takes over the caller's reference to `older`.
  static HeadChunk* Make(uint32_t capacity, HeadChunk* older);
  /// A block of the samples of full columns in time order, with the same older chunk.
  static HeadChunk* MakeEncoded(HeadChunk& full);
  size_t bytes() const { return sizeof(HeadChunk) + (capacity_ > 0 ? size_t{capacity_} * 16 : encoded_bytes_); }

  void Ref() { refs_.fetch_add(1, std::memory_order_relaxed); }
  /// Frees this, and what only this kept alive, at the last reference.
  static void Unref(HeadChunk* chunk);

  bool encoded() const { return capacity_ == 0; }
  std::string_view block() const { return {reinterpret_cast<const char*>(this + 1), encoded_bytes_}; }
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
  /// Empties columns that nobody else refers to, for samples after those of `older`, whose reference this takes over.
  /// False when somebody does.
  bool Reuse(HeadChunk* older);

 private:
  HeadChunk() = default;
  std::atomic<uint32_t> refs_{1};
  uint32_t capacity_ = 0;       // of the columns; 0: a block
  uint32_t count_ = 0;          // guarded by the head's lock; a pin keeps its own copy
  uint32_t encoded_bytes_ = 0;  // of the block
  HeadChunk* older_ = nullptr;  // earlier samples, full; owned
};

/// The first samples of a series, in time order, before it gets a chunk.
struct HeadFew {
  static constexpr uint32_t kMax = 2;
  struct Samples {
    int64_t t_ms;  ///< of the first
    double values[kMax];
  };
  Samples samples{};
  uint32_t gap_ms = 0;  ///< from the first to the second
  uint32_t count = 0;
  int64_t last_ms() const { return samples.t_ms + (count < 2 ? 0 : gap_ms); }
};

/// What one series held at one moment. Immutable; owns references.
class HeadPin {
 public:
  HeadPin() = default;
  HeadPin(HeadChunk* sorted, HeadChunk* late);
  explicit HeadPin(const HeadFew& few) : few_(few) {}
  HeadPin(HeadPin&& other) noexcept { *this = std::move(other); }
  HeadPin& operator=(HeadPin&& other) noexcept;
  HeadPin(const HeadPin&) = delete;
  HeadPin& operator=(const HeadPin&) = delete;
  ~HeadPin();

  bool empty() const { return sorted_ == nullptr && late_ == nullptr && few_.count == 0; }
  /// Lays the samples within [begin_ms, end_ms) over `out` (younger over older). Costs a sort of the late ones.
  void ReadOver(int64_t begin_ms, int64_t end_ms, BlockScratch& scratch, SampleColumns& out) const;

 private:
  HeadFew few_;  // or chunks
  HeadChunk* sorted_ = nullptr;
  HeadChunk* late_ = nullptr;
  uint32_t sorted_count_ = 0;
  uint32_t late_count_ = 0;
};

/// Samples since the last flush, by series ordinal. Guarded by its owner's lock: shared for Pin and the getters, exclusive
/// for Append. Samples in time order go to a sorted column; those that come late, or repeat a time, to a second column in
/// order of arrival, which is sorted when it is read: a late sample costs as little as any other. A series with one or two
/// samples costs 32 bytes; full columns are encoded as blocks.
class Head {
 public:
  Head() = default;
  ~Head();
  Head(const Head&) = delete;
  Head& operator=(const Head&) = delete;

  /// Rows in journal order. `ordinals` name series.
  void Append(std::span<const uint32_t> ordinals, std::span<const int64_t> t_ms, std::span<const double> values);

  HeadPin Pin(uint32_t ordinal) const;
  bool Has(uint32_t ordinal) const {
    const Series* series = Find(ordinal);
    return series != nullptr && series->has_any();
  }
  /// Whether the series may have a sample in [begin_ms, end_ms): never false when it has.
  bool MayHave(uint32_t ordinal, int64_t begin_ms, int64_t end_ms) const;

  uint64_t samples_count() const { return samples_count_; }
  uint64_t bytes() const { return chunk_bytes_ + pages_count_ * sizeof(Page) + pages_.capacity() * sizeof(pages_[0]); }
  /// One above the largest ordinal that may have samples.
  uint32_t ordinals_end() const { return static_cast<uint32_t>(pages_.size() << kPageBits); }

 private:
  struct Chunks {
    HeadChunk* sorted;
    HeadChunk* late;
    int64_t first_ms;  // of the sorted ones
  };
  struct Series {
    static constexpr uint32_t kChunks = ~uint32_t{0};
    union {
      HeadFew::Samples few;
      Chunks chunks;  // where count says kChunks
    };
    uint32_t gap_ms = 0;
    uint32_t count = 0;
    Series() : few{} {}
    bool in_chunks() const { return count == kChunks; }
    bool has_any() const { return count > 0; }
    HeadFew Few() const { return {few, gap_ms, count}; }
  };
  static_assert(sizeof(Series) == 32);
  // Ordinals of the series that are written to are few among all that ever were, and lie close together.
  static constexpr uint32_t kPageBits = 8;
  using Page = Series[uint32_t{1} << kPageBits];

  const Series* Find(uint32_t ordinal) const {
    const size_t page = ordinal >> kPageBits;
    if (page >= pages_.size() || pages_[page] == nullptr) return nullptr;
    return &pages_[page][ordinal & ((1u << kPageBits) - 1)];
  }
  Series& FindOrAdd(uint32_t ordinal);
  void Push(HeadChunk*& chunk, int64_t t_ms, double value, bool sorted);
  void PushSlow(Series& series, int64_t t_ms, double value);

  std::vector<std::unique_ptr<Series[]>> pages_;
  uint64_t pages_count_ = 0;
  uint64_t samples_count_ = 0;
  uint64_t chunk_bytes_ = 0;
};

}  // namespace auspex::storage
