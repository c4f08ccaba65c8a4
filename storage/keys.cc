#include "keys.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace auspex {

std::string RecordTimeKey(int64_t t_ms) { return fmt::format("{:016x}", static_cast<uint64_t>(t_ms) ^ (uint64_t{1} << 63)); }

namespace storage {
namespace {

// Flipping the sign bit makes signed numbers sort as bytes.
uint32_t Biased(int32_t v) { return static_cast<uint32_t>(v) ^ 0x8000'0000u; }
uint64_t Biased(int64_t v) { return static_cast<uint64_t>(v) ^ 0x8000'0000'0000'0000u; }
int32_t Unbiased(uint32_t v) { return static_cast<int32_t>(v ^ 0x8000'0000u); }
int64_t Unbiased(uint64_t v) { return static_cast<int64_t>(v ^ 0x8000'0000'0000'0000u); }

void AppendPartition(std::string& out, Partition partition) {
  AppendBigEndian(out, Biased(partition.begin_day));
  AppendBigEndian(out, partition.days);
}

Partition ReadPartition(const char* at) { return {Unbiased(ReadBigEndian<uint32_t>(at)), ReadBigEndian<uint8_t>(at + 4)}; }

}  // namespace

std::string BlockKey::Encode() const {
  std::string out = SeriesPrefix(partition, tenant, series);
  AppendBigEndian(out, Biased(tmin_ms));
  AppendBigEndian(out, generation);
  return out;
}

std::optional<BlockKey> BlockKey::Decode(std::string_view bytes) {
  if (bytes.size() != kBytes) return std::nullopt;
  BlockKey key;
  key.partition = ReadPartition(bytes.data());
  key.tenant = ReadBigEndian<uint32_t>(bytes.data() + 5);
  key.series.group = ReadBigEndian<uint32_t>(bytes.data() + 9);
  key.series.ordinal = ReadBigEndian<uint32_t>(bytes.data() + 13);
  key.tmin_ms = Unbiased(ReadBigEndian<uint64_t>(bytes.data() + 17));
  key.generation = ReadBigEndian<uint64_t>(bytes.data() + 25);
  return key;
}

std::string BlockKey::ToString() const {
  return fmt::format("partition day {}+{} tenant {} series {}/{} tmin {} generation {}", partition.begin_day, partition.days,
                     tenant, series.group, series.ordinal, tmin_ms, generation);
}

std::string BlockKey::PartitionPrefix(Partition partition) {
  std::string out;
  out.reserve(kBytes);
  AppendPartition(out, partition);
  return out;
}

std::string BlockKey::SeriesPrefix(Partition partition, TenantId tenant, SeriesId series) {
  std::string out = PartitionPrefix(partition);
  AppendBigEndian(out, tenant);
  AppendBigEndian(out, series.group);
  AppendBigEndian(out, series.ordinal);
  return out;
}

std::string PrefixEnd(std::string prefix) {
  while (!prefix.empty()) {
    if (static_cast<uint8_t>(prefix.back()) != 0xff) {
      prefix.back() = static_cast<char>(static_cast<uint8_t>(prefix.back()) + 1);
      break;
    }
    prefix.pop_back();
  }
  return prefix;
}

std::string JournalKey(uint64_t sequence) {
  std::string out;
  AppendBigEndian(out, sequence);
  return out;
}

std::optional<uint64_t> DecodeJournalKey(std::string_view bytes) {
  if (bytes.size() != 8) return std::nullopt;
  return ReadBigEndian<uint64_t>(bytes.data());
}

std::string RecordKey(TenantId tenant, RecordKind kind, std::string_view key) {
  std::string out;
  out.reserve(kRecordPrefixBytes + key.size());
  AppendBigEndian(out, tenant);
  AppendBigEndian(out, static_cast<uint8_t>(kind));
  out.append(key);
  return out;
}

std::string ActiveKey(const ActiveName& name) {
  std::string out = BlockKey::PartitionPrefix(name.partition);
  AppendBigEndian(out, name.tenant);
  return out;
}

std::optional<Partition> DecodePartition(std::string_view bytes) {
  if (bytes.size() != 5) return std::nullopt;
  return ReadPartition(bytes.data());
}

std::optional<ActiveName> DecodeActiveKey(std::string_view bytes) {
  if (bytes.size() != 9) return std::nullopt;
  return ActiveName{ReadPartition(bytes.data()), ReadBigEndian<uint32_t>(bytes.data() + 5)};
}

}  // namespace storage
}  // namespace auspex
