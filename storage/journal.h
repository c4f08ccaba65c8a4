#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/storage/base/result.h"

namespace auspex::storage {

/// The rows of one batch as the journal keeps them: three columns of the same length, in the batch's order.
struct JournalRows {
  std::vector<uint32_t> ordinals;  ///< series
  std::vector<int64_t> t_ms;
  std::vector<double> values;
};

/// One journal record, made to be written fast: differences as varints, values as they are. docs/format/keys.md.
std::string EncodeJournalRecord(std::span<const uint32_t> ordinals, std::span<const int64_t> t_ms,
                                std::span<const double> values);

/// Replaces `rows`. Errors: Corruption (names the sequence).
Status DecodeJournalRecord(uint64_t sequence, std::string_view bytes, JournalRows& rows);

}  // namespace auspex::storage
