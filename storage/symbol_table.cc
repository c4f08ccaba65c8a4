#include "symbol_table.h"

#include <algorithm>
#include <cstring>

#include <xxhash.h>

namespace auspex::storage {
namespace {

constexpr size_t kArenaBytes = size_t{64} << 10;

}  // namespace

uint64_t SymbolTable::HashOf(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

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

uint32_t SymbolTable::FindOrAdd(std::string_view text) {
  const uint64_t hash = HashOf(text);
  if (const uint32_t id = Find(hash, text); id != kAbsent) return id;
  uint32_t id = static_cast<uint32_t>(texts_.size());
  if (!free_ids_.empty()) {
    id = free_ids_.back();
    free_ids_.pop_back();
  } else {
    texts_.emplace_back();
    refs_.push_back(0);
  }
  texts_[id] = Keep(text);
  ids_.Insert(hash, id);
  return id;
}

void SymbolTable::Drop(uint32_t id) {
  ids_.Erase(HashOf(texts_[id]), id);
  released_bytes_ += texts_[id].size();
  texts_[id] = {};
}

bool SymbolTable::Release(uint32_t id) {
  if (--refs_[id] > 0) return false;
  Drop(id);
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

void SymbolTable::Reserve(size_t symbols) {
  texts_.reserve(symbols);
  refs_.reserve(symbols);
  ids_.Reserve(symbols);
}

void SymbolTable::Restore(uint32_t id, std::string_view text, uint64_t hash) {
  const uint32_t other = Find(hash, text);
  if (other == id) return;
  if (other != kAbsent) Drop(other);
  if (Has(id)) Drop(id);
  if (id >= texts_.size()) {
    texts_.resize(id + 1);
    refs_.resize(id + 1);
  }
  texts_[id] = Keep(text);
  ids_.Insert(hash, id);
}

void SymbolTable::Unrestore(uint32_t id) {
  if (Has(id)) Drop(id);
}

void SymbolTable::FinishRestoring() {
  for (uint32_t id = 0; id < texts_.size(); ++id) {
    if (texts_[id].data() == nullptr) free_ids_.push_back(id);
  }
  Compact();
}

}  // namespace auspex::storage
