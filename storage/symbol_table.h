#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "id_table.h"

namespace auspex::storage {

/// Every distinct label name and value once, by a small id, as long as somebody refers to it. Views stay valid until something
/// is released. One writer at a time, readers with the owner's shared lock.
class SymbolTable {
 public:
  SymbolTable() = default;
  SymbolTable(const SymbolTable&) = delete;
  SymbolTable& operator=(const SymbolTable&) = delete;

  static constexpr uint32_t kAbsent = IdTable::kNone;
  uint32_t Find(std::string_view text) const { return Find(HashOf(text), text); }
  uint32_t FindOrAdd(std::string_view text);
  /// Another reference to a symbol.
  void AddRef(uint32_t id) { ++refs_[id]; }
  /// One reference less. True when it was the last: the id is free, and will name another text.
  bool Release(uint32_t id);
  /// Gives the memory of released texts back once it is a good part of all. Moves texts.
  void Compact();

  // Loading, before anything refers to a symbol.
  void Reserve(size_t symbols);
  static uint64_t HashOf(std::string_view text);
  /// What comes soon.
  void Prefetch(uint64_t hash) const { ids_.Prefetch(hash); }
  /// Puts a symbol back under the id that it had. What had the id, or the text, before has not any more.
  void Restore(uint32_t id, std::string_view text, uint64_t hash);
  /// Undoes it; nothing when there is no such symbol.
  void Unrestore(uint32_t id);
  /// Ids that were left out may be given to others.
  void FinishRestoring();

  bool Has(uint32_t id) const { return id < texts_.size() && texts_[id].data() != nullptr; }
  std::string_view Text(uint32_t id) const { return texts_[id]; }
  uint64_t bytes() const {
    return arena_bytes_ + texts_.capacity() * (sizeof(texts_[0]) + sizeof(refs_[0])) + free_ids_.capacity() * sizeof(uint32_t) +
           ids_.bytes();
  }
  /// One above the largest id that was ever given.
  uint32_t size() const { return static_cast<uint32_t>(texts_.size()); }
  /// How many there are.
  size_t count() const { return ids_.size(); }

 private:
  uint32_t Find(uint64_t hash, std::string_view text) const {
    return ids_.Find(hash, [&](uint32_t id) { return texts_[id] == text; });
  }
  std::string_view Keep(std::string_view text);
  void Drop(uint32_t id);

  std::vector<std::string_view> texts_;
  std::vector<uint32_t> refs_;
  std::vector<uint32_t> free_ids_;
  uint64_t released_bytes_ = 0;  // of the arena
  IdTable ids_;                  // by text
  std::vector<std::unique_ptr<char[]>> arena_;
  char* arena_at_ = nullptr;
  size_t arena_left_ = 0;
  uint64_t arena_bytes_ = 0;
};

}  // namespace auspex::storage
