#include "block_frame.h"

#include <xxhash.h>

namespace auspex::storage {
namespace {

constexpr size_t kHeadBytes = 2;
constexpr size_t kChecksumBytes = 4;

uint32_t Checksum(std::string_view bytes) { return static_cast<uint32_t>(XXH3_64bits(bytes.data(), bytes.size())); }

}  // namespace

void BeginBlock(std::string& out, BlockType type, uint8_t version) {
  AppendFixed(out, version);
  AppendFixed(out, static_cast<uint8_t>(type));
}

void EndBlock(std::string& out) { AppendFixed(out, Checksum(out)); }

Result<ByteReader> OpenBlock(std::string_view bytes, BlockType type, uint8_t version) {
  if (bytes.size() < kHeadBytes + kChecksumBytes) return Corruption("{} bytes cannot be a block", bytes.size());
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  const auto stored = ByteReader(bytes.substr(body.size())).Fixed<uint32_t>();
  if (const uint32_t computed = Checksum(body); computed != stored) {
    return Corruption("checksum mismatch: stored {:08x}, computed {:08x}", stored, computed);
  }
  ByteReader reader(body);
  const uint8_t stored_version = reader.Byte();
  if (stored_version != version) return Corruption("version: stored {}, newest known {}", stored_version, version);
  const uint8_t stored_type = reader.Byte();
  if (stored_type != static_cast<uint8_t>(type)) {
    return Corruption("type: stored {}, expected {}", stored_type, static_cast<uint8_t>(type));
  }
  return reader;
}

ByteReader ReopenBlock(std::string_view bytes) {
  return ByteReader(bytes.substr(kHeadBytes, bytes.size() - kHeadBytes - kChecksumBytes));
}

}  // namespace auspex::storage
