#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_set.hpp>

namespace auspex::storage {

/// Every distinct label name and value once, by a small id, as long as somebody refers to it. Views stay valid until something
/// is released. One writer at a time, readers with the owner's shared lock.
class SymbolTable {
 public:
  SymbolTable() : ids_(0, Hash{this}, Equal{this}) {}
  SymbolTable(const SymbolTable&) = delete;
  SymbolTable& operator=(const SymbolTable&) = delete;

  static constexpr uint32_t kAbsent = 0xffff'ffff;
  uint32_t Find(std::string_view text) const;
  uint32_t FindOrAdd(std::string_view text);
  /// Another reference to a symbol.
  void AddRef(uint32_t id) { ++refs_[id]; }
  /// One reference less. True when it was the last: the id is free, and will name another text.
  bool Release(uint32_t id);
  /// Gives the memory of released texts back once it is a good part of all. Moves texts.
  void Compact();
  /// Puts a symbol back under the id that it had. False when the id or the text is taken.
  bool Restore(uint32_t id, std::string_view text);
  std::string_view Text(uint32_t id) const { return texts_[id]; }
  uint64_t bytes() const {
    return arena_bytes_ + texts_.capacity() * (sizeof(texts_[0]) + sizeof(refs_[0])) + free_ids_.capacity() * sizeof(uint32_t) +
           ids_.bucket_count() * 5;
  }
  uint32_t size() const { return static_cast<uint32_t>(texts_.size()); }

 private:
  // The set holds ids alone and looks the text up: 5 bytes a symbol instead of 20.
  struct Hash {
    using is_transparent = void;
    const SymbolTable* table;
    size_t operator()(std::string_view text) const;
    size_t operator()(uint32_t id) const { return (*this)(table->texts_[id]); }
  };
  struct Equal {
    using is_transparent = void;
    const SymbolTable* table;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(std::string_view a, uint32_t b) const { return a == table->texts_[b]; }
    bool operator()(uint32_t a, std::string_view b) const { return table->texts_[a] == b; }
  };
  std::string_view Keep(std::string_view text);

  std::vector<std::string_view> texts_;
  std::vector<uint32_t> refs_;
  std::vector<uint32_t> free_ids_;
  uint64_t released_bytes_ = 0;  // of the arena
  boost::unordered_flat_set<uint32_t, Hash, Equal> ids_;
  std::vector<std::unique_ptr<char[]>> arena_;
  char* arena_at_ = nullptr;
  size_t arena_left_ = 0;
  uint64_t arena_bytes_ = 0;
};

}  // namespace auspex::storage
