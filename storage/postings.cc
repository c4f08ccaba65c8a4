#include "postings.h"

#include <iterator>
#include <utility>
#include <vector>

namespace auspex::storage {

void PostingList::Add(uint32_t ordinal) {
  if (many_ != nullptr) {
    many_->add(ordinal);
  } else if (single_ == kNone) {
    single_ = ordinal;
  } else {
    many_ = std::make_unique<Roaring>();
    many_->add(single_);
    many_->add(ordinal);
  }
}

bool PostingList::Remove(uint32_t ordinal) {
  if (many_ == nullptr) {
    single_ = kNone;
    return true;
  }
  many_->remove(ordinal);
  return many_->isEmpty();
}

void PostingList::AddTo(Roaring& set) const {
  if (many_ != nullptr) {
    set |= *many_;
  } else if (single_ != kNone) {
    set.add(single_);
  }
}

Roaring PostingList::AsSet() const {
  Roaring set;
  AddTo(set);
  return set;
}

void Postings::Add(uint32_t ordinal, uint32_t name_symbol, uint32_t value_symbol) {
  std::unique_ptr<Name>& name = names_[name_symbol];
  if (name == nullptr) name = std::make_unique<Name>();
  name->series.add(ordinal);
  const auto [at, added] = lists_.try_emplace(Key(name_symbol, value_symbol));
  if (added) name->values.push_back(value_symbol);
  values_count_ += added ? 1 : 0;
  ++entries_count_;
  at->second.Add(ordinal);
}

void Postings::Remove(uint32_t ordinal, uint32_t name_symbol, uint32_t value_symbol) {
  Name& name = *names_.at(name_symbol);
  name.series.remove(ordinal);
  const auto at = lists_.find(Key(name_symbol, value_symbol));
  --entries_count_;
  if (!at->second.Remove(ordinal)) return;
  lists_.erase(at);
  --values_count_;
  name.has_gone = true;
}

void Postings::DropGone() {
  for (auto at = names_.begin(); at != names_.end();) {
    Name& name = *at->second;
    if (std::exchange(name.has_gone, false)) {
      std::erase_if(name.values, [&](uint32_t value) { return !lists_.contains(Key(at->first, value)); });
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
  const auto at = lists_.find(Key(name_symbol, value_symbol));
  return at == lists_.end() ? nullptr : &at->second;
}

}  // namespace auspex::storage
