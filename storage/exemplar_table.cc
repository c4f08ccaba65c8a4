#include "exemplar_table.h"

#include <algorithm>

#include "base/bytes.h"
#include "keys.h"

namespace auspex::storage {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kKeyBytes = 12;
// Flipping the sign bit makes signed numbers sort as bytes.
constexpr uint64_t kSignBit = uint64_t{1} << 63;

}  // namespace

std::string ExemplarKey(uint32_t ordinal, int64_t t_ms) {
  std::string key;
  AppendBigEndian(key, ordinal);
  AppendBigEndian(key, static_cast<uint64_t>(t_ms) ^ kSignBit);
  return key;
}

uint32_t ExemplarOrdinal(std::string_view key) { return ReadBigEndian<uint32_t>(key.data()); }

std::string EncodeExemplar(const Exemplar& exemplar) {
  std::string out(1, static_cast<char>(kVersion));
  AppendFixed(out, exemplar.value);
  out += exemplar.labels.bytes();
  return out;
}

Result<Exemplar> DecodeExemplar(std::string_view key, std::string_view value) {
  if (key.size() != kKeyBytes) return Corruption("exemplar: key of {} bytes, expected {}", key.size(), kKeyBytes);
  const auto ordinal = ReadBigEndian<uint32_t>(key.data());
  Exemplar exemplar;
  exemplar.t_ms = static_cast<int64_t>(ReadBigEndian<uint64_t>(key.data() + 4) ^ kSignBit);
  ByteReader reader(value);
  const uint8_t version = reader.Byte();
  if (reader.ok() && version != kVersion) {
    return Corruption("exemplar of series {}: version: stored {}, newest known {}", ordinal, version, kVersion);
  }
  exemplar.value = reader.Fixed<double>();
  if (!reader.ok()) return Corruption("exemplar of series {} at {} ms: {} bytes", ordinal, exemplar.t_ms, value.size());
  auto labels = Labels::FromBytes(reader.rest());
  if (!labels.ok()) return Corruption("exemplar of series {} at {} ms: {}", ordinal, exemplar.t_ms, labels.status().message());
  exemplar.labels = *std::move(labels);
  return exemplar;
}

Status ExemplarTable::Load(const Rocks& rocks) {
  const std::unique_ptr<rocksdb::Iterator> it(rocks.db().NewIterator(rocksdb::ReadOptions(), rocks.family(Family::kRecords)));
  // The records of a kind lie together within each tenant.
  for (it->SeekToFirst(); it->Valid();) {
    if (it->key().size() < kRecordPrefixBytes) return Corruption("records: key of {} bytes", it->key().size());
    const auto tenant = ReadBigEndian<TenantId>(it->key().data());
    const std::string prefix = RecordKey(tenant, RecordKind::kExemplar, "");
    for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
      if (it->key().size() != kRecordPrefixBytes + kKeyBytes) return Corruption("exemplar: key of {} bytes", it->key().size());
      const char* key = it->key().data() + kRecordPrefixBytes;
      const auto ordinal = ReadBigEndian<uint32_t>(key);
      const auto t_ms = static_cast<int64_t>(ReadBigEndian<uint64_t>(key + 4) ^ kSignBit);
      by_time_.insert({t_ms, ordinal, tenant});
      of_series_[ordinal].insert(t_ms);
    }
    if (tenant == ~TenantId{0}) break;
    if (it->Valid() && ReadBigEndian<TenantId>(it->key().data()) == tenant) it->Seek(RecordKey(tenant + 1, RecordKind{}, ""));
  }
  return FromRocks(it->status(), "exemplars");
}

uint32_t ExemplarTable::ordinals_end() const {
  uint32_t end = 0;
  for (const auto& [ordinal, times] : of_series_) end = std::max(end, ordinal + 1);
  return end;
}

ExemplarTable::ByTime::iterator ExemplarTable::Erase(ByTime::iterator at, const Rocks& rocks, rocksdb::WriteBatch& batch) {
  const std::string key = RecordKey(at->tenant, RecordKind::kExemplar, ExemplarKey(at->ordinal, at->t_ms));
  AUSPEX_CHECK(batch.Delete(rocks.family(Family::kRecords), key).ok());
  const auto series = of_series_.find(at->ordinal);
  series->second.erase(at->t_ms);
  if (series->second.empty()) of_series_.erase(series);
  return by_time_.erase(at);
}

void ExemplarTable::Put(TenantId tenant, uint32_t ordinal, const Exemplar& exemplar, const Rocks& rocks,
                        rocksdb::WriteBatch& batch) {
  const std::string key = RecordKey(tenant, RecordKind::kExemplar, ExemplarKey(ordinal, exemplar.t_ms));
  AUSPEX_CHECK(batch.Put(rocks.family(Family::kRecords), key, EncodeExemplar(exemplar)).ok());
  if (!by_time_.insert({exemplar.t_ms, ordinal, tenant}).second) return;
  std::set<int64_t>& of_series = of_series_[ordinal];
  of_series.insert(exemplar.t_ms);
  if (of_series.size() > kPerSeries) {
    Erase(by_time_.find({*of_series.begin(), ordinal, tenant}), rocks, batch);
  } else if (by_time_.size() > limit_) {
    Erase(by_time_.begin(), rocks, batch);
  }
}

void ExemplarTable::Expire(int64_t t_ms, const Rocks& rocks, rocksdb::WriteBatch& batch) {
  for (auto at = by_time_.begin(); at != by_time_.end() && at->t_ms < t_ms;) at = Erase(at, rocks, batch);
}

void ExemplarTable::Delete(const Roaring& series, int64_t begin_ms, int64_t end_ms, const Rocks& rocks,
                           rocksdb::WriteBatch& batch) {
  for (auto at = by_time_.lower_bound({begin_ms, 0, 0}); at != by_time_.end() && at->t_ms < end_ms;) {
    at = series.contains(at->ordinal) ? Erase(at, rocks, batch) : std::next(at);
  }
}

}  // namespace auspex::storage
