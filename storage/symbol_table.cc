#include "symbol_table.h"

#include <algorithm>
#include <cstring>

#include <xxhash.h>

namespace auspex::storage {
namespace {

constexpr size_t kArenaBytes = size_t{64} << 10;

}  // namespace

size_t SymbolTable::Hash::operator()(std::string_view text) const { return XXH3_64bits(text.data(), text.size()); }

std::string_view SymbolTable::Keep(std::string_view text) {
  if (text.empty()) return "";
  if (text.size() > arena_left_) {
    arena_left_ = std::max(kArenaBytes, text.size());
    arena_.push_back(std::make_unique<char[]>(arena_left_));
    arena_at_ = arena_.back().get();
    arena_bytes_ += arena_left_;
  }
  char* const kept = arena_at_;
  std::memcpy(kept, text.data(), text.size());
  arena_at_ += text.size();
  arena_left_ -= text.size();
  return {kept, text.size()};
}

uint32_t SymbolTable::Find(std::string_view text) const {
  const auto at = ids_.find(text);
  return at == ids_.end() ? kAbsent : *at;
}

uint32_t SymbolTable::FindOrAdd(std::string_view text) {
  if (const uint32_t id = Find(text); id != kAbsent) return id;
  uint32_t id = static_cast<uint32_t>(texts_.size());
  // An id without a text may be in the list although a row that was loaded has taken it since.
  while (!free_ids_.empty() && id == texts_.size()) {
    if (texts_[free_ids_.back()].data() == nullptr) id = free_ids_.back();
    free_ids_.pop_back();
  }
  if (id == texts_.size()) {
    texts_.emplace_back();
    refs_.push_back(0);
  }
  texts_[id] = Keep(text);
  ids_.insert(id);
  return id;
}

bool SymbolTable::Release(uint32_t id) {
  if (--refs_[id] > 0) return false;
  ids_.erase(id);
  released_bytes_ += texts_[id].size();
  texts_[id] = {};
  free_ids_.push_back(id);
  return true;
}

void SymbolTable::Compact() {
  if (released_bytes_ < kArenaBytes || released_bytes_ < arena_bytes_ / 2) return;
  const std::vector<std::unique_ptr<char[]>> old = std::move(arena_);
  arena_.clear();
  arena_left_ = 0;
  arena_bytes_ = 0;
  released_bytes_ = 0;
  for (std::string_view& text : texts_) {
    if (text.data() != nullptr) text = Keep(text);
  }
}

bool SymbolTable::Restore(uint32_t id, std::string_view text) {
  if (id < texts_.size() && texts_[id].data() != nullptr) return texts_[id] == text;
  if (Find(text) != kAbsent) return false;
  while (id >= texts_.size()) {
    if (texts_.size() < id) free_ids_.push_back(static_cast<uint32_t>(texts_.size()));
    texts_.emplace_back();
    refs_.push_back(0);
  }
  texts_[id] = Keep(text);
  ids_.insert(id);
  return true;
}

}  // namespace auspex::storage
