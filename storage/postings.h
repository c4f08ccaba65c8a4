#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>
#include <roaring/roaring.hh>

namespace auspex::storage {

/// Ordinals of the series that carry one label pair. Most values of a high-cardinality label name one series: that one
/// lies inline.
class PostingList {
 public:
  PostingList() = default;
  PostingList(PostingList&& other) noexcept { *this = std::move(other); }
  PostingList& operator=(PostingList&& other) noexcept {
    std::swap(low_, other.low_);
    std::swap(high_, other.high_);
    return *this;
  }
  PostingList(const PostingList&) = delete;
  PostingList& operator=(const PostingList&) = delete;
  ~PostingList();

  void Add(uint32_t ordinal);
  void AddMany(std::span<const uint32_t> ordinals);
  /// True when none is left.
  bool Remove(uint32_t ordinal);
  void AddTo(Roaring& set) const;
  Roaring AsSet() const;

 private:
  static constexpr uint32_t kNone = 0xffff'ffff;
  static constexpr uint32_t kInline = 0xffff'ffff;
  Roaring* many() const;
  Roaring& MakeMany();

  // Either an inline ordinal or an owned pointer, of which the upper half never has all bits set. Two halves, so that a table
  // with a million of these and their keys has no gaps.
  uint32_t low_ = kNone;
  uint32_t high_ = kInline;
};
static_assert(sizeof(PostingList) == 8 && alignof(PostingList) == 4);

/// The postings of one tenant. One writer at a time, readers with the owner's shared lock.
class Postings {
 public:
  struct Name {
    boost::unordered_flat_map<uint32_t, PostingList> lists;  ///< by symbol; none is empty
    std::vector<uint32_t> values;                            ///< its symbols, in order of appearance: so do their texts lie
    Roaring series;                                          ///< that have this label
    bool has_gone = false;                                   ///< some of the values have no series any more
    PostingList& ListOf(uint32_t value_symbol);
  };

  void Add(uint32_t ordinal, uint32_t name_symbol, uint32_t value_symbol);
  void AddSeries(uint32_t ordinal) { all_.add(ordinal); }
  /// Undo Add and AddSeries. After the last of several, DropGone must be called before anything is read or added.
  void Remove(uint32_t ordinal, uint32_t name_symbol, uint32_t value_symbol);
  void RemoveSeries(uint32_t ordinal) { all_.remove(ordinal); }
  void DropGone();

  /// Add for ordinals in ascending order, each with the value at its place. `counts` is scratch with a zero for each symbol,
  /// and is left so.
  void AddMany(uint32_t name_symbol, std::span<const uint32_t> ordinals, std::span<const uint32_t> value_symbols,
               std::vector<uint32_t>& counts);
  void AddManySeries(std::span<const uint32_t> ordinals) { all_.addMany(ordinals.size(), ordinals.data()); }

  const Roaring& all() const { return all_; }
  const Name* FindName(uint32_t name_symbol) const;
  const PostingList* Find(uint32_t name_symbol, uint32_t value_symbol) const;
  /// About: a bitmap costs two bytes an ordinal and what it is made of.
  uint64_t bytes() const;
  const boost::unordered_flat_map<uint32_t, std::unique_ptr<Name>>& names() const { return names_; }

 private:
  Name& NameOf(uint32_t name_symbol);

  Roaring all_;
  uint64_t entries_count_ = 0;
  boost::unordered_flat_map<uint32_t, std::unique_ptr<Name>> names_;
  // Of AddMany.
  std::vector<uint32_t> seen_;
  std::vector<uint32_t> grouped_;
};

}  // namespace auspex::storage
