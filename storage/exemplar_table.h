#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <roaring/roaring.hh>

#include "auspex/storage/write_batch.h"
#include "rocks.h"

namespace auspex::storage {

/// The key of a series' exemplars within the records of kind kExemplar, and of one of them.
std::string ExemplarKey(uint32_t ordinal, int64_t t_ms);
/// Of a key that DecodeExemplar took.
uint32_t ExemplarOrdinal(std::string_view key);
/// Exemplar as bytes; its time is in the key. docs/format/keys.md.
std::string EncodeExemplar(const Exemplar& exemplar);
/// Errors: Corruption.
Result<Exemplar> DecodeExemplar(std::string_view key, std::string_view value);

/// Which exemplars there are, so that there never are too many: the oldest of a series go first, then the oldest of all.
/// The exemplars themselves are records. One thread at a time.
class ExemplarTable {
 public:
  static constexpr size_t kPerSeries = 128;
  explicit ExemplarTable(size_t limit) : limit_(limit) {}

  /// What is stored. Errors: Corruption, IoError.
  Status Load(const Rocks& rocks);

  // Changes are added to `batch`.
  void Put(TenantId tenant, uint32_t ordinal, const Exemplar& exemplar, const Rocks& rocks, rocksdb::WriteBatch& batch);
  /// Those before `t_ms`.
  void Expire(int64_t t_ms, const Rocks& rocks, rocksdb::WriteBatch& batch);
  /// Those of the series within [begin_ms, end_ms).
  void Delete(const Roaring& series, int64_t begin_ms, int64_t end_ms, const Rocks& rocks, rocksdb::WriteBatch& batch);

  size_t size() const { return by_time_.size(); }
  /// One above the largest ordinal of a series with exemplars. O(series).
  uint32_t ordinals_end() const;

 private:
  struct Entry {
    int64_t t_ms;
    uint32_t ordinal;
    TenantId tenant;
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  using ByTime = std::set<Entry>;
  ByTime::iterator Erase(ByTime::iterator at, const Rocks& rocks, rocksdb::WriteBatch& batch);

  const size_t limit_;
  ByTime by_time_;
  std::unordered_map<uint32_t, std::set<int64_t>> of_series_;
};

}  // namespace auspex::storage
