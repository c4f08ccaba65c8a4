#include "postings.h"

#include <bit>
#include <iterator>
#include <memory>
#include <utility>

namespace auspex::storage {

PostingList::~PostingList() { delete many(); }

Roaring* PostingList::many() const {
  if (high_ == kInline) return nullptr;
  return std::bit_cast<Roaring*>(static_cast<uintptr_t>((uint64_t{high_} << 32) | low_));
}

Roaring& PostingList::MakeMany() {
  if (Roaring* many = this->many()) return *many;
  auto made = std::make_unique<Roaring>();
  if (low_ != kNone) made->add(low_);
  const uint64_t bits = std::bit_cast<uintptr_t>(made.get());
  low_ = static_cast<uint32_t>(bits);
  high_ = static_cast<uint32_t>(bits >> 32);
  return *made.release();
}

void PostingList::Add(uint32_t ordinal) {
  if (high_ == kInline && low_ == kNone) {
    low_ = ordinal;
  } else {
    MakeMany().add(ordinal);
  }
}

void PostingList::AddMany(std::span<const uint32_t> ordinals) {
  if (ordinals.size() == 1) return Add(ordinals[0]);
  MakeMany().addMany(ordinals.size(), ordinals.data());
}

bool PostingList::Remove(uint32_t ordinal) {
  Roaring* const many = this->many();
  if (many == nullptr) {
    low_ = kNone;
    return true;
  }
  many->remove(ordinal);
  return many->isEmpty();
}

void PostingList::AddTo(Roaring& set) const {
  if (const Roaring* many = this->many()) {
    set |= *many;
  } else if (low_ != kNone) {
    set.add(low_);
  }
}

Roaring PostingList::AsSet() const {
  Roaring set;
  AddTo(set);
  return set;
}

PostingList& Postings::Name::ListOf(uint32_t value_symbol) {
  const auto [at, added] = lists.try_emplace(value_symbol);
  if (added) values.push_back(value_symbol);
  return at->second;
}

Postings::Name& Postings::NameOf(uint32_t name_symbol) {
  std::unique_ptr<Name>& name = names_[name_symbol];
  if (name == nullptr) name = std::make_unique<Name>();
  return *name;
}

void Postings::Add(uint32_t ordinal, uint32_t name_symbol, uint32_t value_symbol) {
  Name& name = NameOf(name_symbol);
  name.series.add(ordinal);
  name.ListOf(value_symbol).Add(ordinal);
  ++entries_count_;
}

void Postings::AddMany(uint32_t name_symbol, std::span<const uint32_t> ordinals, std::span<const uint32_t> value_symbols,
                       std::vector<uint32_t>& counts) {
  Name& name = NameOf(name_symbol);
  name.series.addMany(ordinals.size(), ordinals.data());
  entries_count_ += ordinals.size();
  // The ordinals grouped by value, each group in their order: counted, placed, then handed over group by group.
  seen_.clear();
  for (const uint32_t value : value_symbols) {
    if (counts[value]++ == 0) seen_.push_back(value);
  }
  uint32_t begin = 0;
  for (const uint32_t value : seen_) begin += std::exchange(counts[value], begin);
  grouped_.resize(ordinals.size());
  for (size_t i = 0; i < ordinals.size(); ++i) grouped_[counts[value_symbols[i]]++] = ordinals[i];
  begin = 0;
  for (const uint32_t value : seen_) {
    const uint32_t end = std::exchange(counts[value], 0);
    name.ListOf(value).AddMany(std::span(grouped_).subspan(begin, end - begin));
    begin = end;
  }
}

void Postings::Remove(uint32_t ordinal, uint32_t name_symbol, uint32_t value_symbol) {
  Name& name = *names_.at(name_symbol);
  name.series.remove(ordinal);
  --entries_count_;
  const auto list = name.lists.find(value_symbol);
  if (!list->second.Remove(ordinal)) return;
  name.lists.erase(list);
  name.has_gone = true;
}

void Postings::DropGone() {
  for (auto at = names_.begin(); at != names_.end();) {
    Name& name = *at->second;
    if (std::exchange(name.has_gone, false)) {
      std::erase_if(name.values, [&](uint32_t value) { return !name.lists.contains(value); });
    }
    const auto next = std::next(at);
    if (name.values.empty()) names_.erase(at);
    at = next;
  }
}

const Postings::Name* Postings::FindName(uint32_t name_symbol) const {
  const auto at = names_.find(name_symbol);
  return at == names_.end() ? nullptr : at->second.get();
}

const PostingList* Postings::Find(uint32_t name_symbol, uint32_t value_symbol) const {
  const Name* const name = FindName(name_symbol);
  if (name == nullptr) return nullptr;
  const auto at = name->lists.find(value_symbol);
  return at == name->lists.end() ? nullptr : &at->second;
}

uint64_t Postings::bytes() const {
  uint64_t bytes = entries_count_ * 2;
  for (const auto& [symbol, name] : names_) {
    bytes += sizeof(Name) + name->lists.bucket_count() * (sizeof(uint32_t) + sizeof(PostingList) + 1) +
             name->values.capacity() * sizeof(uint32_t);
  }
  return bytes;
}

}  // namespace auspex::storage
