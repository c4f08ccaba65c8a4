#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace auspex::storage {

/// A set of numbers, each found by a 64-bit hash of what it stands for; that itself lies with the owner. Eight bytes a place:
/// the upper half of the hash beside the number, so that neither growing nor most comparisons look at the owner's data. One
/// writer at a time, readers with the owner's shared lock.
class IdTable {
 public:
  static constexpr uint32_t kNone = 0xffff'ffff;

  /// The number with that hash for which `same(number)` holds; kNone when there is none.
  template <typename Same>
  uint32_t Find(uint64_t hash, const Same& same) const {
    if (slots_.empty()) return kNone;
    const uint32_t tag = TagOf(hash);
    for (size_t at = HomeOf(tag); slots_[at].id != kNone; at = Next(at)) {
      if (slots_[at].tag == tag && same(slots_[at].id)) return slots_[at].id;
    }
    return kNone;
  }

  /// A number that is not in it yet; not kNone.
  void Insert(uint64_t hash, uint32_t id) {
    if (4 * (count_ + 1) > 3 * slots_.size()) Resize(slots_.size() + slots_.size() / 2 + kLeastSlots);
    Put({TagOf(hash), id});
    ++count_;
  }

  /// A number that is in it.
  void Erase(uint64_t hash, uint32_t id) {
    size_t hole = HomeOf(TagOf(hash));
    while (slots_[hole].id != id) hole = Next(hole);
    // What was pushed on because of it moves back.
    for (size_t at = Next(hole); slots_[at].id != kNone; at = Next(at)) {
      const size_t home = HomeOf(slots_[at].tag);
      const bool stays = hole < at ? (home > hole && home <= at) : (home > hole || home <= at);
      if (stays) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = Slot();
    --count_;
  }

  /// For a Find or an Insert that comes soon.
  void Prefetch(uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[HomeOf(TagOf(hash))], 1);
  }
  /// Room for so many.
  void Reserve(size_t count) {
    if (4 * count > 3 * slots_.size()) Resize(count + count / 3 + kLeastSlots);
  }
  size_t size() const { return count_; }
  uint64_t bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    uint32_t tag = 0;
    uint32_t id = kNone;
  };
  static constexpr size_t kLeastSlots = 16;

  static uint32_t TagOf(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }
  size_t HomeOf(uint32_t tag) const { return static_cast<size_t>((uint64_t{tag} * slots_.size()) >> 32); }
  size_t Next(size_t at) const { return at + 1 == slots_.size() ? 0 : at + 1; }
  void Put(Slot slot) {
    size_t at = HomeOf(slot.tag);
    while (slots_[at].id != kNone) at = Next(at);
    slots_[at] = slot;
  }
  void Resize(size_t slots) {
    // Places lie in the order of their tags, before and after: both tables are walked once.
    const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots));
    for (const Slot& slot : old) {
      if (slot.id != kNone) Put(slot);
    }
  }

  std::vector<Slot> slots_;
  size_t count_ = 0;
};

}  // namespace auspex::storage
