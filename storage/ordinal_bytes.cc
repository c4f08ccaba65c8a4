#include "ordinal_bytes.h"

#include <bit>
#include <exception>
#include <vector>

#include "base/bytes.h"

namespace auspex::storage {
namespace {

// https://github.com/RoaringBitmap/RoaringFormatSpec
constexpr uint32_t kCookie = 12346;
constexpr uint32_t kCookieWithRuns = 12347;
constexpr size_t kOffsetsFrom = 4;  // containers, where there are runs
constexpr uint32_t kMostInArray = 4096;
constexpr size_t kBitsetBytes = 8192;
constexpr uint32_t kMostInContainer = 65536;

struct Container {
  uint16_t key;
  uint32_t cardinality;
  bool runs;
};

bool IsRuns(ByteReader& reader, uint32_t cardinality) {
  const auto count = reader.Fixed<uint16_t>();
  uint32_t found = 0;
  uint32_t end = 0;  // of the run before
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t first = reader.Fixed<uint16_t>();
    const uint32_t length = uint32_t{reader.Fixed<uint16_t>()} + 1;
    if (!reader.ok() || first < end || first + length > kMostInContainer) return false;
    end = first + length;
    found += length;
  }
  return reader.ok() && found == cardinality;
}

bool IsArray(ByteReader& reader, uint32_t cardinality) {
  int32_t previous = -1;
  for (uint32_t i = 0; i < cardinality; ++i) {
    const int32_t value = reader.Fixed<uint16_t>();
    if (!reader.ok() || value <= previous) return false;
    previous = value;
  }
  return true;
}

bool IsBitset(ByteReader& reader, uint32_t cardinality) {
  if (reader.rest().size() < kBitsetBytes) return false;
  uint32_t found = 0;
  for (size_t at = 0; at < kBitsetBytes; at += sizeof(uint64_t)) {
    found += static_cast<uint32_t>(std::popcount(reader.Fixed<uint64_t>()));
  }
  return found == cardinality;
}

bool AreOrdinals(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto cookie = reader.Fixed<uint32_t>();
  const bool with_runs = (cookie & 0xffff) == kCookieWithRuns;
  if (!with_runs && cookie != kCookie) return false;
  const size_t count = with_runs ? (cookie >> 16) + 1 : reader.Fixed<uint32_t>();
  if (!reader.ok() || count > kMostInContainer) return false;
  const std::string_view run_flags = with_runs ? reader.Take((count + 7) / 8) : std::string_view();
  std::vector<Container> containers;
  for (size_t i = 0; i < count; ++i) {
    const bool runs = !run_flags.empty() && ((static_cast<uint8_t>(run_flags[i / 8]) >> (i % 8)) & 1) != 0;
    const auto key = reader.Fixed<uint16_t>();
    const uint32_t cardinality = uint32_t{reader.Fixed<uint16_t>()} + 1;
    if (!reader.ok() || (i > 0 && key <= containers.back().key)) return false;
    containers.push_back({.key = key, .cardinality = cardinality, .runs = runs});
  }
  if (!with_runs || count >= kOffsetsFrom) reader.Take(count * sizeof(uint32_t));
  for (const Container& container : containers) {
    const bool sound = container.runs                          ? IsRuns(reader, container.cardinality)
                       : container.cardinality <= kMostInArray ? IsArray(reader, container.cardinality)
                                                               : IsBitset(reader, container.cardinality);
    if (!sound) return false;
  }
  return reader.Done();
}

}  // namespace

std::string SerializeOrdinals(const Roaring& ordinals) {
  Roaring packed = ordinals;
  packed.runOptimize();
  std::string bytes(packed.getSizeInBytes(), '\0');
  packed.write(bytes.data());
  return bytes;
}

Result<Roaring> ParseOrdinals(std::string_view bytes) {
  if (!AreOrdinals(bytes)) return Corruption("{} bytes are not a bitmap", bytes.size());
  try {
    return Roaring::readSafe(bytes.data(), bytes.size());
  } catch (const std::exception& e) {
    return Corruption("{} bytes are not a bitmap: {}", bytes.size(), e.what());
  }
}

}  // namespace auspex::storage
