#include "head.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "merge.h"

namespace auspex::storage {
namespace {

// A chunk doubles from the first to the last; then a new one is chained, so that growing never copies much.
constexpr uint32_t kFirstCapacity = 4;
constexpr uint32_t kLastCapacity = 1024;

// The chunks of a chain, oldest first, each with the count of samples to read.
std::vector<std::pair<HeadChunk*, uint32_t>> ChainOf(HeadChunk* youngest, uint32_t count) {
  std::vector<std::pair<HeadChunk*, uint32_t>> chain;
  for (HeadChunk* chunk = youngest; chunk != nullptr; chunk = chunk->older()) {
    chain.emplace_back(chunk, count);
    if (chunk->older() != nullptr) count = chunk->older()->capacity();  // only full chunks are chained
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

}  // namespace

HeadChunk* HeadChunk::Make(uint32_t capacity, HeadChunk* older) {
  auto* chunk = new (::operator new(BytesFor(capacity))) HeadChunk();
  chunk->capacity_ = capacity;
  chunk->older_ = older;
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

void HeadPin::ReadOver(int64_t begin_ms, int64_t end_ms, SampleColumns& out) const {
  for (const auto& [chunk, count] : ChainOf(sorted_, sorted_count_)) {
    const std::span<const int64_t> t(chunk->t(), count);
    if (t.back() < begin_ms || t.front() >= end_ms) continue;
    const auto begin = static_cast<size_t>(std::lower_bound(t.begin(), t.end(), begin_ms) - t.begin());
    const auto end = static_cast<size_t>(std::lower_bound(t.begin(), t.end(), end_ms) - t.begin());
    MergeOver(out, t.subspan(begin, end - begin), std::span<const double>(chunk->v() + begin, end - begin));
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
  for (const Series& series : series_) {
    HeadChunk::Unref(series.sorted);
    HeadChunk::Unref(series.late);
  }
}

void Head::Push(HeadChunk*& chunk, int64_t t_ms, double value) {
  if (chunk == nullptr) {
    chunk = HeadChunk::Make(kFirstCapacity, nullptr);
    chunk_bytes_ += HeadChunk::BytesFor(kFirstCapacity);
  } else if (chunk->full() && chunk->capacity() < kLastCapacity) {
    HeadChunk* larger = HeadChunk::Make(chunk->capacity() * 2, nullptr);  // a chunk below the last capacity has no older one
    larger->TakeOver(*chunk);
    chunk_bytes_ += HeadChunk::BytesFor(larger->capacity()) - HeadChunk::BytesFor(chunk->capacity());
    HeadChunk::Unref(chunk);
    chunk = larger;
  } else if (chunk->full()) {
    chunk = HeadChunk::Make(kLastCapacity, chunk);
    chunk_bytes_ += HeadChunk::BytesFor(kLastCapacity);
  }
  chunk->Push(t_ms, value);
}

void Head::Append(std::span<const uint32_t> ordinals, std::span<const int64_t> t_ms, std::span<const double> values) {
  for (size_t i = 0; i < ordinals.size(); ++i) {
    const uint32_t ordinal = ordinals[i];
    if (ordinal >= series_.size()) series_.resize(std::max<size_t>(ordinal + 1, series_.size() + series_.size() / 4));
    Series& series = series_[ordinal];
    HeadChunk* const sorted = series.sorted;
    const bool in_order = sorted == nullptr || t_ms[i] > sorted->t()[sorted->count() - 1];
    if (in_order && sorted != nullptr && !sorted->full()) {
      sorted->Push(t_ms[i], values[i]);
    } else {
      Push(in_order ? series.sorted : series.late, t_ms[i], values[i]);
    }
  }
  samples_count_ += ordinals.size();
}

HeadPin Head::Pin(uint32_t ordinal) const {
  if (ordinal >= series_.size()) return {};
  return HeadPin(series_[ordinal].sorted, series_[ordinal].late);
}

bool Head::MayHave(uint32_t ordinal, int64_t begin_ms, int64_t end_ms) const {
  if (!Has(ordinal)) return false;
  const Series& series = series_[ordinal];
  if (series.late != nullptr) return true;
  HeadChunk* oldest = series.sorted;
  while (oldest->older() != nullptr) oldest = oldest->older();
  return oldest->t()[0] < end_ms && series.sorted->t()[series.sorted->count() - 1] >= begin_ms;
}

}  // namespace auspex::storage
