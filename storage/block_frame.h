#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "auspex/storage/base/result.h"
#include "base/bytes.h"

namespace auspex::storage {

/// What a block holds. On disk: never reused.
enum class BlockType : uint8_t { kFloat64 = 1, kHistogram = 2, kSummaries = 3 };

/// What all blocks have in common: a version and a type at the front, at the back the low 32 bits of XXH3-64 of everything
/// before. Versions count for each type by itself.
void BeginBlock(std::string& out, BlockType type, uint8_t version);
/// Nothing comes behind it.
void EndBlock(std::string& out);

/// What lies between the two. *Borrows* the bytes. Errors: Corruption (checksum, version, type), without saying which block.
Result<ByteReader> OpenBlock(std::string_view bytes, BlockType type, uint8_t version);
/// The same for bytes that OpenBlock has let through before, and that have been nowhere but in memory since.
ByteReader ReopenBlock(std::string_view bytes);

}  // namespace auspex::storage
