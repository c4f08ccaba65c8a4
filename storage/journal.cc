#include "journal.h"

#include <bit>
#include <cstring>
#include <memory>

#include "base/bytes.h"

namespace auspex::storage {
namespace {

constexpr uint8_t kVersion = 2;

// Writes into room that the caller made: ten bytes at most.
char* PutVarint(char* at, uint64_t v) {
  while (v >= 0x80) {
    *at++ = static_cast<char>(v | 0x80);
    v >>= 7;
  }
  *at++ = static_cast<char>(v);
  return at;
}

// A value as the bytes from its sign on, up to the last that is not zero: two or three for small integers. Their numbers, 0 to
// 8, come first, two to a byte.
char* PutValues(char* at, std::span<const double> values) {
  auto* counts = reinterpret_cast<uint8_t*>(at);
  at += (values.size() + 1) / 2;
  for (size_t i = 0; i < values.size(); ++i) {
    const auto bits = std::bit_cast<uint64_t>(values[i]);
    const unsigned bytes = bits == 0 ? 0 : 8 - static_cast<unsigned>(std::countr_zero(bits)) / 8;
    if (i % 2 == 0) {
      counts[i / 2] = static_cast<uint8_t>(bytes);
    } else {
      counts[i / 2] |= static_cast<uint8_t>(bytes << 4);
    }
    const uint64_t swapped = __builtin_bswap64(bits);
    std::memcpy(at, &swapped, sizeof(swapped));
    at += bytes;
  }
  return at;
}

bool TakeValues(ByteReader& reader, std::vector<double>& values) {
  const std::string_view counts = reader.Take((values.size() + 1) / 2);
  if (!reader.ok()) return false;
  for (size_t i = 0; i < values.size(); ++i) {
    const unsigned bytes = (static_cast<uint8_t>(counts[i / 2]) >> (i % 2 * 4)) & 0xf;
    if (bytes > 8) return false;
    const std::string_view text = reader.Take(bytes);
    if (!reader.ok()) return false;
    uint64_t swapped = 0;
    std::memcpy(&swapped, text.data(), text.size());
    values[i] = std::bit_cast<double>(__builtin_bswap64(swapped));
  }
  return true;
}

}  // namespace

std::string EncodeJournalRecord(std::span<const uint32_t> ordinals, std::span<const int64_t> t_ms,
                                std::span<const double> values) {
  const size_t n = ordinals.size();
  // Room for the longest that a record can get; only what is written is copied out.
  const auto room = std::make_unique_for_overwrite<char[]>(1 + 10 + n * (5 + 10 + 1 + 8) + 8);
  char* at = room.get();
  *at++ = static_cast<char>(kVersion);
  at = PutVarint(at, n);
  // The next series is mostly the one after the last, at the same time: both differences are then a single zero byte.
  uint32_t expected = 0;
  for (const uint32_t ordinal : ordinals) {
    at = PutVarint(at, ZigZag(static_cast<int32_t>(ordinal - expected)));
    expected = ordinal + 1;
  }
  uint64_t previous = 0;
  for (const int64_t t : t_ms) {
    at = PutVarint(at, ZigZag(static_cast<int64_t>(static_cast<uint64_t>(t) - previous)));
    previous = static_cast<uint64_t>(t);
  }
  at = PutValues(at, values);
  return std::string(room.get(), at);
}

Status DecodeJournalRecord(uint64_t sequence, std::string_view bytes, JournalRows& rows) {
  ByteReader reader(bytes);
  const uint8_t version = reader.Byte();
  if (reader.ok() && version != kVersion) {
    return Corruption("journal record {}: version: stored {}, newest known {}", sequence, version, kVersion);
  }
  const uint64_t n = reader.Varint();
  if (!reader.ok() || n > reader.rest().size() / 2) {  // every row has at least two bytes and a half
    return Corruption("journal record {}: {} rows cannot be in {} bytes", sequence, n, bytes.size());
  }
  rows.ordinals.resize(n);
  rows.t_ms.resize(n);
  rows.values.resize(n);
  uint32_t expected = 0;
  for (uint32_t& ordinal : rows.ordinals) {
    ordinal = expected + static_cast<uint32_t>(reader.Signed());
    expected = ordinal + 1;
  }
  uint64_t previous = 0;
  for (int64_t& t : rows.t_ms) {
    previous += static_cast<uint64_t>(reader.Signed());
    t = static_cast<int64_t>(previous);
  }
  if (!TakeValues(reader, rows.values) || !reader.Done())
    return Corruption("journal record {}: {} rows do not fill {} bytes", sequence, n, bytes.size());
  return OkStatus();
}

}  // namespace auspex::storage
