#include "head.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "merge.h"

namespace auspex::storage {
namespace {

// Columns double from the first capacity to the last. What is full then becomes a block: 256 samples are enough for one to be
// dense, and few enough for the columns of many series to fit in memory.
constexpr uint32_t kFirstCapacity = 4;
constexpr uint32_t kLastCapacity = 256;
// How far ahead the next rows' series are fetched: they lie scattered in memory.
constexpr size_t kPrefetchRows = 12;

// The chunks of a chain, oldest first, each with the count of samples to read.
std::vector<std::pair<HeadChunk*, uint32_t>> ChainOf(HeadChunk* youngest, uint32_t count) {
  std::vector<std::pair<HeadChunk*, uint32_t>> chain;
  for (HeadChunk* chunk = youngest; chunk != nullptr; chunk = chunk->older()) {
    chain.emplace_back(chunk, chunk == youngest ? count : chunk->count());  // older ones no longer change
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

void ReadColumnsOver(std::span<const int64_t> t, const double* values, int64_t begin_ms, int64_t end_ms, SampleColumns& out) {
  if (t.empty() || t.back() < begin_ms || t.front() >= end_ms) return;
  const auto begin = static_cast<size_t>(std::lower_bound(t.begin(), t.end(), begin_ms) - t.begin());
  const auto end = static_cast<size_t>(std::lower_bound(t.begin(), t.end(), end_ms) - t.begin());
  MergeOver(out, t.subspan(begin, end - begin), std::span<const double>(values + begin, end - begin));
}

}  // namespace

HeadChunk* HeadChunk::Make(uint32_t capacity, HeadChunk* older) {
  auto* chunk = new (::operator new (sizeof(HeadChunk) + size_t{capacity} * 16)) HeadChunk();
  chunk->capacity_ = capacity;
  chunk->older_ = older;
  return chunk;
}

HeadChunk* HeadChunk::MakeEncoded(HeadChunk& full) {
  const std::string block = EncodeBlock({full.t(), full.count_}, {full.v(), full.count_}, Effort::kFast);
  auto* chunk = new (::operator new(sizeof(HeadChunk) + block.size())) HeadChunk();
  chunk->count_ = full.count_;
  chunk->encoded_bytes_ = static_cast<uint32_t>(block.size());
  std::memcpy(static_cast<void*>(chunk + 1), block.data(), block.size());
  chunk->older_ = full.older_;
  if (chunk->older_ != nullptr) chunk->older_->Ref();
  return chunk;
}

void HeadChunk::Unref(HeadChunk* chunk) {
  while (chunk != nullptr && chunk->refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    HeadChunk* older = chunk->older_;
    chunk->~HeadChunk();
    ::operator delete(chunk);
    chunk = older;
  }
}

void HeadChunk::TakeOver(HeadChunk& smaller) {
  std::memcpy(t(), smaller.t(), smaller.count_ * sizeof(int64_t));
  std::memcpy(v(), smaller.v(), smaller.count_ * sizeof(double));
  count_ = smaller.count_;
}

bool HeadChunk::Reuse(HeadChunk* older) {
  // New references are made under the owner's lock, which the caller holds: if there is none now, there will be none.
  if (refs_.load(std::memory_order_acquire) != 1) return false;
  Unref(std::exchange(older_, older));
  count_ = 0;
  return true;
}

HeadPin::HeadPin(HeadChunk* sorted, HeadChunk* late) : sorted_(sorted), late_(late) {
  if (sorted_ != nullptr) {
    sorted_->Ref();
    sorted_count_ = sorted_->count();
  }
  if (late_ != nullptr) {
    late_->Ref();
    late_count_ = late_->count();
  }
}

HeadPin& HeadPin::operator=(HeadPin&& other) noexcept {
  std::swap(few_, other.few_);
  std::swap(sorted_, other.sorted_);
  std::swap(late_, other.late_);
  std::swap(sorted_count_, other.sorted_count_);
  std::swap(late_count_, other.late_count_);
  return *this;
}

HeadPin::~HeadPin() {
  HeadChunk::Unref(sorted_);
  HeadChunk::Unref(late_);
}

void HeadPin::ReadOver(int64_t begin_ms, int64_t end_ms, BlockScratch& scratch, SampleColumns& out) const {
  if (few_.count > 0) {
    const int64_t times[HeadFew::kMax] = {few_.samples.t_ms, few_.last_ms()};
    ReadColumnsOver({times, few_.count}, few_.samples.values, begin_ms, end_ms, out);
    return;
  }
  for (const auto& [chunk, count] : ChainOf(sorted_, sorted_count_)) {
    if (!chunk->encoded()) {
      ReadColumnsOver({chunk->t(), count}, chunk->v(), begin_ms, end_ms, out);
      continue;
    }
    const Result<BlockView> view = BlockView::Parse(chunk->block());
    AUSPEX_CHECK(view.ok());  // bytes that we made ourselves and that never left memory
    AUSPEX_CHECK(view->DecodeOver(begin_ms, end_ms, scratch, out).ok());
  }
  if (late_ == nullptr) return;
  SampleColumns late;
  for (const auto& [chunk, count] : ChainOf(late_, late_count_)) {
    for (uint32_t i = 0; i < count; ++i) {
      const int64_t t = chunk->t()[i];
      if (t < begin_ms || t >= end_ms) continue;
      late.t_ms.push_back(t);
      late.values.push_back(chunk->v()[i]);
    }
  }
  SortAndResolve(late);
  MergeOver(out, late.t_ms, late.values);
}

Head::~Head() {
  for (const auto& page : pages_) {
    if (page == nullptr) continue;
    for (uint32_t i = 0; i < (1u << kPageBits); ++i) {
      if (!page[i].in_chunks()) continue;
      HeadChunk::Unref(page[i].chunks.sorted);
      HeadChunk::Unref(page[i].chunks.late);
    }
  }
}

Head::Series& Head::FindOrAdd(uint32_t ordinal) {
  const size_t page = ordinal >> kPageBits;
  if (page >= pages_.size()) pages_.resize(page + 1);
  if (pages_[page] == nullptr) {
    pages_[page] = std::make_unique<Series[]>(size_t{1} << kPageBits);
    ++pages_count_;
  }
  return pages_[page][ordinal & ((1u << kPageBits) - 1)];
}

void Head::Push(HeadChunk*& chunk, int64_t t_ms, double value, bool sorted) {
  if (chunk == nullptr) {
    chunk = HeadChunk::Make(kFirstCapacity, nullptr);
    chunk_bytes_ += chunk->bytes();
  } else if (chunk->full() && chunk->capacity() < kLastCapacity) {
    HeadChunk* larger = HeadChunk::Make(chunk->capacity() * 2, nullptr);  // a chunk below the last capacity has no older one
    larger->TakeOver(*chunk);
    chunk_bytes_ += larger->bytes() - chunk->bytes();
    HeadChunk::Unref(chunk);
    chunk = larger;
  } else if (chunk->full() && sorted) {
    HeadChunk* encoded = HeadChunk::MakeEncoded(*chunk);
    chunk_bytes_ += encoded->bytes();
    if (!chunk->Reuse(encoded)) {
      HeadChunk* next = HeadChunk::Make(kLastCapacity, encoded);  // as large as the one that its pins keep
      HeadChunk::Unref(chunk);
      chunk = next;
    }
  } else if (chunk->full()) {
    chunk = HeadChunk::Make(kLastCapacity, chunk);
    chunk_bytes_ += chunk->bytes();
  }
  chunk->Push(t_ms, value);
}

void Head::PushSlow(Series& series, int64_t t_ms, double value) {
  if (!series.in_chunks()) {
    if (series.count == 0) {
      series.few.t_ms = t_ms;
      series.few.values[series.count++] = value;
      return;
    }
    const HeadFew old = series.Few();
    const int64_t gap_ms = t_ms - old.samples.t_ms;
    if (series.count == 1 && gap_ms > 0 && gap_ms <= std::numeric_limits<uint32_t>::max()) {
      series.gap_ms = static_cast<uint32_t>(gap_ms);
      series.few.values[series.count++] = value;
      return;
    }
    series.chunks = {nullptr, nullptr, old.samples.t_ms};
    series.count = Series::kChunks;
    Push(series.chunks.sorted, old.samples.t_ms, old.samples.values[0], /*sorted=*/true);
    if (old.count > 1) Push(series.chunks.sorted, old.last_ms(), old.samples.values[1], /*sorted=*/true);
  }
  HeadChunk* const sorted = series.chunks.sorted;
  if (t_ms > sorted->t()[sorted->count() - 1]) {
    Push(series.chunks.sorted, t_ms, value, /*sorted=*/true);
  } else {
    Push(series.chunks.late, t_ms, value, /*sorted=*/false);
  }
}

void Head::Append(std::span<const uint32_t> ordinals, std::span<const int64_t> t_ms, std::span<const double> values) {
  const size_t n = ordinals.size();
  for (size_t i = 0; i < n; ++i) {
    if (i + kPrefetchRows < n) {
      if (const Series* ahead = Find(ordinals[i + kPrefetchRows])) __builtin_prefetch(ahead, 1);
    }
    Series& series = FindOrAdd(ordinals[i]);
    if (series.in_chunks()) {
      HeadChunk* const sorted = series.chunks.sorted;
      if (!sorted->full() && t_ms[i] > sorted->t()[sorted->count() - 1]) {
        sorted->Push(t_ms[i], values[i]);
        continue;
      }
    }
    PushSlow(series, t_ms[i], values[i]);
  }
  samples_count_ += n;
}

HeadPin Head::Pin(uint32_t ordinal) const {
  const Series* series = Find(ordinal);
  if (series == nullptr || !series->has_any()) return {};
  return series->in_chunks() ? HeadPin(series->chunks.sorted, series->chunks.late) : HeadPin(series->Few());
}

bool Head::MayHave(uint32_t ordinal, int64_t begin_ms, int64_t end_ms) const {
  const Series* series = Find(ordinal);
  if (series == nullptr || !series->has_any()) return false;
  if (!series->in_chunks()) return series->few.t_ms < end_ms && series->Few().last_ms() >= begin_ms;
  const Chunks& chunks = series->chunks;
  if (chunks.late != nullptr) return true;
  return chunks.first_ms < end_ms && chunks.sorted->t()[chunks.sorted->count() - 1] >= begin_ms;
}

}  // namespace auspex::storage
