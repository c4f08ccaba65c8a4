#include "journal.h"

#include <cstring>

#include "base/bytes.h"

namespace auspex::storage {
namespace {

constexpr uint8_t kVersion = 1;

// Writes into room that the caller made: ten bytes at most.
char* PutVarint(char* at, uint64_t v) {
  while (v >= 0x80) {
    *at++ = static_cast<char>(v | 0x80);
    v >>= 7;
  }
  *at++ = static_cast<char>(v);
  return at;
}

}  // namespace

std::string EncodeJournalRecord(std::span<const uint32_t> ordinals, std::span<const int64_t> t_ms,
                                std::span<const double> values) {
  const size_t n = ordinals.size();
  std::string out;
  out.resize(1 + 10 + n * (5 + 10 + 8));
  char* at = out.data();
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
  std::memcpy(at, values.data(), n * sizeof(double));
  at += n * sizeof(double);
  out.resize(static_cast<size_t>(at - out.data()));
  return out;
}

Status DecodeJournalRecord(uint64_t sequence, std::string_view bytes, JournalRows& rows) {
  ByteReader reader(bytes);
  const uint8_t version = reader.Byte();
  if (reader.ok() && version > kVersion) {
    return Corruption("journal record {}: version: stored {}, newest known {}", sequence, version, kVersion);
  }
  const uint64_t n = reader.Varint();
  if (!reader.ok() || n > reader.rest().size() / 10) {  // every row has at least ten bytes
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
  const std::string_view values = reader.Take(n * sizeof(double));
  if (!reader.Done()) return Corruption("journal record {}: {} rows do not fill {} bytes", sequence, n, bytes.size());
  std::memcpy(rows.values.data(), values.data(), values.size());
  return OkStatus();
}

}  // namespace auspex::storage
