#pragma once

#include <string>
#include <string_view>

#include <roaring/roaring.hh>

#include "auspex/storage/base/result.h"

namespace auspex::storage {

/// Ordinals in Roaring's portable form, as small as it can be.
std::string SerializeOrdinals(const Roaring& ordinals);
/// Each part of the bytes is looked at before Roaring, which believes them, gets them. Errors: Corruption.
Result<Roaring> ParseOrdinals(std::string_view bytes);

}  // namespace auspex::storage
