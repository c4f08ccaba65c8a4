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
  if (text.empty()) return {};
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
  texts_.push_back(Keep(text));
  const auto id = static_cast<uint32_t>(texts_.size() - 1);
  ids_.insert(id);
  return id;
}

bool SymbolTable::Restore(uint32_t id, std::string_view text) {
  if (id < texts_.size() && !texts_[id].empty()) return texts_[id] == text;
  if (Find(text) != kAbsent) return false;
  if (id >= texts_.size()) texts_.resize(size_t{id} + 1);
  texts_[id] = Keep(text);
  ids_.insert(id);
  return true;
}

}  // namespace auspex::storage
