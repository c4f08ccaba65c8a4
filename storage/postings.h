#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>
#include <roaring/roaring.hh>

namespace auspex::storage {

/// Ordinals of the series that carry one label pair. Most values of a high-cardinality label name one series: that one
/// lies inline.
class PostingList {
 public:
  void Add(uint32_t ordinal);
  /// True when none is left.
  bool Remove(uint32_t ordinal);
  void AddTo(Roaring& set) const;
  Roaring AsSet() const;

 private:
  static constexpr uint32_t kNone = 0xffff'ffff;
  uint32_t single_ = kNone;
  std::unique_ptr<Roaring> many_;
};

/// The postings of one tenant. One writer at a time, readers with the owner's shared lock.
class Postings {
 public:
  struct Name {
    std::vector<uint32_t> values;  ///< symbols, in order of appearance
    Roaring series;                ///< that have this label
    bool has_gone = false;         ///< some of the values have no series any more
  };

  void Add(uint32_t ordinal, uint32_t name_symbol, uint32_t value_symbol);
  void AddSeries(uint32_t ordinal) { all_.add(ordinal); }
  /// Undo Add and AddSeries. After the last of several, DropGone must be called before anything is read or added.
  void Remove(uint32_t ordinal, uint32_t name_symbol, uint32_t value_symbol);
  void RemoveSeries(uint32_t ordinal) { all_.remove(ordinal); }
  void DropGone();

  const Roaring& all() const { return all_; }
  const Name* FindName(uint32_t name_symbol) const;
  const PostingList* Find(uint32_t name_symbol, uint32_t value_symbol) const;
  /// About: a bitmap costs two bytes an ordinal and what it is made of.
  uint64_t bytes() const {
    return lists_.bucket_count() * (sizeof(uint64_t) + sizeof(PostingList) + 1) + values_count_ * sizeof(uint32_t) +
           entries_count_ * 2;
  }
  const boost::unordered_flat_map<uint32_t, std::unique_ptr<Name>>& names() const { return names_; }

 private:
  static uint64_t Key(uint32_t name, uint32_t value) { return (uint64_t{name} << 32) | value; }

  Roaring all_;
  uint64_t values_count_ = 0;
  uint64_t entries_count_ = 0;
  boost::unordered_flat_map<uint32_t, std::unique_ptr<Name>> names_;
  boost::unordered_flat_map<uint64_t, PostingList> lists_;
};

}  // namespace auspex::storage
